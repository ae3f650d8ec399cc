package tokenizer

import (
	"fmt"
	"math"
)

// plamo2 is PLaMo 2's scheme as llama.cpp has it: a text is cut into the tokens with the highest sum of scores, of
// several ways the one with the longest tokens from the left. A character that is in no token becomes byte tokens, at a
// price that any token is preferred to.
type plamo2 struct {
	*vocab
	match *trie
	bytes *[256]int32
	costs []int32 // of each token: its score times -10,000, or noCost
}

// The price of a character as bytes, and what stands for tokens that are never chosen.
const (
	costOfBytes = 10_000_000
	noCost      = 2 * costOfBytes
)

// loadPlamo2 sets up PLaMo 2's scheme. Where no keys say otherwise, the special tokens are <|plamo:unk|> 0, <|plamo:bos|>
// 1, <|plamo:eos|> 2 and <|plamo:pad|> 3. Errors: ErrVocab if there are not tokens for all bytes.
func (t *Tokenizer) loadPlamo2(md Metadata) (err error) {
	m := &plamo2{vocab: t.vocab, bytes: &[256]int32{}, costs: make([]int32, len(t.tokens))}
	for id, text := range t.tokens {
		m.costs[id] = costOf(t.score(int32(id)))
		if b, ok := hexByte(text); ok && t.is(int32(id), attrByte) {
			m.bytes[b] = int32(id)
		}
	}
	for b, id := range m.bytes {
		if id == 0 {
			return fmt.Errorf("%s: byte token <0x%02X> is missing: %w", keyTokens, b, ErrVocab)
		}
	}
	m.match = newTrie(t.vocab, func(a attr) bool { return a&(attrByte|attrControl|attrUnknown) == 0 })
	t.encoder = m
	t.specials, err = loadSpecials(md, t.vocab, map[role]int32{roleBOS: 1, roleEOS: 2, roleUnknown: 0, rolePad: 3})
	return err
}

// costOf returns the price of a token with a score.
func costOf(score float32) int32 {
	c := -math.Round(float64(score) * 1e4)
	if !(c < noCost && c > math.MinInt32) {
		return noCost
	}
	return int32(c)
}

// encode implements encoder. A byte order mark in front is dropped.
func (m *plamo2) encode(dst []int32, s *scratch, text string) []int32 {
	text = cleanLax(text)
	if r, n := decodeLax(text); r == '\uFEFF' {
		text = text[n:]
	}
	for len(text) > 0 {
		n := min(len(text), maxUnigramText)
		for n < len(text) && text[n]&0xC0 == 0x80 { // within a character
			n++
		}
		dst = m.best(dst, s, text[:n])
		text = text[n:]
	}
	return dst
}

// best appends the cheapest tokens: from the last character to the first, every token that begins there is tried, the
// shortest first.
func (m *plamo2) best(dst []int32, s *scratch, text string) []int32 {
	s.cuts = append(s.cuts[:0], make([]cut, len(text)+1)...)
	for at := len(text) - 1; at >= 0; at-- {
		if text[at]&0xC0 == 0x80 {
			continue
		}
		n := charLen(text[at])
		way := cut{s.cuts[at+n].sum + costOfBytes, int32(at + n), noToken}
		m.match.walk(text[at:], func(size int, id int32) {
			end := at + size
			if cost := m.costs[id]; cost != noCost && (end == len(text) || text[end]&0xC0 != 0x80) {
				if sum := s.cuts[end].sum + float64(cost); sum <= way.sum {
					way = cut{sum, int32(end), id}
				}
			}
		})
		s.cuts[at] = way
	}
	for at := int32(0); int(at) < len(text); at = s.cuts[at].from {
		if c := s.cuts[at]; c.id != noToken {
			dst = append(dst, c.id)
			continue
		}
		for _, b := range []byte(text[at:s.cuts[at].from]) {
			dst = append(dst, m.bytes[b])
		}
	}
	return dst
}
