package jinja

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// strMethods are the methods of str. Those that are missing from Python's make bytes or tables: encode, maketrans,
// translate.
var strMethods map[string]methodFunc

func init() {
	strMethods = map[string]methodFunc{
		"upper": textMethod((*run).upper), "lower": textMethod((*run).lower), "title": textMethod((*run).titled),
		"capitalize": textMethod((*run).capitalized), "swapcase": textMethod((*run).swapped),
		"casefold": textMethod((*run).casefolded),
		"strip":    strStrip(true, true), "lstrip": strStrip(true, false), "rstrip": strStrip(false, true),
		"split": strSplit, "rsplit": strRSplit, "splitlines": strSplitLines,
		"partition": strPartition, "rpartition": strRPartition,
		"join": strJoin, "replace": strReplace, "format": strFormat, "format_map": strFormatMap,
		"startswith": strAffix(strings.HasPrefix), "endswith": strAffix(strings.HasSuffix),
		"removeprefix": strRemovePrefix, "removesuffix": strRemoveSuffix,
		"find": strFind(strings.Index, false), "rfind": strFind(strings.LastIndex, false),
		"index": strFind(strings.Index, true), "rindex": strFind(strings.LastIndex, true), "count": strCount,
		"center": strPad(centerPad), "ljust": strPad(leftPad), "rjust": strPad(rightPad), "zfill": strZFill,
		"expandtabs": strExpandTabs,
		"isupper":    textTest(isUpper), "islower": textTest(isLower), "istitle": textTest(isTitle),
		"isidentifier": textTest(isIdentifier),
		"isascii":      textTest(ascii),
		"isprintable":  textTest(func(s string) bool { return s == "" || allRunes(s, unicode.IsPrint) }),
		"isalpha":      textTest(func(s string) bool { return allRunes(s, unicode.IsLetter) }),
		"isalnum":      textTest(func(s string) bool { return allRunes(s, isAlnum) }),
		"isdecimal":    textTest(func(s string) bool { return allRunes(s, unicode.IsDigit) }),
		"isdigit":      textTest(func(s string) bool { return allRunes(s, isDigit) }),
		"isnumeric":    textTest(func(s string) bool { return allRunes(s, isNumeric) }),
		"isspace":      textTest(func(s string) bool { return allRunes(s, isSpace) }),
	}
}

// textMethod makes a method without arguments of a function.
func textMethod(f func(*run, text) text) methodFunc {
	return func(r *run, v Value, a args) Value {
		a.none(r)
		return f(r, v.(text))
	}
}

// textTest makes a method without arguments of a test.
func textTest(f func(string) bool) methodFunc {
	return func(r *run, v Value, a args) Value {
		a.none(r)
		r.scan(len(v.(text).s))
		return f(v.(text).s)
	}
}

// argText returns an argument of a method of t that must be a string; a method of HTML escapes it.
func (r *run) argText(t text, v Value, fn string) text {
	s := r.string(v, fn)
	if t.html {
		return r.escaped(s)
	}
	return s
}

// trim returns t without the characters of set at its ends; without a set that is white space.
func (r *run) trim(t text, set string, hasSet, left, right bool) text {
	out := isSpace
	if hasSet {
		out = func(c rune) bool { return strings.ContainsRune(set, c) }
	}
	lo, hi := 0, len(t.s)
	if left {
		lo = hi - len(strings.TrimLeftFunc(t.s, out))
	}
	if right {
		hi = lo + len(strings.TrimRightFunc(t.s[lo:], out))
	}
	r.scan(8 * (len(t.s) - hi + lo))
	return t.cut(lo, hi)
}

// strStrip returns strip(chars=None), lstrip or rstrip.
func strStrip(left, right bool) methodFunc {
	return func(r *run, v Value, a args) Value {
		set := a.bind(r, "strip", 0, "chars")[0]
		if set == nil || isNone(set) {
			return r.trim(v.(text), "", false, left, right)
		}
		chars := r.argText(v.(text), set, "strip")
		r.repeat(len(chars.s), len(v.(text).s)/64+1)
		return r.trim(v.(text), chars.s, true, left, right)
	}
}

// window returns the part of t between two character indices that may be nil, its byte offset, and whether start is
// within.
func (r *run) window(t text, start, end Value) (part string, at int, ok bool) {
	r.scan(len(t.s))
	if (start == nil || isNone(start)) && (end == nil || isNone(end)) {
		return t.s, 0, true
	}
	n := t.runes()
	bound := func(v Value, def int) int {
		if v == nil || isNone(v) {
			return def
		}
		i := r.index(v)
		if i < 0 {
			i = max(0, i+n)
		}
		return i
	}
	lo, hi := bound(start, 0), min(bound(end, n), n)
	if lo > n || lo > hi {
		return "", len(t.s), false
	}
	a := runeOffset(t.s, lo)
	return t.s[a : a+runeOffset(t.s[a:], hi-lo)], a, true
}

