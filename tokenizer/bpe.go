package tokenizer

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// bpe is byte pair encoding: the text is cut into words by the pre-tokeniser; a word is a list of bytes (or of
// characters, for raw vocabularies); of all neighbours that the file lists as a merge, the pair listed first is merged
// (the leftmost among equals), until there is none. As in llama.cpp merges are of texts: they may lead through texts,
// or to one, that are no tokens. What is left over of these is spelled in bytes.
type bpe struct {
	*vocab
	pre    *pretype
	ranks  map[uint64]int32 // left << 32 | right piece → index in merges
	merges []merge
	extra  map[string]int32 // pieces that are no tokens, numbered on from the tokens
	start  [256]int32       // pieces of single bytes, noToken if there is none; not for raw vocabularies
	bytes  *[256]int32      // tokens that spell the bytes of a piece that is none; noToken if missing
}

// merge joins the pieces left and right to piece out.
type merge struct{ left, right, out int32 }

// newBPE reads the merges and finds the tokens of single bytes. Errors: that of md if there are no merges.
func newBPE(md Metadata, v *vocab, pre *pretype) (*bpe, error) {
	m := &bpe{vocab: v, pre: pre, extra: map[string]int32{}}
	if md.Has(keyMerges) || !strings.HasPrefix(pre.names, "kimi-k2") { // whose tokens are all found whole
		lines, err := md.Strings(keyMerges)
		if err == nil {
			err = m.load(lines)
		}
		if err != nil {
			return nil, err
		}
	}
	if pre.raw {
		m.bytes = v.byteTokens(false)
		return m, nil
	}
	m.bytes = new([256]int32)
	for b := range m.bytes {
		m.start[b] = m.piece(string(byteRunes[b]))
		m.bytes[b] = v.id(string([]byte{byte(b)}))
	}
	return m, nil
}

// load parses the merges, each "left right"; the first space that is not the first byte separates them. Those that no
// text can meet are left out: text that is merged has no spaces, and no piece is empty.
func (m *bpe) load(lines []string) error {
	if len(lines) > (math.MaxInt32-len(m.tokens))/3 {
		return fmt.Errorf("%s: %d merges: %w", keyMerges, len(lines), ErrVocab)
	}
	// The index of a merge is its rank; a pair that is listed twice keeps its first one.
	m.merges = make([]merge, len(lines))
	m.ranks = make(map[uint64]int32, len(lines))
	var buf []byte
	for i, line := range lines {
		left, right, ok := cutMerge(line)
		switch {
		case !ok:
			m.warnings.add(keyMerges+"[%d]: %q has no space between two pieces: ignored", i, clip(line))
			continue
		case left[0] == ' ' || strings.IndexByte(right, ' ') >= 0:
			m.warnings.add(keyMerges+"[%d]: %q has a piece with a space, which no text has: ignored", i, clip(line))
			continue
		}
		buf = append(append(buf[:0], left...), right...)
		g := merge{m.id(left), m.id(right), m.idBytes(buf)}
		if g.left < 0 || g.right < 0 || g.out < 0 {
			g = m.intern(i, left, right)
		}
		m.merges[i] = g
		if key := pairKey(g.left, g.right); m.has(key) {
			m.warnings.add(keyMerges+"[%d]: %q is listed already: ignored", i, clip(line))
		} else {
			m.ranks[key] = int32(i)
		}
	}
	return nil
}

// cutMerge splits a merge into its pieces; false if one is empty.
func cutMerge(line string) (left, right string, ok bool) {
	if line == "" {
		return "", "", false
	}
	n := 1 + strings.IndexByte(line[1:], ' ')
	if n == 0 || n+1 == len(line) {
		return "", "", false
	}
	return line[:n], line[n+1:], true
}

// intern returns merge i with numbers for its pieces, new ones for those that are no tokens.
func (m *bpe) intern(i int, left, right string) merge {
	var ids [3]int32
	missing := ""
	for k, text := range [...]string{left, right, left + right} {
		id := m.piece(text)
		if id == noToken {
			id = int32(len(m.tokens) + len(m.extra))
			m.extra[text] = id
			m.wordwise = m.wordwise && !spansWords(text)
		}
		if int(id) >= len(m.tokens) && missing == "" {
			missing = text
		}
		ids[k] = id
	}
	m.warnings.add(keyMerges+"[%d]: %q has to do with %q, which is no token: where that is left over it is spelled in bytes",
		i, clip(left+" "+right), clip(missing))
	return merge{ids[0], ids[1], ids[2]}
}

// piece returns the number of a text that is a token or occurs in merges, noToken for any other.
func (m *bpe) piece(text string) int32 {
	if id := m.id(text); id >= 0 || len(m.extra) == 0 {
		return id
	}
	if id, ok := m.extra[text]; ok {
		return id
	}
	return noToken
}

// has reports whether a pair has a rank.
func (m *bpe) has(key uint64) bool {
	_, ok := m.ranks[key]
	return ok
}

// pairKey packs two tokens into the key of ranks. A symbol that is no token (-1) has a key that no merge has.
func pairKey(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }

