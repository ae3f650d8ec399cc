package huggingface

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// scoreAdded is what the script writes as the score of tokens that other files than tokenizer.model name.
const scoreAdded = -1000

// sentencePieces is SentencePiece's BPE: tokenizer.model, and the same with merges for tokenizer.json.
func (x *exporter) sentencePieces(v *fileVocab) (model, steps object, err error) {
	merges, err := v.mergesByScore()
	if err != nil {
		return nil, nil, err
	}
	ids, err := v.ids()
	if err != nil {
		return nil, nil, err
	}
	prefix := true
	if b, err := x.f.Bool(keySpacePrefix); err == nil {
		prefix = b
	}
	x.files["tokenizer.model"] = v.sentencePieceModel(prefix)
	var unknown any
	if i := slices.IndexFunc(v.tokens, func(t token) bool { return t.kind == kindUnknown }); i >= 0 {
		unknown = v.tokens[i].text
	}
	escape := []object{{"type": "Replace", "pattern": object{"String": " "}, "content": "▁"}}
	unescape := []object{{"type": "Replace", "pattern": object{"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}}
	if prefix {
		escape = append([]object{{"type": "Prepend", "prepend": "▁"}}, escape...)
		unescape = append(unescape, object{"type": "Strip", "content": " ", "start": 1, "stop": 0})
	}
	return object{"type": "BPE", "dropout": nil, "unk_token": unknown, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
			"fuse_unk": true, "byte_fallback": true, "ignore_merges": false, "vocab": ids, "merges": merges},
		object{"normalizer": object{"type": "Sequence", "normalizers": escape}, "decoder": object{"type": "Sequence", "decoders": unescape}}, nil
}

// mergesByScore returns the merges that scores stand for: of all ways to make a token of two, those to the token with
// the highest score come first. So does transformers make tokenizer.json of tokenizer.model.
func (v *fileVocab) mergesByScore() ([][2]string, error) {
	id := make(map[string]int, len(v.tokens))
	low, high := float32(math.Inf(1)), float32(math.Inf(-1))
	for i, t := range v.tokens {
		if t.kind == kindNormal {
			id[t.text] = i
			low, high = min(low, t.score), max(high, t.score)
		}
	}
	if len(id) > 1 && low == high {
		return nil, fmt.Errorf("key tokenizer.ggml.scores: %w: all scores are %v, so that nothing says in which order tokens are made", ErrUnsupported, low)
	}
	type merge struct {
		pair  [2]string
		score float32
		a, b  int
	}
	var list []merge
	for _, t := range v.tokens {
		if t.kind != kindNormal {
			continue
		}
		for at := range t.text {
			a, okA := id[t.text[:at]]
			b, okB := id[t.text[at:]]
			if at > 0 && okA && okB {
				list = append(list, merge{[2]string{t.text[:at], t.text[at:]}, t.score, a, b})
			}
		}
	}
	slices.SortFunc(list, func(p, q merge) int {
		return cmp.Or(cmp.Compare(q.score, p.score), cmp.Compare(p.a, q.a), cmp.Compare(p.b, q.b))
	})
	out := make([][2]string, len(list))
	for i, m := range list {
		out[i] = m.pair
	}
	return out, nil
}

// addedDecoder lists the tokens that are not in tokenizer.model as they are, or also all that users added: transformers'
// form of added tokens.
func (v *fileVocab) addedDecoder(users bool) object {
	out := object{}
	for _, a := range v.added {
		if users && !a.Special || v.tokens[a.ID].score == scoreAdded {
			out[strconv.Itoa(a.ID)] = object{"content": a.Content, "single_word": false, "lstrip": false, "rstrip": false,
				"normalized": false, "special": a.Special}
		}
	}
	return out
}

// sentencePieceModel writes the message of tokenizer.model, see sentencePiece.
func (v *fileVocab) sentencePieceModel(prefix bool) []byte {
	var out []byte
	n := len(v.tokens)
	for n > 0 && v.isPadding(n-1) {
		n--
	}
	for _, t := range v.tokens[:n] {
		out = appendBytes(out, fieldPieces, t.piece())
	}
	trainer := appendNumber(nil, 3, 2)            // model_type: BPE
	trainer = appendNumber(trainer, 4, uint64(n)) // vocab_size
	trainer = appendNumber(trainer, 35, 1)        // byte_fallback
	for i, id := range v.trainerIDs() {           // unk_id, bos_id, eos_id, pad_id
		trainer = appendNumber(trainer, 40+i, uint64(int64(id)))
	}
	out = appendBytes(out, fieldTrainer, trainer)
	normalizer := appendBytes(nil, 1, []byte("identity"))
	normalizer = appendNumber(normalizer, 3, number01(prefix)) // add_dummy_prefix
	normalizer = appendNumber(normalizer, 4, 0)                // remove_extra_whitespaces
	normalizer = appendNumber(normalizer, 5, 1)                // escape_whitespaces
	return appendBytes(out, fieldNormalizer, normalizer)
}

// piece writes the message of a piece, see sentencePiece.piece.
func (t token) piece() []byte {
	b := appendBytes(nil, 1, []byte(t.text))
	b = binary.LittleEndian.AppendUint32(append(b, 2<<3|5), math.Float32bits(t.score))
	if t.kind != kindNormal {
		b = appendNumber(b, 3, uint64(t.kind))
	}
	return b
}

// trainerIDs are the tokens that the message names: unknown text, begin, end, and padding, −1 for none.
func (v *fileVocab) trainerIDs() [4]int32 {
	ids := [4]int32{int32(slices.IndexFunc(v.tokens, func(t token) bool { return t.kind == kindUnknown })), -1, -1, -1}
	if id, ok := v.BOS(); ok {
		ids[1] = id
	}
	if id, ok := v.EOS(); ok {
		ids[2] = id
	}
	return ids
}

// number01 is a bool in a message.
func number01(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// appendNumber appends a field that is a number.
func appendNumber(b []byte, field int, n uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(field)<<3), n)
}

// appendBytes appends a field that is bytes.
func appendBytes(b []byte, field int, data []byte) []byte {
	b = binary.AppendUvarint(b, uint64(field)<<3|2)
	return append(binary.AppendUvarint(b, uint64(len(data))), data...)
}