// strAffix returns startswith(prefix, start, end) or endswith; prefix may be a tuple.
func strAffix(has func(s, affix string) bool) methodFunc {
	return func(r *run, v Value, a args) Value {
		b := a.bind(r, "startswith", 1, "prefix", "start", "end")
		part, _, ok := r.window(v.(text), b[1], b[2])
		if l, isList := b[0].(*list); isList && l.tuple {
			for _, item := range l.items {
				r.step(1)
				if ok && has(part, r.string(item, "startswith").s) {
					return true
				}
			}
			return false
		}
		return has(part, r.string(b[0], "startswith").s) && ok
	}
}

func strRemovePrefix(r *run, v Value, a args) Value {
	t, p := v.(text), r.string(a.bind(r, "removeprefix", 1, "prefix")[0], "removeprefix")
	if strings.HasPrefix(t.s, p.s) {
		return t.cut(len(p.s), len(t.s))
	}
	return t
}

func strRemoveSuffix(r *run, v Value, a args) Value {
	t, p := v.(text), r.string(a.bind(r, "removesuffix", 1, "suffix")[0], "removesuffix")
	if strings.HasSuffix(t.s, p.s) {
		return t.cut(0, len(t.s)-len(p.s))
	}
	return t
}

// strFind returns find(sub, start, end) and its like: a character index, or -1 or an error.
func strFind(find func(s, sub string) int, must bool) methodFunc {
	return func(r *run, v Value, a args) Value {
		b := a.bind(r, "find", 1, "sub", "start", "end")
		t := v.(text)
		sub := r.string(b[0], "find")
		part, at, ok := r.window(t, b[1], b[2])
		i := find(part, sub.s)
		if !ok || i < 0 {
			if must {
				r.fail("substring not found")
			}
			return int64(-1)
		}
		return int64(utf8.RuneCountInString(t.s[:at+i]))
	}
}

// strCount is count(sub, start, end), without overlaps.
func strCount(r *run, v Value, a args) Value {
	b := a.bind(r, "count", 1, "sub", "start", "end")
	sub := r.string(b[0], "count")
	part, _, ok := r.window(v.(text), b[1], b[2])
	if !ok {
		return int64(0)
	}
	return int64(strings.Count(part, sub.s))
}

// strReplace is replace(old, new, count=-1).
func strReplace(r *run, v Value, a args) Value {
	b := a.bind(r, "replace", 2, "old", "new", "count")
	t := v.(text)
	return r.replace(t, r.argText(t, b[0], "replace"), r.argText(t, b[1], "replace"), r.integer(b[2], -1))
}

// replace replaces the first limit occurrences, all if it is negative.
func (r *run) replace(t, from, to text, limit int) text {
	r.scan(len(t.s))
	hits := strings.Count(t.s, from.s)
	if limit >= 0 {
		hits = min(hits, limit)
	}
	if hits == 0 {
		return t
	}
	r.repeat(hits, to.size())
	r.spend(t.size())
	var b builder
	at := 0
	for i := range hits {
		n := strings.Index(t.s[at:], from.s)
		if from.s == "" && i > 0 { // between the characters
			n = runeLen(t.s[at:])
		}
		b.cut(t, at, at+n)
		b.add(to)
		at += n + len(from.s)
	}
	b.cut(t, at, len(t.s))
	out := b.text()
	out.html = t.html
	return out
}

// strJoin is join(iterable), which must be strings.
func strJoin(r *run, v Value, a args) Value {
	sep := v.(text)
	items := r.iterate(a.bind(r, "join", 1, "iterable")[0])
	r.items(len(items))
	parts := make([]text, len(items))
	for i, item := range items {
		parts[i] = r.argText(sep, item, "join")
	}
	return r.joined(parts, sep)
}

// strExpandTabs is expandtabs(tabsize=8).
func strExpandTabs(r *run, v Value, a args) Value {
	t := v.(text)
	size := max(0, r.integer(a.bind(r, "expandtabs", 0, "tabsize")[0], 8))
	r.repeat(strings.Count(t.s, "\t")+1, min(size, math.MaxInt>>4))
	column := 0
	return r.mapRunes(t, func(_ int, c rune) string {
		switch c {
		case '\t':
			if size == 0 {
				return ""
			}
			n := size - column%size
			column += n
			return strings.Repeat(" ", n)
		case '\n', '\r':
			column = -1
		}
		column++
		return string(c)
	})
}