// encode appends the tokens of text, which may hold anything: what is not UTF-8 is U+FFFD to the pre-tokeniser and in
// the result.
func (m *bpe) encode(dst []int32, s *scratch, text string) []int32 {
	text = cleanLax(text)
	if m.pre.escape {
		text = escapeSpaces(text)
	}
	s.view.load(text)
	s.ends, s.ends2 = splitAll(&s.view, m.pre.split, s.ends, s.ends2)
	// The splitters count code points; walking along text gives the bytes of each part.
	lo := 0
	for _, hi := range s.ends {
		n := 0
		for _, r := range s.view.cp[lo:hi] {
			n += lenLax(r)
		}
		dst = m.part(dst, s, text[:n])
		text, lo = text[n:], hi
	}
	return dst
}

// part encodes what the pre-tokeniser cut out. Raw vocabularies have whole lines there, which are cut at spaces if no
// token could span the cut, so that the cache can help.
func (m *bpe) part(dst []int32, s *scratch, text string) []int32 {
	for m.pre.raw && m.pre.escape && m.wordwise {
		n := wordEnd(text)
		if n == len(text) {
			break
		}
		dst = m.word(dst, s, text[:n])
		text = text[n:]
	}
	return m.word(dst, s, text)
}

// word encodes a word through the cache.
func (m *bpe) word(dst []int32, s *scratch, word string) []int32 {
	slot, found := s.cache.slot(word)
	if found {
		return append(dst, slot.ids[:slot.n]...)
	}
	start := len(dst)
	if id := m.whole(s, word); id >= 0 {
		dst = append(dst, id)
	} else {
		dst = m.merge(dst, s, word)
	}
	slot.put(word, dst[start:])
	return dst
}

// whole returns the token of a word that needs no merges, or -1.
func (m *bpe) whole(s *scratch, word string) int32 {
	// Gemma 4 has tokens for runs of line ends that no merges lead to.
	if m.pre.wholeLines && strings.Trim(word, "\n") == "" {
		return m.id(word)
	}
	if !m.pre.ignoreMerges {
		return -1
	}
	if m.pre.raw {
		return m.id(word)
	}
	s.buf = appendPrintable(s.buf[:0], word)
	return m.idBytes(s.buf)
}

// merge encodes a word by merges. A heap holds every pair that may be merged; pairs that have changed since they were
// put there are skipped when they come out, so that each merge costs O(log n).
func (m *bpe) merge(dst []int32, s *scratch, word string) []int32 {
	m.symbols(s, word)
	syms := s.link()
	for i := 1; i < len(syms); i++ {
		m.try(s, int32(i-1), int32(i))
	}
	for len(s.heap) > 0 {
		c := s.heap.pop()
		l, r, g := c.left(), c.right, m.merges[c.id]
		if syms[l].id != g.left || syms[r].id != g.right {
			continue // one of the two was merged with something else meanwhile
		}
		join(syms, l, r, g.out)
		m.try(s, syms[l].prev, l)
		m.try(s, l, syms[l].next)
	}
	at := int32(0)
	for i := int32(0); i >= 0; i = syms[i].next {
		if id := syms[i].id; id >= 0 && int(id) < len(m.tokens) {
			dst = append(dst, id)
		} else {
			dst = m.emitBytes(dst, s, word[at:at+syms[i].size])
		}
		at += syms[i].size
	}
	return dst
}

// symbols collects what merging starts with: a token per byte, or per character of a raw vocabulary.
func (m *bpe) symbols(s *scratch, word string) {
	s.syms = slices.Grow(s.syms[:0], len(word))
	if !m.pre.raw {
		for i := range len(word) {
			s.syms = append(s.syms, symbol{id: m.start[word[i]], size: 1})
		}
		return
	}
	for len(word) > 0 {
		n := min(charLen(word[0]), len(word))
		s.syms = append(s.syms, symbol{id: m.piece(word[:n]), size: int32(n)})
		word = word[n:]
	}
}

// try makes the neighbours l and r a candidate if there is a merge for them.
func (m *bpe) try(s *scratch, l, r int32) {
	if l < 0 || r < 0 {
		return
	}
	if rank, ok := m.ranks[pairKey(s.syms[l].id, s.syms[r].id)]; ok {
		s.heap.push(candidate{key: uint64(rank)<<32 | uint64(l), right: r, id: rank})
	}
}

// emitBytes appends the tokens of the bytes of a piece that is no token, as far as there are any: <0x00> … <0xFF> of a
// raw vocabulary, else the tokens of one byte, which for a printable form in two bytes only odd vocabularies have.
func (m *bpe) emitBytes(dst []int32, s *scratch, text string) []int32 {
	if !m.pre.raw {
		s.buf = appendPrintable(s.buf[:0], text)
		for _, b := range s.buf {
			if id := m.bytes[b]; id >= 0 {
				dst = append(dst, id)
			}
		}
		return dst
	}
	for i := range len(text) {
		if id := m.bytes[text[i]]; id >= 0 {
			dst = append(dst, id)
		}
	}
	return dst
}
