package tokenizer

import "slices"

// view is the text that is being split: its code points and their classes. A piece of it is a half-open range of
// indices.
type view struct {
	cp    []rune
	class []class
	white whiteRun
}

// whiteRun remembers the run of white space that was measured last, so that scanners which take a long run in small
// bites stay linear.
type whiteRun struct {
	lo, end int // the run; end is bounded by hi
	newline int // index after the last CR or LF in it, or 0
	hi      int // end of the piece it was measured in
}

// load replaces the text by s.
func (v *view) load(s string) {
	v.cp, v.class = slices.Grow(v.cp[:0], len(s)), slices.Grow(v.class[:0], len(s))
	v.white = whiteRun{}
	table := classes()
	for len(s) > 0 {
		r, n := decodeLax(s)
		v.cp = append(v.cp, r)
		v.class = append(v.class, table.of(r))
		s = s[n:]
	}
}

// in reports whether there is a code point at pos before hi whose class is in set.
func (v *view) in(pos, hi int, set class) bool {
	return pos < hi && v.class[pos]&set != 0
}

// is reports whether the code point at pos, before hi, is r.
func (v *view) is(pos, hi int, r rune) bool { return pos < hi && v.cp[pos] == r }

// skip returns the end of the longest run of set that starts at pos.
func (v *view) skip(pos, hi int, set class) int {
	for pos < hi && v.class[pos]&set != 0 {
		pos++
	}
	return pos
}

// whiteEnd returns the end of the run of white space at pos, and the index after the last CR or LF in that run, or pos
// if it has none.
func (v *view) whiteEnd(pos, hi int) (end, newline int) {
	w := &v.white
	if hi != w.hi || pos < w.lo || pos >= w.end {
		*w = whiteRun{lo: pos, end: v.skip(pos, hi, cWhite), hi: hi}
		for i := w.end; i > pos; i-- {
			if v.class[i-1] == cNewline {
				w.newline = i
				break
			}
		}
	}
	return w.end, max(w.newline, pos)
}

// matcher returns the end of the match that starts at pos in a piece that ends at hi, or pos if there is none: what a
// regular expression does when it is anchored at pos.
type matcher func(v *view, pos, hi int) int

// splitter cuts the piece [lo,hi) further: it appends the end of each part.
type splitter func(v *view, lo, hi int, ends []int) []int

// first is the alternation a|b|…: the first matcher that matches wins, also over a later one with a longer match.
func first(ms ...matcher) matcher {
	return func(v *view, pos, hi int) int {
		for _, m := range ms {
			if end := m(v, pos, hi); end > pos {
				return end
			}
		}
		return pos
	}
}

// each cuts out every match of m; what lies between two matches becomes a part as well.
func each(ms ...matcher) splitter {
	m := first(ms...)
	return func(v *view, lo, hi int, ends []int) []int {
		start := lo
		for pos := lo; pos < hi; {
			end := m(v, pos, hi)
			if end == pos {
				pos++
				continue
			}
			if pos > start {
				ends = append(ends, pos)
			}
			ends = append(ends, end)
			start, pos = end, end
		}
		if start < hi {
			ends = append(ends, hi)
		}
		return ends
	}
}

// splitAll applies the splitters one after another, each to all parts of the one before, to the whole of v. It returns
// the ends of the parts in a and uses b as scratch; both may be reused by the caller.
func splitAll(v *view, splitters []splitter, a, b []int) (ends, scratch []int) {
	a = append(a[:0], len(v.cp))
	for _, split := range splitters {
		b = b[:0]
		lo := 0
		for _, hi := range a {
			b = split(v, lo, hi, b)
			lo = hi
		}
		a, b = b, a
	}
	return a, b
}
