package huggingface

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// vocabUnigram is XLM-RoBERTa's: SentencePiece's unigrams.
func (m *model) vocabUnigram() error {
	u, err := m.unigrams()
	if err != nil {
		return err
	}
	m.vocabulary("t5", "default", u.tokens, true)
	m.set("tokenizer.ggml.add_space_prefix", u.prefix)
	m.tokenTypes()
	m.set("tokenizer.ggml.remove_extra_whitespaces", u.spaces)
	if len(u.charsmap) > 0 {
		m.set("tokenizer.ggml.precompiled_charsmap", u.charsmap)
	}
	s, err := m.readSpecial(false, len(u.tokens))
	if err == nil {
		s.keys(m)
	}
	return err
}

// unigrams is a vocabulary of unigrams and what is done to text first.
type unigrams struct {
	tokens         []token
	prefix, spaces bool
	charsmap       []byte
}

// unigrams reads sentencepiece.bpe.model, or else tokenizer.json.
func (m *model) unigrams() (*unigrams, error) {
	const name = "sentencepiece.bpe.model"
	sp, err := readSentencePiece(m.dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return m.unigramsJSON()
	}
	if err != nil {
		return nil, err
	}
	if !sp.unigram {
		return nil, fmt.Errorf("%s: a vocabulary that is none of unigrams is %w", name, ErrUnsupported)
	}
	tokens := padded(max(m.vocabSize(), len(sp.pieces)))
	copy(tokens, sp.pieces)
	if len(tokens) < 4 {
		return nil, fmt.Errorf("%s: %w: %d pieces", name, ErrFolder, len(tokens))
	}
	// Where the library has three special tokens, the model has four, in another order.
	front := []token{{"<s>", 0, kindControl}, {"<pad>", 0, kindControl}, {"</s>", 0, kindControl}, {"<unk>", 0, kindUnknown}}
	tokens = slices.Concat(front, tokens[3:len(tokens)-1])
	return &unigrams{tokens, sp.dummyPrefix, sp.extraSpaces, sp.charsmap}, nil
}

// unigramsJSON reads tokenizer.json.
func (m *model) unigramsJSON() (*unigrams, error) {
	const name = "tokenizer.json"
	t, err := readTokenizer(m.dir)
	if err != nil {
		return nil, err
	}
	tc, err := readOptional(m.dir, "tokenizer_config.json")
	if err != nil {
		return nil, err
	}
	var vocab [][2]any
	if t.Model.Type != "Unigram" || decodeJSON(name, t.Model.Vocab, &vocab) != nil {
		return nil, fmt.Errorf("%s: %w: it has no vocabulary of unigrams", name, ErrFolder)
	}
	if len(vocab) > maxVocab {
		return nil, fmt.Errorf("%s: %w: %d tokens", name, ErrFolder, len(vocab))
	}
	control, unknown := specialTexts(tc), 3
	if t.Model.UnkID != nil {
		unknown = *t.Model.UnkID
	}
	added := map[string]bool{}
	for _, a := range t.Added {
		added[a.Content] = true
		if a.Content == (&special{tc: tc}).text("unk") {
			unknown = a.ID
		}
	}
	tokens := padded(max(m.vocabSize(), len(vocab)))
	for i, v := range vocab {
		text, okText := v[0].(string)
		score, okScore := v[1].(json.Number)
		x, err := score.Float64()
		if !okText || !okScore || err != nil {
			return nil, fmt.Errorf("%s: %w: token %d is no text with a score", name, ErrFolder, i)
		}
		kind := kindNormal
		switch {
		case i == unknown:
			kind = kindUnknown
		case control[text]:
			kind = kindControl
		case added[text]:
			kind = kindUserDefined
		}
		tokens[i] = token{text, float32(x), kind}
	}
	charsmap, err := base64.StdEncoding.DecodeString(precompiled(t.Normalizer))
	if err != nil {
		return nil, fmt.Errorf("%s: precompiled_charsmap: %w: %w", name, ErrFolder, err)
	}
	return &unigrams{tokens, tc.boolean("add_prefix_space", true), tc.boolean("clean_up_tokenization_spaces", false), charsmap}, nil
}

// precompiled returns the charsmap of a normalizer.
func precompiled(n config) string {
	if s := n.text("precompiled_charsmap"); s != "" {
		return s
	}
	list, _ := n["normalizers"].([]any)
	for _, v := range list {
		o, _ := v.(map[string]any)
		if s := config(o).text("precompiled_charsmap"); s != "" {
			return s
		}
	}
	return ""
}
