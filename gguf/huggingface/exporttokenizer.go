package huggingface

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/latentgo/latentgo/tokenizer"
)

// fileVocab is the vocabulary of a GGUF file.
type fileVocab struct {
	*tokenizer.Tokenizer
	tokens []token
	model  string // tokenizer.ggml.model
	added  []jsonToken
}

// jsonToken is an element of added_tokens in tokenizer.json.
type jsonToken struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// object is a JSON object.
type object map[string]any

// tokenizer makes tokenizer.json, tokenizer.model and tokenizer_config.json.
func (x *exporter) tokenizer() error {
	v, err := x.readVocab()
	if err != nil {
		return err
	}
	var model, steps object
	switch v.model {
	case "plamo2": // whose tokenizer no class of transformers has
		return x.tokenizerFiles(v)
	case "gpt2":
		model, steps, err = x.bytePairs(v)
	case "llama":
		model, steps, err = x.sentencePieces(v)
	case "gemma4":
		model, steps, err = x.spacedPairs(v)
	case "bert":
		model, steps, err = x.wordPieces(v)
	case "t5":
		model, steps, err = x.unigramPieces(v)
	default:
		return fmt.Errorf("key tokenizer.ggml.model: %w: %q; byte-level BPE (gpt2), SentencePiece (llama, gemma4, t5), WordPiece (bert) and PLaMo's (plamo2) can be exported",
			ErrUnsupported, v.model)
	}
	if err != nil {
		return err
	}
	all := object{"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": v.added, "model": model,
		"normalizer": nil, "pre_tokenizer": nil, "post_processor": x.postProcessor(v), "decoder": nil}
	for k, s := range steps {
		all[k] = s
	}
	if err := x.json("tokenizer.json", all); err != nil {
		return err
	}
	return x.tokenizerFiles(v)
}

// tokenizerFiles makes tokenizer_config.json, and the file that the class has of its own.
func (x *exporter) tokenizerFiles(v *fileVocab) error {
	if err := x.tokenizerConfig(v); err != nil || x.vocab == nil {
		return err
	}
	return x.vocab(x, v)
}

// readVocab reads the vocabulary.
func (x *exporter) readVocab() (*fileVocab, error) {
	tk, err := tokenizer.New(x.f)
	if err != nil {
		return nil, err
	}
	v := &fileVocab{Tokenizer: tk}
	texts, err := x.f.Strings("tokenizer.ggml.tokens")
	if err != nil {
		return nil, err
	}
	if rows := x.cfg["vocab_size"].(uint64); uint64(len(texts)) != rows {
		return nil, fmt.Errorf("tensor %q: %w: %d rows for %d tokens", "token_embd.weight", ErrUnsupported, rows, len(texts))
	}
	v.model, _ = x.f.String("tokenizer.ggml.model")
	kinds, _ := x.f.Ints("tokenizer.ggml.token_type")
	scores, _ := x.f.Floats("tokenizer.ggml.scores")
	v.tokens = make([]token, len(texts))
	for i, s := range texts {
		if !utf8.ValidString(s) {
			return nil, fmt.Errorf("key tokenizer.ggml.tokens[%d]: %w: %q is no UTF-8, which JSON needs", i, ErrUnsupported, s)
		}
		t := token{text: s, kind: kindNormal}
		if i < len(kinds) {
			if t.kind = int32(kinds[i]); int64(t.kind) != kinds[i] {
				return nil, fmt.Errorf("key %s[%d]: %w: %d is no kind of token", keyKinds, i, ErrFile, kinds[i])
			}
		}
		if i < len(scores) {
			t.score = scores[i]
		}
		if t.kind == kindControl || t.kind == kindUserDefined || t.kind == kindUnknown {
			v.added = append(v.added, jsonToken{ID: i, Content: s, Special: t.kind != kindUserDefined})
		}
		v.tokens[i] = t
	}
	return v, nil
}

// isPadding reports whether token i stands for nothing but a row of the embedding.
func (v *fileVocab) isPadding(i int) bool {
	return v.tokens[i].kind == kindUnused && v.tokens[i].text == fmt.Sprintf("[PAD%d]", i)
}

