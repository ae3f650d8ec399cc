package tokenizer

import (
	"cmp"
	"slices"
)

// fragment is a part of a text: a special token, or bytes [lo,hi) that are to be encoded.
type fragment struct {
	lo, hi int
	id     int32 // noToken for bytes
}

// partitioner cuts text at special tokens. Longer tokens go first, wherever they stand; tokens of equal length go by
// id; of one token the leftmost occurrence goes first. So it is llama.cpp's search for one token after the other, but
// the text is searched once and only at the places where the first search found something after that.
type partitioner struct {
	starts  []int  // where one or more tokens match
	longest []int  // bytes of the longest match at each of starts
	sizes   []bool // sizes[n]: a token of n bytes matches somewhere
	hits    []fragment
	taken   []fragment
	claimed []bool // per byte of text
	parts   []fragment
	plain   []Range // see EncodeOptions.Plain
}

// cut returns the parts of text in order; they are valid until the next call. No token that steers the model touches
// the plain ranges of the text.
func (p *partitioner) cut(v *vocab, t *trie, text string, plain []Range) []fragment {
	p.parts, p.plain = p.parts[:0], plain
	if text == "" {
		return p.parts
	}
	if !p.search(v, t, text) {
		p.parts = append(p.parts, fragment{0, len(text), noToken})
		return p.parts
	}
	// From the longest size to the shortest; sizes without a match anywhere cost nothing.
	p.claimed = append(p.claimed[:0], make([]bool, len(text))...)
	p.taken = p.taken[:0]
	for n := len(p.sizes) - 1; n > 0; n-- {
		if p.sizes[n] {
			p.claimSize(v, t, text, n)
		}
	}
	slices.SortFunc(p.taken, func(a, b fragment) int { return cmp.Compare(a.lo, b.lo) })
	return p.collect(len(text))
}

// search fills starts and sizes and reports whether there is any match.
func (p *partitioner) search(v *vocab, t *trie, text string) bool {
	if t.empty() {
		return false
	}
	p.starts, p.longest = p.starts[:0], p.longest[:0]
	p.sizes = append(p.sizes[:0], make([]bool, v.maxLen+1)...)
	for i := range len(text) {
		if t.first[text[i]] == 0 {
			continue
		}
		longest := 0
		t.walk(text[i:], func(n int, _ int32) {
			p.sizes[n] = true
			longest = n
		})
		if longest > 0 {
			p.starts, p.longest = append(p.starts, i), append(p.longest, longest)
		}
	}
	return len(p.starts) > 0
}

// claimSize takes the matches of n bytes that are still free, token by token and each from left to right.
func (p *partitioner) claimSize(v *vocab, t *trie, text string, n int) {
	p.hits = p.hits[:0]
	mixed := false
	for k, at := range p.starts {
		if n > p.longest[k] || p.claimed[at] || p.claimed[at+n-1] {
			continue
		}
		if id := v.id(text[at : at+n]); t.holds(v, id) && !(v.is(id, attrSteer) && touches(p.plain, at, at+n)) {
			p.hits = append(p.hits, fragment{at, at + n, id})
			mixed = mixed || id != p.hits[0].id
		}
	}
	if mixed {
		slices.SortStableFunc(p.hits, func(a, b fragment) int { return cmp.Compare(a.id, b.id) })
	}
	for _, h := range p.hits {
		// No claim is shorter than n, so one that overlaps covers an end.
		if !p.claimed[h.lo] && !p.claimed[h.hi-1] {
			p.claim(v, text, h)
		}
	}
}

// touches reports whether the bytes [lo,hi) have one in common with any of the ranges.
func touches(ranges []Range, lo, hi int) bool {
	i, _ := slices.BinarySearchFunc(ranges, lo+1, func(r Range, x int) int { return cmp.Compare(r.Hi, x) })
	return i < len(ranges) && ranges[i].Lo < hi
}

// claim takes a match, and the white space beside it if the token swallows that.
func (p *partitioner) claim(v *vocab, text string, h fragment) {
	for i := h.lo; i < h.hi; i++ {
		p.claimed[i] = true
	}
	p.taken = append(p.taken, h)
	if v.is(h.id, attrLeft) {
		for i := h.lo - 1; i >= 0 && !p.claimed[i] && cSpaceByte(text[i]); i-- {
			p.claimed[i] = true
		}
	}
	if v.is(h.id, attrRight) {
		for i := h.hi; i < len(text) && !p.claimed[i] && cSpaceByte(text[i]); i++ {
			p.claimed[i] = true
		}
	}
}

// cSpaceByte is C's isspace.
func cSpaceByte(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// collect puts the tokens and the text between them in order; size is the length of the text.
func (p *partitioner) collect(size int) []fragment {
	at := 0
	for i := 0; i <= len(p.taken); i++ {
		end := size
		if i < len(p.taken) {
			end = p.taken[i].lo
		}
		lo, hi := at, end
		for lo < hi && p.claimed[lo] {
			lo++
		}
		for hi > lo && p.claimed[hi-1] {
			hi--
		}
		if lo < hi {
			p.parts = append(p.parts, fragment{lo, hi, noToken})
		}
		if i < len(p.taken) {
			p.parts = append(p.parts, p.taken[i])
			at = p.taken[i].hi
		}
	}
	return p.parts
}
