package huggingface

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
)

// maxVocab is the most tokens that a vocabulary may have.
const maxVocab = 1 << 24

// tokenizerJSON is tokenizer.json, as far as it matters here.
type tokenizerJSON struct {
	Added         []addedToken `json:"added_tokens"`
	Normalizer    config       `json:"normalizer"`
	PreTokenizer  config       `json:"pre_tokenizer"`
	PostProcessor config       `json:"post_processor"`
	Decoder       config       `json:"decoder"`
	Model         struct {
		Type         string          `json:"type"`
		Vocab        json.RawMessage `json:"vocab"`
		Merges       json.RawMessage `json:"merges"`
		ByteFallback bool            `json:"byte_fallback"`
		IgnoreMerges bool            `json:"ignore_merges"`
		UnkID        *int            `json:"unk_id"`
	} `json:"model"`
	vocab map[string]int // of the model
}

// addedToken is a token that is found in text before anything else.
type addedToken struct {
	ID      int    `json:"id"`
	Content string `json:"content"`
	Special bool   `json:"special"`
}

// readTokenizer reads tokenizer.json, with a vocabulary that is a map.
func readTokenizer(dir fs.FS) (*tokenizerJSON, error) {
	const name = "tokenizer.json"
	t := &tokenizerJSON{}
	if err := readJSON(dir, name, t); err != nil {
		return nil, err
	}
	if len(t.Model.Vocab) > 0 && t.Model.Vocab[0] == '{' {
		if err := decodeJSON(name, t.Model.Vocab, &t.vocab); err != nil {
			return nil, err
		}
	}
	for _, a := range t.Added {
		if a.ID < 0 || a.ID >= maxVocab {
			return nil, fmt.Errorf("%s: %w: added token %.50q has id %d", name, ErrFolder, a.Content, a.ID)
		}
	}
	return t, nil
}

// addSpecials adds the special tokens of tokenizer_config.json that tokenizer.json does not have, behind all others, as
// transformers does.
func (t *tokenizerJSON) addSpecials(tc config) {
	have := maps.Clone(t.vocab)
	for _, a := range t.Added {
		have[a.Content] = a.ID
	}
	s := special{tc: tc}
	for _, typ := range []string{"bos", "eos", "unk", "sep", "pad", "cls", "mask"} {
		text := s.text(typ)
		if _, ok := have[text]; ok || text == "" {
			continue
		}
		t.Added = append(t.Added, addedToken{ID: len(have), Content: text, Special: true})
		have[text] = len(have)
	}
}

// merges returns the merges as the GGUF file has them: two tokens with a space between, where a space in a token is
// written as U+0120.
func (t *tokenizerJSON) merges() ([]string, error) {
	raw := t.Model.Merges
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var lines []string
	if json.Unmarshal(raw, &lines) == nil {
		return lines, nil
	}
	lines = nil // the newer form is lists of two
	var pairs [][]string
	if err := decodeJSON("tokenizer.json", raw, &pairs); err != nil {
		return nil, err
	}
	for i, p := range pairs {
		if len(p) != 2 {
			return nil, fmt.Errorf("tokenizer.json: %w: merge %d has %d parts", ErrFolder, i, len(p))
		}
		space := strings.NewReplacer(" ", "Ġ")
		lines = append(lines, space.Replace(p[0])+" "+space.Replace(p[1]))
	}
	return lines, nil
}

// token is an entry of a vocabulary in the file.
type token struct {
	text  string
	score float32
	kind  int32
}

// Kinds of tokens, as the format numbers them.
const (
	kindNormal      int32 = 1
	kindUnknown     int32 = 2
	kindControl     int32 = 3
	kindUserDefined int32 = 4
	kindUnused      int32 = 5
	kindByte        int32 = 6
)

// padded is n entries that stand for nothing.
func padded(n int) []token {
	list := make([]token, n)
	for i := range list {
		list[i] = token{fmt.Sprintf("[PAD%d]", i), -10000, kindUnused}
	}
	return list
}

// looksSpecial reports whether a token steers a model although nothing says so.
func looksSpecial(s string) bool {
	switch s {
	case "<pad>", "<mask>", "<2mass>", "[@BOS@]":
		return true
	}
	return strings.HasPrefix(s, "<|") && strings.HasSuffix(s, "|>") ||
		strings.HasPrefix(s, "<｜") && strings.HasSuffix(s, "｜>") ||
		strings.HasPrefix(s, "<unused") && strings.HasSuffix(s, ">")
}

// userDefined is the text of a token that is found in text as it is.
func userDefined(s string) string { return strings.ReplaceAll(s, "▁", " ") }

// list is the vocabulary: the model's tokens and those that were added.
func (t *tokenizerJSON) list(size int) ([]token, error) {
	highest := -1
	for _, id := range t.vocab {
		if id < 0 || id >= maxVocab {
			return nil, fmt.Errorf("tokenizer.json: %w: a token has id %d", ErrFolder, id)
		}
		highest = max(highest, id)
	}
	for _, a := range t.Added {
		highest = max(highest, a.ID)
	}
	if size < 0 {
		size = highest + 1
	}
	if highest >= size || size > maxVocab {
		return nil, fmt.Errorf("%w: tokenizer.json has a token %d, config.json a vocabulary of %d", ErrFolder, highest, size)
	}
	tokens := padded(size)
	for text, id := range t.vocab {
		if old := &tokens[id]; old.kind == kindUnused || text > old.text { // two texts of one id: any, but always the same
			*old = token{text, 0, kindNormal}
		}
	}
	for _, a := range t.Added {
		if id, ok := t.vocab[a.Content]; ok && id != a.ID {
			continue // the vocabulary has it elsewhere
		}
		kind, text := kindControl, a.Content
		if !a.Special && !looksSpecial(text) {
			kind, text = kindUserDefined, userDefined(text)
		}
		tokens[a.ID] = token{text, 0, kind}
	}
	return tokens, nil
}

// readMerges reads merges.txt.
func readMerges(dir fs.FS) ([]string, error) {
	raw, err := readFile(dir, "merges.txt")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for i, line := range strings.Split(string(raw), "\n") {
		parts := strings.Fields(line)
		if i == 0 && strings.HasPrefix(line, "#") || len(parts) != 2 {
			continue
		}
		out = append(out, parts[0]+" "+parts[1])
	}
	return out, nil
}
