package tokenizer

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// spm is the SentencePiece scheme as llama.cpp has it: the text, spaces replaced by U+2581, is a list of characters; of
// all neighbours whose concatenation is a token, the pair with the highest score is merged (the leftmost among equals),
// until there is none. Characters that are no token become byte tokens.
type spm struct {
	*vocab
	bytes *[256]int32
	unk   int32 // stands for a byte without a token; -1: such a byte is dropped
}

// maxSPMWord bounds the pieces of text whose symbols are kept in memory at once.
const maxSPMWord = 1 << 30

// encode appends the tokens of text, in which spaces are escaped here. Bytes that are not UTF-8 become byte tokens.
func (m *spm) encode(dst []int32, s *scratch, text string) []int32 {
	text = escapeSpaces(text)
	// A cut-off sequence takes bytes of the U+2581 behind it, so only valid text falls into words.
	wordwise := m.wordwise && utf8.ValidString(text)
	for len(text) > 0 {
		n := min(len(text), maxSPMWord)
		if wordwise {
			n = min(n, wordEnd(text))
		}
		word := text[:n]
		text = text[n:]
		slot, found := s.cache.slot(word)
		if found {
			dst = append(dst, slot.ids[:slot.n]...)
			continue
		}
		start := len(dst)
		dst = m.merge(dst, s, word)
		slot.put(word, dst[start:])
	}
	return dst
}

// wordEnd returns where the second run of U+2581 starts, or the length of s: a word and the spaces before it.
func wordEnd(s string) int {
	start := 0
	for strings.HasPrefix(s[start:], spaceMark) {
		start += len(spaceMark)
	}
	if i := strings.Index(s[start:], spaceMark); i >= 0 {
		return start + i
	}
	return len(s)
}

// merge encodes a word that is not in the cache. As in bpe.merge, a heap holds the pairs, stale ones included: a pair
// is stale if the sizes of its symbols no longer add up to its token's.
func (m *spm) merge(dst []int32, s *scratch, word string) []int32 {
	s.syms = slices.Grow(s.syms[:0], len(word))
	for at := 0; at < len(word); {
		n := min(charLen(word[at]), len(word)-at)
		s.syms = append(s.syms, symbol{id: noToken, at: int32(at), size: int32(n)})
		at += n
	}
	syms := s.link()
	for i := 1; i < len(syms); i++ {
		m.try(s, word, int32(i-1), int32(i))
	}
	for len(s.heap) > 0 {
		c := s.heap.pop()
		l, r := c.left(), c.right
		if syms[l].id == gone || syms[r].id == gone || int(syms[l].size+syms[r].size) != len(m.tokens[c.id]) {
			continue // one of the two was merged with something else meanwhile
		}
		join(syms, l, r, c.id)
		m.try(s, word, syms[l].prev, l)
		m.try(s, word, l, syms[l].next)
	}
	for i := int32(0); i >= 0; i = syms[i].next {
		dst = m.emit(dst, word, syms[i])
	}
	return dst
}

// try makes the neighbours l and r a candidate if they form a token.
func (m *spm) try(s *scratch, word string, l, r int32) {
	if l < 0 || r < 0 {
		return
	}
	at, end := int(s.syms[l].at), int(s.syms[r].at+s.syms[r].size)
	// Longer than any token: not worth a look, and the hash of a long text costs time.
	if end-at > m.maxLen {
		return
	}
	if id := m.id(word[at:end]); id >= 0 {
		s.heap.push(candidate{key: m.rank(id)<<32 | uint64(l), right: r, id: id})
	}
}

// rank orders tokens by falling score: equal scores have equal ranks.
func (m *spm) rank(id int32) uint64 {
	score := float32(0)
	if m.scores != nil && m.scores[id] != 0 { // not -0
		score = m.scores[id]
	}
	// The bits of positive floats grow with them, those of negative ones fall: turned round so that a high score is
	// small.
	bits := math.Float32bits(score)
	if bits>>31 == 0 {
		return uint64(^bits &^ (1 << 31))
	}
	return uint64(bits)
}

// emit appends the token of a symbol, or those of its bytes.
func (m *spm) emit(dst []int32, word string, sym symbol) []int32 {
	text := word[sym.at : sym.at+sym.size]
	id := sym.id
	if id == noToken {
		id = m.id(text)
	}
	if id >= 0 {
		return append(dst, id)
	}
	for i := range len(text) {
		if id := m.bytes[text[i]]; id >= 0 {
			dst = append(dst, id)
		} else if m.unk >= 0 {
			dst = append(dst, m.unk)
		}
	}
	return dst
}
