package jinja

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// splitArgs binds (sep=None, maxsplit=-1); white is set without a separator.
func (r *run) splitArgs(t text, a args, fn string) (sep string, white bool, limit int) {
	b := a.bind(r, fn, 0, "sep", "maxsplit")
	limit = r.integer(b[1], -1)
	if b[0] == nil || isNone(b[0]) {
		r.items(len(t.s)/2 + 1)
		return "", true, limit
	}
	sep = r.string(b[0], fn).s
	if sep == "" {
		r.fail("empty separator")
	}
	r.scan(len(t.s))
	r.items(2 * (strings.Count(t.s, sep) + 1))
	return sep, false, limit
}

// strSplit is split(sep=None, maxsplit=-1).
func strSplit(r *run, v Value, a args) Value {
	t := v.(text)
	sep, white, limit := r.splitArgs(t, a, "split")
	var parts []Value
	at := 0
	if white {
		for {
			at = len(t.s) - len(strings.TrimLeftFunc(t.s[at:], isSpace))
			if at == len(t.s) {
				return newList(parts)
			}
			n := strings.IndexFunc(t.s[at:], isSpace)
			if limit >= 0 && len(parts) == limit {
				n = -1
			}
			if n < 0 {
				hi := len(t.s)
				if limit < 0 || len(parts) < limit {
					hi = len(strings.TrimRightFunc(t.s, isSpace))
				}
				return newList(append(parts, t.cut(at, hi)))
			}
			parts = append(parts, t.cut(at, at+n))
			at += n
		}
	}
	for limit < 0 || len(parts) < limit {
		n := strings.Index(t.s[at:], sep)
		if n < 0 {
			break
		}
		parts = append(parts, t.cut(at, at+n))
		at += n + len(sep)
	}
	return newList(append(parts, t.cut(at, len(t.s))))
}

// strRSplit is rsplit(sep=None, maxsplit=-1).
func strRSplit(r *run, v Value, a args) Value {
	t := v.(text)
	sep, white, limit := r.splitArgs(t, a, "rsplit")
	if white {
		return newList(splitBack(t, limit))
	}
	var parts []Value
	end := len(t.s)
	for limit < 0 || len(parts) < limit {
		n := strings.LastIndex(t.s[:end], sep)
		if n < 0 {
			break
		}
		parts = append(parts, t.cut(n+len(sep), end))
		end = n
	}
	parts = append(parts, t.cut(0, end))
	slices.Reverse(parts)
	return newList(parts)
}

// splitBack splits at white space from the right, at most limit times if it is not negative.
func splitBack(t text, limit int) []Value {
	var parts []Value
	end := len(t.s)
	for {
		end = len(strings.TrimRightFunc(t.s[:end], isSpace))
		if end == 0 {
			break
		}
		if limit >= 0 && len(parts) == limit {
			parts = append(parts, t.cut(0, end))
			break
		}
		n := strings.LastIndexFunc(t.s[:end], isSpace)
		if n < 0 {
			parts = append(parts, t.cut(0, end))
			break
		}
		_, size := utf8.DecodeRuneInString(t.s[n:])
		parts = append(parts, t.cut(n+size, end))
		end = n
	}
	slices.Reverse(parts)
	return parts
}

// lines splits t at the line ends that Python knows.
func lines(t text, keep bool) []text {
	var out []text
	for at := 0; at < len(t.s); {
		n := strings.IndexFunc(t.s[at:], lineEnd)
		if n < 0 {
			return append(out, t.cut(at, len(t.s)))
		}
		end := at + n
		next := end + runeLen(t.s[end:])
		if strings.HasPrefix(t.s[end:], "\r\n") {
			next = end + 2
		}
		if keep {
			end = next
		}
		out = append(out, t.cut(at, end))
		at = next
	}
	return out
}

// lineEnd reports whether a line ends at a character.
func lineEnd(c rune) bool {
	return c >= '\n' && c <= '\r' || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028 || c == 0x2029
}

// strSplitLines is splitlines(keepends=False).
func strSplitLines(r *run, v Value, a args) Value {
	t := v.(text)
	keep := a.bind(r, "splitlines", 0, "keepends")[0]
	r.items(2 * (len(t.s)/8 + strings.Count(t.s, "\n")))
	ls := lines(t, keep != nil && r.truth(keep))
	r.items(2 * len(ls))
	items := make([]Value, len(ls))
	for i, l := range ls {
		items[i] = l
	}
	return newList(items)
}

// separator binds the argument of partition.
func (r *run) separator(t text, a args) text {
	sep := r.string(a.bind(r, "partition", 1, "sep")[0], "partition")
	if sep.s == "" {
		r.fail("empty separator")
	}
	r.scan(len(t.s))
	r.items(6)
	return sep
}

func strPartition(r *run, v Value, a args) Value {
	t := v.(text)
	sep := r.separator(t, a)
	if i := strings.Index(t.s, sep.s); i >= 0 {
		return newTuple(t.cut(0, i), sep, t.cut(i+len(sep.s), len(t.s)))
	}
	return newTuple(t, text{html: t.html}, text{html: t.html})
}

func strRPartition(r *run, v Value, a args) Value {
	t := v.(text)
	sep := r.separator(t, a)
	if i := strings.LastIndex(t.s, sep.s); i >= 0 {
		return newTuple(t.cut(0, i), sep, t.cut(i+len(sep.s), len(t.s)))
	}
	return newTuple(text{html: t.html}, text{html: t.html}, t)
}

// strPad returns a method (width, fillchar=" ") that fills up; split divides what is missing over left and right.
func strPad(split func(missing, width int) (left, right int)) methodFunc {
	return func(r *run, v Value, a args) Value {
		b := a.bind(r, "center", 1, "width", "fillchar")
		t, fill := v.(text), own(" ")
		if b[1] != nil {
			fill = r.argText(t, b[1], "center")
		}
		if fill.runes() != 1 {
			r.fail("the fill character must be exactly one character long")
		}
		return r.pad(t, fill, r.index(b[0]), split)
	}
}

// pad fills t up to a width in characters.
func (r *run) pad(t, fill text, width int, split func(missing, width int) (int, int)) text {
	r.scan(len(t.s))
	missing := width - t.runes()
	if missing <= 0 {
		return t
	}
	r.repeat(missing, len(fill.s))
	r.spend(len(t.s))
	left, right := split(missing, width)
	var b builder
	b.Grow(len(t.s) + missing*len(fill.s))
	for range left {
		b.add(fill)
	}
	b.add(t)
	for range right {
		b.add(fill)
	}
	out := b.text()
	out.html = t.html
	return out
}

// centerPad puts an odd character where CPython does.
func centerPad(missing, width int) (left, right int) {
	left = missing/2 + missing&width&1
	return left, missing - left
}

func leftPad(missing, _ int) (left, right int)  { return 0, missing }
func rightPad(missing, _ int) (left, right int) { return missing, 0 }

// strZFill fills up with zeros behind a sign.
func strZFill(r *run, v Value, a args) Value {
	t := v.(text)
	width := r.index(a.bind(r, "zfill", 1, "width")[0])
	if t.s == "" || t.s[0] != '-' && t.s[0] != '+' {
		return r.pad(t, own("0"), width, rightPad)
	}
	out := r.concat(t.cut(0, 1), r.pad(t.cut(1, len(t.s)), own("0"), width-1, rightPad))
	out.html = t.html
	return out
}
