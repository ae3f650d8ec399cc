package huggingface

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
)

// tiktoken is a vocabulary of byte pair encoding as tiktoken keeps it: a line per token, its bytes in base64 and its
// number. A pair of tokens merges where the result is a token, the lowest number first.
type tiktoken struct {
	texts  []string       // the bytes of tokens
	ranks  map[string]int // number of a token
	tokens []token        // with special ones behind
	name   string         // of the file
}

// maxTokenBytes is the most bytes that a token may have: the longest of known vocabularies have 128.
const maxTokenBytes = 256

// readTiktoken reads a vocabulary. Tokens that are listed again do not count.
func (m *model) readTiktoken(name string) (*tiktoken, error) {
	raw, err := readFile(m.dir, name)
	if err != nil {
		return nil, err
	}
	v := &tiktoken{ranks: map[string]int{}, name: name}
	n := 0
	for line := range bytes.Lines(raw) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if err := v.add(line); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w: %w", name, n, ErrFolder, err)
		}
	}
	for b := range 256 {
		if _, ok := v.ranks[string([]byte{byte(b)})]; !ok {
			return nil, fmt.Errorf("%s: %w: no token stands for the byte %d", name, ErrFolder, b)
		}
	}
	v.tokens = make([]token, len(v.texts))
	for i, text := range v.texts {
		v.tokens[i] = token{spellBytes(text), 0, kindNormal}
	}
	return v, nil
}

// add adds a token.
func (v *tiktoken) add(line []byte) error {
	code, number, ok := bytes.Cut(line, []byte(" "))
	rank, err := strconv.Atoi(string(bytes.TrimSpace(number)))
	if !ok || err != nil {
		return fmt.Errorf("%.50q is no token and a number", line)
	}
	text, err := base64.StdEncoding.AppendDecode(nil, code)
	if err != nil {
		return err
	}
	if len(text) == 0 || len(text) > maxTokenBytes || len(v.texts) == maxVocab {
		return fmt.Errorf("a token has %d bytes, or there are too many", len(text))
	}
	if _, ok := v.ranks[string(text)]; ok {
		return nil
	}
	if rank < len(v.texts) || rank >= maxVocab {
		return fmt.Errorf("token %d stands behind %d others", rank, len(v.texts))
	}
	v.ranks[string(text)] = len(v.texts)
	v.texts = append(v.texts, string(text))
	return nil
}

// special adds special tokens behind all others.
func (v *tiktoken) special(texts []string) {
	for _, s := range texts {
		v.tokens = append(v.tokens, token{s, 0, kindControl})
	}
}

// merges returns the merges as the GGUF file has them: the last of those that make a token, for every token that two
// tokens make.
func (v *tiktoken) merges() []string {
	var out []string
	for rank, text := range v.texts {
		if left, right, ok := v.last(text, rank); ok {
			out = append(out, spellBytes(left)+" "+spellBytes(right))
		}
	}
	return out
}

// last returns the two tokens that merge to a text when all tokens before limit have merged, false if there are not two.
func (v *tiktoken) last(text string, limit int) (left, right string, ok bool) {
	ends := make([]int, len(text)+1) // of parts, from 0
	for i := range ends {
		ends[i] = i
	}
	for len(ends) > 2 {
		best, at := limit, 0
		for i := 2; i < len(ends); i++ {
			if rank, ok := v.ranks[text[ends[i-2]:ends[i]]]; ok && rank < best {
				best, at = rank, i-1
			}
		}
		if at == 0 {
			break
		}
		ends = slices.Delete(ends, at, at+1)
	}
	if len(ends) != 3 {
		return "", "", false
	}
	return text[:ends[1]], text[ends[1]:], true
}

// spellBytes writes bytes as byte-level BPE does: those that can't be seen as characters from U+0100 on.
func spellBytes(s string) string {
	out := make([]rune, len(s))
	for i := range len(s) {
		out[i] = byteRunes[s[i]]
	}
	return string(out)
}

// byteRunes are the characters of spellBytes.
var byteRunes = func() (list [256]rune) {
	next := rune(0x100)
	for b := range rune(256) {
		switch {
		case b > ' ' && b < 0x7F, b > 0xA0 && b != 0xAD:
			list[b] = b
		default:
			list[b] = next
			next++
		}
	}
	return list
}()

// vocabTiktoken sets the tokens, with entries for nothing up to the size that config.json tells, and what other files
// say about special ones. pre is the name of the rules by which text is cut into words, which stand in the code beside
// the file only. change is told what those files say, nil for no change.
func (m *model) vocabTiktoken(v *tiktoken, pre string, change func(s *special)) error {
	size := m.vocabSize()
	if size < len(v.texts) || size > maxVocab {
		return fmt.Errorf("%s: %w: %d tokens, config.json has a vocabulary of %d", v.name, ErrFolder, len(v.texts), size)
	}
	tokens := padded(size)
	copy(tokens, v.tokens)
	m.vocabulary("gpt2", pre, tokens, false)
	m.set("tokenizer.ggml.merges", v.merges())
	s, err := m.readSpecial(false, -1)
	if err != nil {
		return err
	}
	if change != nil {
		change(s)
	}
	s.keys(m)
	return nil
}
