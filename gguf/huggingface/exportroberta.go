package huggingface

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Exports of RoBERTa, XLM-RoBERTa and DistilBERT, which have BERT's architecture, with or without heads for classes. BERT's
// own head is not here: it stands behind a pooler, which files do not have.

var _ = invert("bert",
	inverse{class: "XLMRobertaForSequenceClassification", modelType: "xlm-roberta", fits: vocabAndHead("t5", true),
		restore: (*exporter).roberta, config: (*exporter).robertaConfig},
	inverse{class: "XLMRobertaModel", modelType: "xlm-roberta", fits: vocabAndHead("t5", false),
		restore: (*exporter).roberta, config: (*exporter).robertaConfig},
	inverse{class: "RobertaForSequenceClassification", modelType: "roberta", fits: vocabAndHead("gpt2", true),
		restore: (*exporter).roberta, config: (*exporter).robertaConfig},
	inverse{class: "RobertaModel", modelType: "roberta", fits: vocabAndHead("gpt2", false),
		restore: (*exporter).roberta, config: (*exporter).robertaConfig},
	inverse{class: "DistilBertForSequenceClassification", modelType: "distilbert", fits: isDistilled(true),
		names: map[string]string{"cls": "pre_classifier", "cls.output": "classifier"}, implied: []string{"attention.layer_norm_epsilon"},
		restore: (*exporter).distilBERTHead, config: (*exporter).distilBERT},
	inverse{class: "DistilBertModel", modelType: "distilbert", fits: isDistilled(false),
		implied: []string{"attention.layer_norm_epsilon"}, config: (*exporter).distilBERT},
)

// vocabAndHead returns whether a model has a kind of vocabulary and a head for classes, or none.
func vocabAndHead(kind string, head bool) func(x *exporter) bool {
	return func(x *exporter) bool {
		s, err := x.f.String("tokenizer.ggml.model")
		return err == nil && s == kind && x.has("token_types.weight") && x.head(head)
	}
}

// isDistilled returns whether a model is a DistilBERT, which has no kinds of texts, with a head for classes or none.
func isDistilled(head bool) func(x *exporter) bool {
	return func(x *exporter) bool {
		s, err := x.f.String("tokenizer.ggml.model")
		return err == nil && s == "bert" && !x.has("token_types.weight") && x.head(head)
	}
}

// head reports whether the model has a head for classes of two matrices, or no head, as want says.
func (x *exporter) head(want bool) bool {
	if !want {
		return x.withoutClasses()
	}
	return x.has("cls.weight") && x.has("cls.output.weight")
}

// paddingPositions returns how many positions RoBERTa has in front for padding.
func (x *exporter) paddingPositions() int {
	const key = "tokenizer.ggml.padding_token_id"
	n, err := x.f.Uint(key)
	if err != nil || n > 1<<20 {
		if x.err == nil {
			x.err = fmt.Errorf("key %s: %w: positions of a %s are counted from it on", key, ErrFile, x.class)
		}
		return 0
	}
	return int(n) + 1
}

// roberta gives back a tensor. Positions begin behind those of padding, and beside a head the encoder has a name.
func (x *exporter) roberta(name string, t tensor) error {
	if name == "position_embd.weight" && t.dims(2) {
		t = concat(zeros(x.paddingPositions(), t.shape[1]), t)
	}
	return x.emitAs(name, func(s string) string {
		if strings.HasPrefix(s, "classifier.") || !strings.HasSuffix(x.class, "ForSequenceClassification") {
			return s
		}
		return "roberta." + s
	}, t)
}

func (x *exporter) robertaConfig() {
	x.bert()
	x.cfg["max_position_embeddings"] = x.rowsOf("position_embd.weight") + uint64(x.paddingPositions())
}

// classes adds the names of classes. Where the file has none they are numbered. Encoders without a head may have names.
func (x *exporter) classes() {
	key := x.arch + ".classifier.output_labels"
	labels, err := x.f.Strings(key)
	if err != nil && x.f.Has(key) && x.err == nil {
		x.err = err
	}
	rows := x.rowsOf("cls.output.weight")
	if !x.f.Has(key) {
		for i := range min(rows, 1<<16) {
			labels = append(labels, "LABEL_"+strconv.FormatUint(i, 10))
		}
	}
	if rows > 0 && uint64(len(labels)) != rows {
		x.fail("classifier.output_labels", ErrFile, "%d names of %d classes", len(labels), rows)
	}
	if len(labels) == 0 {
		return
	}
	ids, names := object{}, object{}
	for i, s := range labels {
		ids[strconv.Itoa(i)], names[s] = s, i
	}
	x.cfg["id2label"], x.cfg["label2id"] = ids, names
}

// distilBERTHead gives back a tensor: beside a head the encoder has a name.
func (x *exporter) distilBERTHead(name string, t tensor) error {
	return x.emitAs(name, func(s string) string {
		if strings.HasPrefix(s, "classifier.") || strings.HasPrefix(s, "pre_classifier.") {
			return s
		}
		return "distilbert." + s
	}, t)
}

