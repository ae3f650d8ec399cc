package grammar

import (
	"slices"
	"unicode/utf8"
)

const maxRune = utf8.MaxRune

// The surrogates are no characters: UTF-8 has no bytes for them.
const surrogateMin, surrogateMax = 0xD800, 0xDFFF

// normal sorts the ranges and joins those that touch; what is no character is left out.
func (c class) normal() class {
	type span struct{ lo, hi rune }
	var spans []span
	add := func(lo, hi rune) {
		if lo = max(lo, 0); lo <= hi {
			spans = append(spans, span{lo, hi})
		}
	}
	for i := 0; i < len(c); i += 2 {
		lo, hi := c[i], min(c[i+1], maxRune)
		add(lo, min(hi, surrogateMin-1))
		add(max(lo, surrogateMax+1), hi)
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.lo) - int(b.lo) })
	out := class{}
	for _, s := range spans {
		if n := len(out); n > 0 && s.lo <= out[n-1]+1 {
			out[n-1] = max(out[n-1], s.hi)
		} else {
			out = append(out, s.lo, s.hi)
		}
	}
	return out
}

// not returns all other characters.
func (c class) not() class {
	out, next := class{}, rune(0)
	for n, i := c.normal(), 0; i < len(n); i += 2 {
		if next < n[i] {
			out = append(out, next, n[i]-1)
		}
		next = n[i+1] + 1
	}
	if next <= maxRune {
		out = append(out, next, maxRune)
	}
	return out.normal()
}

// without returns the characters of c that are not in d.
func (c class) without(d class) class {
	return append(slices.Clone(c.not()), d...).not()
}

// and returns the characters that are in both.
func (c class) and(d class) class { return c.without(d.not()) }

// byteRange is a range of bytes.
type byteRange struct{ lo, hi byte }

// sequences calls f for runs of byte ranges that together spell the characters of c and nothing else. f must not keep
// the slice.
func (c class) sequences(f func([]byteRange)) {
	n := c.normal()
	for i := 0; i < len(n); i += 2 {
		lo, hi := n[i], n[i+1]
		for _, limit := range []rune{0x7F, 0x7FF, 0xFFFF, maxRune} { // each length of UTF-8 on its own
			if lo <= limit {
				sequencesOf(lo, min(hi, limit), f)
				lo = limit + 1
			}
			if lo > hi {
				break
			}
		}
	}
}

// sequencesOf splits a range whose characters have one length until it is a product of byte ranges.
func sequencesOf(lo, hi rune, f func([]byteRange)) {
	for i := 1; i < 4; i++ {
		m := rune(1)<<(6*i) - 1
		if lo&^m == hi&^m || utf8.RuneLen(lo) <= i {
			continue
		}
		if lo&m != 0 {
			sequencesOf(lo, lo|m, f)
			sequencesOf((lo|m)+1, hi, f)
			return
		}
		if hi&m != m {
			sequencesOf(lo, hi&^m-1, f)
			sequencesOf(hi&^m, hi, f)
			return
		}
	}
	var a, b [utf8.UTFMax]byte
	n := utf8.EncodeRune(a[:], lo)
	utf8.EncodeRune(b[:], hi)
	var run [utf8.UTFMax]byteRange
	for i := range n {
		run[i] = byteRange{a[i], b[i]}
	}
	f(run[:n])
}
