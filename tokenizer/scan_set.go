package tokenizer

import (
	"sort"
	"strings"
)

// runeSet is a set of code points as ascending, disjoint ranges: first, last, first, last, … White space outside ASCII
// is never in a set: llama.cpp turns it into a vertical tab before it matches sets.
type runeSet []rune

// has reports whether r is a member.
func (s runeSet) has(r rune) bool {
	i := sort.Search(len(s)/2, func(i int) bool { return s[2*i+1] >= r })
	return 2*i < len(s) && s[2*i] <= r
}

// parseSet makes a set from the inside of a bracket expression without escapes, in which a-z is a range.
func parseSet(expr string) runeSet {
	var s runeSet
	rs := []rune(expr)
	for i := 0; i < len(rs); i++ {
		lo, hi := rs[i], rs[i]
		if i+2 < len(rs) && rs[i+1] == '-' {
			hi = rs[i+2]
			i += 2
		}
		s = append(s, lo, hi)
	}
	return s.sorted()
}

// sorted puts the ranges in order and joins those that overlap.
func (s runeSet) sorted() runeSet {
	n := len(s) / 2
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return s[2*order[a]] < s[2*order[b]] })
	var out runeSet
	for _, i := range order {
		if k := len(out); k > 0 && s[2*i] <= out[k-1]+1 {
			out[k-1] = max(out[k-1], s[2*i+1])
		} else {
			out = append(out, s[2*i], s[2*i+1])
		}
	}
	return out
}

// skipSet returns the end of the longest run of members that starts at pos.
func (v *view) skipSet(pos, hi int, s runeSet) int {
	for pos < hi && s.has(v.cp[pos]) && (v.class[pos]&cWhite == 0 || v.cp[pos] < 0x80) {
		pos++
	}
	return pos
}

// of is "[set]+".
func of(s runeSet) matcher {
	return func(v *view, pos, hi int) int { return v.skipSet(pos, hi, s) }
}

// whiteOf is "\s?[set]+".
func whiteOf(s runeSet) matcher {
	return func(v *view, pos, hi int) int {
		if v.class[pos]&cWhite != 0 {
			if end := v.skipSet(pos+1, hi, s); end > pos+1 {
				return end
			}
		}
		return v.skipSet(pos, hi, s)
	}
}

// notOf is " ?[^\s set]+".
func notOf(s runeSet) matcher {
	run := func(v *view, pos, hi int) int {
		for pos < hi && v.class[pos]&cWhite == 0 && !s.has(v.cp[pos]) {
			pos++
		}
		return pos
	}
	return func(v *view, pos, hi int) int {
		if v.cp[pos] == ' ' {
			if end := run(v, pos+1, hi); end > pos+1 {
				return end
			}
		}
		return run(v, pos, hi)
	}
}

// oneSign is a single \p{P} or ASCII symbol.
func oneSign(v *view, pos, hi int) int {
	if v.class[pos] == cPunct || v.class[pos] == cSymbol && v.cp[pos] < 0x80 {
		return pos + 1
	}
	return pos
}

// signs is "[\p{P} extra]+" where extra lists ASCII symbols.
func signs(extra string) matcher {
	return func(v *view, pos, hi int) int {
		for pos < hi && (v.class[pos] == cPunct || v.cp[pos] < 0x80 && strings.IndexByte(extra, byte(v.cp[pos])) >= 0) {
			pos++
		}
		return pos
	}
}