// ids writes the vocabulary as a JSON object in the order of ids.
func (v *fileVocab) ids() (json.RawMessage, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, t := range v.tokens {
		if v.isPadding(i) {
			continue
		}
		key, err := marshal(t.text)
		if err != nil {
			return nil, err
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:%d", bytes.TrimSpace(key), i)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// bytePairs is byte-level BPE.
func (x *exporter) bytePairs(v *fileVocab) (model, steps object, err error) {
	words, ignoreMerges, err := x.words()
	if err != nil {
		return nil, nil, err
	}
	ids, err := v.ids()
	if err != nil {
		return nil, nil, err
	}
	merges, err := x.merges(v)
	if err != nil {
		return nil, nil, err
	}
	return object{"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
			"fuse_unk": false, "byte_fallback": false, "ignore_merges": ignoreMerges, "vocab": ids, "merges": merges},
		object{"pre_tokenizer": words, "decoder": byteLevel(true)}, nil
}

// byteLevel spells bytes as characters; with words it cuts text into words as GPT-2 does.
func byteLevel(words bool) object {
	return object{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": words}
}

// words returns the pre_tokenizer, and whether words that are tokens need no merges.
func (x *exporter) words() (pre object, ignoreMerges bool, err error) {
	name, err := x.f.String("tokenizer.ggml.pre")
	if err != nil {
		return nil, false, err
	}
	same, ignoreMerges, ok := tokenizer.PreTokenizer(name)
	i := slices.IndexFunc(ruleList, func(r wordRules) bool {
		return slices.ContainsFunc(r.names, func(n string) bool { return slices.Contains(same, n) })
	})
	if !ok || i < 0 {
		return nil, false, fmt.Errorf("key tokenizer.ggml.pre: %w: %q", ErrUnsupported, name)
	}
	var list []object
	for _, step := range ruleList[i].steps {
		expression, isSplit := strings.CutPrefix(step, "Split(")
		switch {
		case isSplit:
			list = append(list, object{"type": "Split", "pattern": object{"Regex": strings.TrimSuffix(expression, ")")}, "behavior": "Isolated", "invert": false})
		case step == "Digits":
			list = append(list, object{"type": "Digits", "individual_digits": true})
		default:
			list = append(list, byteLevel(step == "ByteLevel+"))
		}
	}
	if len(list) == 1 {
		return list[0], ignoreMerges, nil
	}
	return object{"type": "Sequence", "pretokenizers": list}, ignoreMerges, nil
}

// merges returns the merges as pairs.
func (x *exporter) merges(v *fileVocab) ([][2]string, error) {
	const key = "tokenizer.ggml.merges"
	lines, err := x.f.Strings(key)
	if err != nil {
		return nil, err
	}
	have := make(map[string]bool, len(v.tokens))
	for _, t := range v.tokens {
		have[t.text] = true
	}
	out := make([][2]string, len(lines))
	for i, s := range lines {
		at := 1 + strings.IndexByte(s[min(1, len(s)):], ' ')
		if at < 1 || at >= len(s)-1 {
			return nil, fmt.Errorf("key %s[%d]: %w: %.40q is no pair of tokens", key, i, ErrFile, s)
		}
		out[i] = [2]string{s[:at], s[at+1:]}
		if !have[s[:at]] || !have[s[at+1:]] || !have[s[:at]+s[at+1:]] {
			return nil, fmt.Errorf("key %s[%d]: %w: %.40q: the vocabulary lacks a part of it or the result", key, i, ErrUnsupported, s)
		}
	}
	return out, nil
}

// postProcessor puts tokens before and behind texts.
func (x *exporter) postProcessor(v *fileVocab) any {
	bos, hasBOS := v.BOS()
	eos, hasEOS := v.EOS()
	specials := object{}
	side := func(sequence string, typ int) []object {
		special := func(id int32) object {
			s := v.tokens[id].text
			specials[s] = object{"id": s, "ids": []int32{id}, "tokens": []string{s}}
			return object{"SpecialToken": object{"id": s, "type_id": typ}}
		}
		var out []object
		if v.AddBOS() && hasBOS {
			out = append(out, special(bos))
		}
		out = append(out, object{"Sequence": object{"id": sequence, "type_id": typ}})
		if v.AddEOS() && hasEOS {
			out = append(out, special(eos))
		}
		return out
	}
	single := side("A", 0)
	if len(single) == 1 {
		return nil
	}
	pair := append(side("A", 0), side("B", 1)...)
	if v.model == "bert" { // one token ends texts and stands between them
		pair = append(side("A", 0), side("B", 1)[1:]...)
	} else if strings.Contains(x.class, "Roberta") && v.AddEOS() && hasEOS { // two of them stand there
		pair = append(append(side("A", 0), object{"SpecialToken": object{"id": v.tokens[eos].text, "type_id": 0}}), side("B", 0)[1:]...)
	} else if !x.f.Has("tokenizer.ggml.add_sep_token") { // nothing is said about two texts
		pair = []object{{"Sequence": object{"id": "A", "type_id": 0}}, {"Sequence": object{"id": "B", "type_id": 1}}}
	}
	template := object{"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": specials}
	if v.model != "gpt2" || !x.f.Has("tokenizer.ggml.add_eos_token") {
		return template
	}
	return object{"type": "Sequence", "processors": []object{byteLevel(true), template}}
}

// tokenizerConfig makes tokenizer_config.json, and says in config.json which tokens begin and end texts.
func (x *exporter) tokenizerConfig(v *fileVocab) error {
	// The class that takes tokenizer.json as it is.
	tc := object{"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false}
	if n, ok := x.uint("context_length"); ok {
		tc["model_max_length"] = n
	}
	for typ, key := range tokenKeys {
		id, err := x.f.Uint("tokenizer.ggml." + key)
		if err != nil || typ == "eot" || typ == "eom" {
			continue
		}
		if id >= uint64(len(v.tokens)) {
			return fmt.Errorf("key tokenizer.ggml.%s: %w: token %d of %d", key, ErrFile, id, len(v.tokens))
		}
		tc[typ+"_token"] = v.tokens[id].text
		x.cfg[typ+"_token_id"] = id
	}
	for _, typ := range []string{"bos", "eos"} {
		if b, err := x.f.Bool("tokenizer.ggml.add_" + typ + "_token"); err == nil {
			tc["add_"+typ+"_token"] = b
		}
	}
	if x.class == "DeepseekV32ForCausalLM" && v.AddBOS() {
		tc["add_bos_token"] = true // which llama.cpp's script demands
	}
	if b, err := x.f.Bool(keySpacePrefix); err == nil {
		tc["add_prefix_space"] = b
	}
	if b, err := x.f.Bool("tokenizer.ggml.remove_extra_whitespaces"); err == nil && v.model == "t5" {
		tc["clean_up_tokenization_spaces"] = b // which the script takes for it
	}
	if v.model == "bert" || v.model == "t5" {
		tc["cls_token"], tc["sep_token"] = tc["bos_token"], tc["eos_token"]
	}
	if v.model == "llama" {
		tc["added_tokens_decoder"] = v.addedDecoder(x.arch == "arctic") // whose reader takes no other's word
	}
	if v.model == "gemma4" { // whose reader knows them by this list only
		list := []string{}
		for _, a := range v.added {
			if a.Special {
				list = append(list, a.Content)
			}
		}
		tc["additional_special_tokens"] = list
	}
	x.template(tc)
	return x.json("tokenizer_config.json", tc)
}

// template adds the templates: one, or a list of named ones.
func (x *exporter) template(tc object) {
	const key = "tokenizer.chat_template"
	text, err := x.f.String(key)
	names, _ := x.f.Strings(key + "s")
	if len(names) == 0 {
		if err == nil {
			tc["chat_template"] = text
		}
		return
	}
	var list []object
	if err == nil {
		list = append(list, object{"name": "default", "template": text})
	}
	for _, n := range names {
		if text, err := x.f.String(key + "." + n); err == nil {
			list = append(list, object{"name": n, "template": text})
		}
	}
	tc["chat_template"] = list
}
