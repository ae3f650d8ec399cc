package tokenizer

import "math"

// unigram is SentencePiece's Unigram as llama.cpp has it: the text is normalised, then cut into the tokens with the
// highest sum of scores, which are logarithms of probabilities. A character that is no token is unknown, at the lowest
// score less 10, and neighbours that are unknown are one token. There is no fallback to bytes.
type unigram struct {
	*vocab
	match   *trie // tokens that may be found
	user    *trie // user-defined tokens, whose beginnings are not normalised
	charmap charsmap
	unk     int32   // -1: what is unknown is dropped
	unknown float64 // score
	prefix  bool    // tokenizer.ggml.add_space_prefix
	squeeze bool    // runs of spaces become one, those at the ends none
}

// loadUnigram sets up Unigram. Where no keys say otherwise, the special tokens are T5's: <pad> 0, </s> 1, <unk> 2.
func (t *Tokenizer) loadUnigram(md Metadata) (err error) {
	t.escape, t.addEOS = true, true
	m := &unigram{vocab: t.vocab, unknown: t.vocab.unknownScore()}
	m.match = newTrie(t.vocab, func(a attr) bool { return a&(attrNormal|attrUser|attrUnused) != 0 })
	m.user = newTrie(t.vocab, func(a attr) bool { return a&attrUser != 0 })
	if m.prefix, err = optBool(md, keySpacePrefix, false); err != nil {
		return err
	}
	if m.squeeze, err = optBool(md, keyExtraSpaces, false); err != nil {
		return err
	}
	if m.charmap, err = loadCharsmap(md); err != nil {
		return err
	}
	t.specials, err = loadSpecials(md, t.vocab, map[role]int32{roleEOS: 1, roleUnknown: 2, rolePad: 0})
	if err != nil {
		return err
	}
	m.unk = t.role[roleUnknown]
	t.warnMissing(roleUnknown, keyUnknown, "characters without tokens are dropped")
	t.encoder = m
	return nil
}

// unknownScore returns the score of a character that is no token.
func (v *vocab) unknownScore() float64 {
	least := float32(math.MaxFloat32)
	for id, a := range v.attrs {
		if a&attrNormal != 0 {
			least = min(least, v.score(int32(id)))
		}
	}
	return float64(least - 10)
}

// score returns a token's score, 0 in a file without scores.
func (v *vocab) score(id int32) float32 {
	if v.scores == nil {
		return 0
	}
	return v.scores[id]
}

// cut is the best way to cut a text that ends somewhere: its last token, where that begins, and the sum of scores.
type cut struct {
	sum  float64
	from int32
	id   int32
}

// maxUnigramText bounds the text that is cut at once, so that positions fit in 32 bits and memory in 400 MB; a longer
// one is cut in parts.
const maxUnigramText = 1 << 24

// encode implements encoder.
func (m *unigram) encode(dst []int32, s *scratch, text string) []int32 {
	s.buf = m.normalise(s.buf[:0], text)
	text = string(s.buf)
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

// best appends the tokens with the highest sum of scores (Viterbi): from each character on, every token that the text
// has there is tried, and at each place the best way to get there is kept.
func (m *unigram) best(dst []int32, s *scratch, text string) []int32 {
	s.cuts = append(s.cuts[:0], make([]cut, len(text)+1)...)
	for i := range s.cuts {
		s.cuts[i] = cut{sum: -math.MaxFloat64, id: m.unk}
	}
	s.cuts[0].sum = 0
	for at, n := 0, 0; at < len(text); at += n {
		n = min(charLen(text[at]), len(text)-at)
		sum, single := s.cuts[at].sum, false
		try := func(size int, id int32, score float64) {
			if c := &s.cuts[at+size]; sum+score > c.sum {
				*c = cut{sum + score, int32(at), id}
			}
		}
		m.match.walk(text[at:], func(size int, id int32) {
			single = single || size == n
			if m.is(id, attrUser) {
				try(size, id, 0)
			} else {
				try(size, id, float64(m.score(id)))
			}
		})
		if !single {
			try(n, m.unk, m.unknown)
		}
	}
	return m.collect(dst, s.cuts)
}

// collect appends the tokens of the way to the end, of neighbours that are unknown one.
func (m *unigram) collect(dst []int32, cuts []cut) []int32 {
	start, unknown := len(dst), false
	for at := len(cuts) - 1; at > 0; at = int(cuts[at].from) {
		id := cuts[at].id
		if id != m.unk || !unknown && m.unk >= 0 {
			dst = append(dst, id)
		}
		unknown = id == m.unk
	}
	for i, j := start, len(dst)-1; i < j; i, j = i+1, j-1 {
		dst[i], dst[j] = dst[j], dst[i]
	}
	return dst
}

// normalise appends the text as the vocabulary spells it: characters replaced by the charsmap, spaces by U+2581.
func (m *unigram) normalise(dst []byte, text string) []byte {
	word, prefixed := false, false
	for len(text) > 0 {
		out, n := m.next(text)
		text = text[n:]
		for i := range len(out) {
			if out[i] == ' ' {
				word = false
				if !m.squeeze {
					dst = append(dst, spaceMark...)
				}
				continue
			}
			if !word {
				word = true
				if m.squeeze || m.prefix && !prefixed {
					dst = append(dst, spaceMark...)
					prefixed = true
				}
			}
			dst = append(dst, out[i])
		}
	}
	return dst
}

// next returns what the first n bytes of a text (not empty) become.
func (m *unigram) next(text string) (out string, n int) {
	if n := m.user.reach(text); n > 0 {
		return text[:n], n
	}
	if out, n := m.charmap.replace(text); n > 0 {
		return out, n
	}
	r, n := decodeLax(text)
	if r == 0xFFFD && n == 1 {
		return "\uFFFD", 1
	}
	return text[:n], n
}