func (x *exporter) distilBERT() {
	x.encoder()
	if eps, ok := x.float("attention.layer_norm_epsilon"); ok && float32(eps) != 1e-12 {
		x.fail("attention.layer_norm_epsilon", ErrUnsupported, "a %s has 1e-12, not %v", x.class, eps)
	}
	x.cfg["n_layers"] = x.layers
	delete(x.cfg, "num_hidden_layers")
	x.cfg["max_position_embeddings"], x.cfg["activation"] = x.rowsOf("position_embd.weight"), "gelu"
	x.classes()
}

// unigramPieces is XLM-RoBERTa's vocabulary of unigrams. The library has three special tokens in front where files have
// four; files that were made of its model name empty rows behind by the place that they have there.
func (x *exporter) unigramPieces(v *fileVocab) (model, steps object, err error) {
	charsmap, err := x.charsmap()
	if err != nil {
		return nil, nil, err
	}
	flag := func(key string, def bool) bool {
		if b, err := x.f.Bool(key); err == nil {
			return b
		}
		return def
	}
	prefix, spaces := flag(keySpacePrefix, true), flag("tokenizer.ggml.remove_extra_whitespaces", true)
	n := len(v.tokens)
	shifted := func(i int) bool {
		return v.tokens[i].kind == kindUnused && v.tokens[i].text == fmt.Sprintf("[PAD%d]", i-1)
	}
	for n > 0 && v.isPadding(n-1) {
		n--
	}
	if n == len(v.tokens) {
		for n > 4 && shifted(n-1) {
			n--
		}
		if n < len(v.tokens) {
			x.files["sentencepiece.bpe.model"] = v.unigramModel(n, charsmap, prefix, spaces)
			x.nameMask(v, n)
		}
	}
	unknown := slices.IndexFunc(v.tokens, func(t token) bool { return t.kind == kindUnknown })
	if unknown < 0 {
		return nil, nil, fmt.Errorf("key %s: %w: unigrams need a token for what is unknown", keyKinds, ErrFile)
	}
	vocab := make([][2]any, n)
	for i, t := range v.tokens[:n] {
		vocab[i] = [2]any{t.text, number(float64(t.score))}
	}
	var normal []object
	if len(charsmap) > 0 {
		normal = append(normal, object{"type": "Precompiled", "precompiled_charsmap": base64.StdEncoding.EncodeToString(charsmap)})
	}
	if spaces {
		normal = append(normal, object{"type": "Replace", "pattern": object{"Regex": " {2,}"}, "content": " "})
	}
	scheme := "never"
	if prefix {
		scheme = "always"
	}
	meta := object{"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": true}
	words := meta
	if spaces {
		words = object{"type": "Sequence", "pretokenizers": []object{{"type": "WhitespaceSplit"}, meta}}
	}
	return object{"type": "Unigram", "unk_id": unknown, "vocab": vocab, "byte_fallback": false},
		object{"normalizer": object{"type": "Sequence", "normalizers": normal}, "pre_tokenizer": words, "decoder": meta}, nil
}

// nameMask gives the token for what is hidden, which the library's model does not have, its name again if it is one of
// the empty rows from number n on.
func (x *exporter) nameMask(v *fileVocab, n int) {
	id, err := x.f.Uint("tokenizer.ggml.mask_token_id")
	if err != nil || id < uint64(n) || id >= uint64(len(v.tokens)) {
		return
	}
	v.tokens[id].text = "<mask>"
	v.added = append(v.added, jsonToken{ID: int(id), Content: "<mask>", LStrip: true, Special: true})
}

// charsmap returns what is done to characters of texts first, nil for nothing.
func (x *exporter) charsmap() ([]byte, error) {
	const key = "tokenizer.ggml.precompiled_charsmap"
	if !x.f.Has(key) {
		return nil, nil
	}
	list, err := x.f.Ints(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(list))
	for i, n := range list {
		if n < 0 || n > math.MaxUint8 {
			return nil, fmt.Errorf("key %s[%d]: %w: %d is no byte", key, i, ErrFile, n)
		}
		out[i] = byte(n)
	}
	return out, nil
}

// unigramModel writes the message of sentencepiece.bpe.model for the first n tokens, see sentencePiece.
func (v *fileVocab) unigramModel(n int, charsmap []byte, prefix, spaces bool) []byte {
	front := []token{{"<unk>", 0, kindUnknown}, {"<s>", 0, kindControl}, {"</s>", 0, kindControl}}
	var out []byte
	for _, t := range append(front, v.tokens[4:n]...) {
		out = appendBytes(out, fieldPieces, t.piece())
	}
	trainer := appendNumber(nil, 3, 1)              // model_type: unigrams
	trainer = appendNumber(trainer, 4, uint64(n-1)) // vocab_size
	out = appendBytes(out, fieldTrainer, trainer)
	normalizer := appendBytes(nil, 1, []byte("nmt_nfkc"))
	normalizer = appendBytes(normalizer, 2, charsmap)
	normalizer = appendNumber(normalizer, 3, number01(prefix)) // add_dummy_prefix
	normalizer = appendNumber(normalizer, 4, number01(spaces)) // remove_extra_whitespaces
	normalizer = appendNumber(normalizer, 5, 1)                // escape_whitespaces
	return appendBytes(out, fieldNormalizer, normalizer)
}
