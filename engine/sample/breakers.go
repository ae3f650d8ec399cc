package sample

import (
	"bytes"
	"slices"
)

// Vocab is what DRY needs to find its sequence breakers; *tokenizer.Tokenizer satisfies it.
type Vocab interface {
	// Size is the number of tokens.
	Size() int
	// AppendPiece appends the bytes that a token stands for, those of control tokens only if special is set.
	AppendPiece(dst []byte, id int32, special bool) []byte
}

const (
	maxBreaker = 40 // bytes of a sequence breaker that count
	maxTail    = 20 // tokens of a breaker after its first that count
)

// breakers maps the first token of a sequence breaker to the token sequences that may follow it; an empty one means
// that the token alone contains the breaker.
type breakers map[int32][][]int32

// newBreakers goes through the vocabulary once. A token that contains a breaker is one alone; a token that ends in the
// beginning of a breaker is one when the tokens of the rest follow, for which encode is needed.
func newBreakers(texts []string, v Vocab, encode func(string) []int32) breakers {
	b := make(breakers)
	var piece []byte
	for id := range int32(v.Size()) {
		piece = v.AppendPiece(piece[:0], id, true)
		for _, text := range texts {
			if text != "" && len(piece) > 0 {
				b.add(id, piece, text[:min(len(text), maxBreaker)], encode)
			}
		}
	}
	return b
}

// add enters what the token's piece contributes to one breaker.
func (b breakers) add(id int32, piece []byte, text string, encode func(string) []int32) {
	if bytes.Contains(piece, []byte(text)) {
		b.insert(id, nil)
		return
	}
	if encode == nil {
		return
	}
	for n := min(len(piece), len(text)-1); n >= 1; n-- {
		if string(piece[len(piece)-n:]) == text[:n] {
			tail := encode(text[n:])
			b.insert(id, tail[:min(len(tail), maxTail)])
		}
	}
}

// insert keeps the tails of a token different.
func (b breakers) insert(id int32, tail []int32) {
	for _, have := range b[id] {
		if slices.Equal(have, tail) {
			return
		}
	}
	b[id] = append(b[id], tail)
}

// single reports whether the token alone is a breaker.
func (b breakers) single(id int32) bool {
	for _, tail := range b[id] {
		if len(tail) == 0 {
			return true
		}
	}
	return false
}

// limit returns how many tokens follow the last breaker in the history, or all if there is none.
func (b breakers) limit(tokens []int32) int {
	if len(b) == 0 {
		return len(tokens)
	}
	for i := len(tokens) - 1; i >= 0; i-- {
		after := tokens[i+1:]
		longest := -1
		for _, tail := range b[tokens[i]] {
			if len(tail) > longest && len(tail) <= len(after) && slices.Equal(tail, after[:len(tail)]) {
				longest = len(tail)
			}
		}
		if longest >= 0 {
			return len(after) - longest
		}
	}
	return len(tokens)
}
