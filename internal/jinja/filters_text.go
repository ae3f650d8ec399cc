package jinja

import (
	"math"
	"strconv"
	"strings"
)

// textFilter makes a filter of a function on the text of any value.
func textFilter(f func(*run, text) text) filterFunc {
	return func(r *run, v Value, a args) Value {
		a.none(r)
		return f(r, r.str(v))
	}
}

// filterString is string: the text that {{ }} would write. A string keeps its mark as HTML.
func filterString(r *run, v Value, a args) Value {
	a.none(r)
	return r.str(v)
}

// filterSafe is safe: the text marked as HTML, so that autoescape leaves it alone.
func filterSafe(r *run, v Value, a args) Value {
	a.none(r)
	t := r.str(v)
	t.html = true
	return t
}

// filterForceEscape escapes what is marked as HTML too.
func filterForceEscape(r *run, v Value, a args) Value {
	a.none(r)
	t := r.str(v)
	t.html = false
	return r.escaped(t)
}

// filterStripTags removes comments and tags, and makes each run of white space one space.
func filterStripTags(r *run, v Value, a args) Value {
	a.none(r)
	t := r.str(v)
	t.html = false
	r.spend(2 * t.size())
	for _, mark := range [][2]string{{"<!--", "-->"}, {"<", ">"}} {
		var b builder
		at := 0
		for {
			n := strings.Index(t.s[at:], mark[0])
			if n < 0 {
				break
			}
			end := strings.Index(t.s[at+n:], mark[1])
			if end < 0 {
				break
			}
			b.cut(t, at, at+n)
			at += n + end + len(mark[1])
		}
		b.cut(t, at, len(t.s))
		t = b.text()
	}
	words := strSplit(r, t, args{}).(*list)
	parts := make([]text, len(words.items))
	for i, w := range words.items {
		parts[i] = w.(text)
	}
	return r.unescaped(r.joined(parts, own(" ")))
}

// unescaped replaces the escapes that escape writes, and other common ones.
func (r *run) unescaped(t text) text {
	if !strings.Contains(t.s, "&") {
		return t
	}
	r.spend(t.size())
	var b builder
	t.pieces(0, len(t.s), func(s string, caller bool) { b.piece(htmlUnescapes.Replace(s), caller) })
	return b.text()
}

var htmlUnescapes = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&#39;", "'", "&#34;", `"`, "&quot;", `"`, "&apos;", "'",
	"&nbsp;", "\u00a0")

// filterTrim is trim(chars=None).
func filterTrim(r *run, v Value, a args) Value { return strStrip(true, true)(r, r.str(v), a) }

// filterTitle differs from the method: a word begins after white space, "-" and opening brackets only.
func filterTitle(r *run, v Value, a args) Value {
	a.none(r)
	t := r.str(v)
	inWord := false
	return r.mapRunes(t, func(at int, c rune) string {
		was := inWord
		inWord = !isSpace(c) && !strings.ContainsRune("-({[<", c)
		if was {
			return lowerRune(t.s, at, c)
		}
		return upperRune(c)
	})
}

// filterReplace is replace(old, new, count=None), on the texts of any values.
func filterReplace(r *run, v Value, a args) Value {
	b := a.bind(r, "replace", 2, "old", "new", "count")
	t, from, to := r.str(v), r.str(b[0]), r.str(b[1])
	limit := -1
	if b[2] != nil && !isNone(b[2]) {
		limit = r.index(b[2])
	}
	if !r.escape {
		t.html = false
		return r.replace(t, from, to, limit)
	}
	if from.html || to.html && !t.html {
		t = r.escaped(t)
	}
	if t.html {
		from, to = r.escaped(from), r.escaped(to)
	}
	return r.replace(t, from, to, limit)
}

// filterCenter is center(width=80).
func filterCenter(r *run, v Value, a args) Value {
	return r.pad(r.str(v), own(" "), r.integer(a.bind(r, "center", 0, "width")[0], 80), centerPad)
}

// filterFormat is "%s"|format(x): positional values or named ones.
func filterFormat(r *run, v Value, a args) Value {
	if len(a.pos) > 0 && len(a.names) > 0 {
		r.fail("can't handle positional and keyword arguments at the same time")
	}
	if len(a.names) == 0 {
		return r.percent(r.str(v), newTuple(a.pos...))
	}
	d := &dict{}
	r.fill(d, a, "format")
	return r.percent(r.str(v), d)
}

// filterWordCount is wordcount: runs of letters, digits and underscores.
func filterWordCount(r *run, v Value, a args) Value {
	a.none(r)
	s := r.str(v).s
	r.scan(8 * len(s))
	n, in := int64(0), false
	for _, c := range s {
		was := in
		in = isAlnum(c) || c == '_'
		if in && !was {
			n++
		}
	}
	return n
}

// filterIndent is indent(width=4, first=False, blank=False).
func filterIndent(r *run, v Value, a args) Value {
	b := a.bind(r, "indent", 0, "width", "first", "blank")
	t := r.string(v, "indent")
	indent := own("    ")
	if w, ok := b[0].(text); ok {
		indent = w
	} else if b[0] != nil {
		n := max(0, r.index(b[0]))
		r.spend(n)
		indent = own(strings.Repeat(" ", n))
	}
	if t.html {
		indent = r.escaped(indent)
	}
	first, blank := b[1] != nil && r.truth(b[1]), b[2] != nil && r.truth(b[2])
	r.items(2 * (strings.Count(t.s, "\n") + 1))
	ls := lines(r.concat(t, own("\n")), false)
	var out builder
	for i, l := range ls {
		if i > 0 {
			out.own("\n")
		}
		if i == 0 && first || i > 0 && (blank || l.s != "") {
			r.spend(indent.size())
			out.add(indent)
		}
		out.add(l)
	}
	res := out.text()
	res.html = t.html
	return res
}

// filterTruncate is truncate(length=255, killwords=False, end="...", leeway=5).
func filterTruncate(r *run, v Value, a args) Value {
	b := a.bind(r, "truncate", 0, "length", "killwords", "end", "leeway")
	if isUndefined(v) {
		return v // of length 0
	}
	t := r.string(v, "truncate")
	length, end, leeway := r.integer(b[0], 255), own("..."), 5
	if b[2] != nil {
		end = r.string(b[2], "truncate")
	}
	if b[3] != nil && !isNone(b[3]) {
		leeway = r.index(b[3])
	}
	if length < end.runes() || leeway < 0 {
		r.fail("truncate: expected length >= %d and leeway >= 0", end.runes())
	}
	r.scan(len(t.s))
	if t.runes() <= length+leeway {
		return t
	}
	out := t.cut(0, runeOffset(t.s, length-end.runes()))
	if b[1] == nil || !r.truth(b[1]) {
		if i := strings.LastIndex(out.s, " "); i >= 0 {
			out = out.cut(0, i)
		}
	}
	return r.plus(out, end)
}

// filterFileSizeFormat is filesizeformat(binary=False).
func filterFileSizeFormat(r *run, v Value, a args) Value {
	b := a.bind(r, "filesizeformat", 0, "binary")
	n := r.toFloat(v)
	base, units := 1000.0, []string{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	if b[0] != nil && r.truth(b[0]) {
		base, units = 1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
	}
	switch {
	case n == 1:
		return own("1 Byte")
	case n < base:
		return own(strconv.FormatFloat(math.Trunc(n)+0, 'f', 0, 64) + " Bytes")
	}
	unit, i := base*base, 0
	for n >= unit && i < len(units)-1 {
		unit *= base
		i++
	}
	return own(strconv.FormatFloat(base*n/unit, 'f', 1, 64) + " " + units[i])
}

// filterURLEncode is urlencode: a string, or the pairs of a dict or of an iterable.
func filterURLEncode(r *run, v Value, a args) Value {
	a.none(r)
	var pairs []Value
	switch v := v.(type) {
	case text:
		return r.urlQuote(v, false)
	case *dict:
		pairs = r.viewItems(&view{v, "dict_items"})
	default:
		if !isIterable(v) {
			return r.urlQuote(r.str(v), false)
		}
		pairs = r.iterate(v)
	}
	r.items(len(pairs) * 3)
	parts := make([]text, len(pairs))
	for i, p := range pairs {
		kv := r.unpack(p, 2)
		parts[i] = r.joined([]text{r.urlQuote(r.str(kv[0]), true), r.urlQuote(r.str(kv[1]), true)}, own("="))
	}
	return r.joined(parts, own("&"))
}

// urlQuote writes all but letters, digits and a few others as %XX; in a query, spaces as "+" and slashes too.
func (r *run) urlQuote(t text, query bool) text {
	r.spend(4 * t.size())
	r.step(len(t.s) >> 3)
	var b builder
	t.pieces(0, len(t.s), func(s string, caller bool) {
		out := make([]byte, 0, len(s))
		for i := range len(s) {
			switch c := s[i]; {
			case c < 0x80 && isAlnum(rune(c)) || strings.IndexByte("_.-~", c) >= 0 || c == '/' && !query:
				out = append(out, c)
			case c == ' ' && query:
				out = append(out, '+')
			default:
				out = append(out, '%', hexDigits[c>>4], hexDigits[c&15])
			}
		}
		b.piece(string(out), caller)
	})
	return b.text()
}

const hexDigits = "0123456789ABCDEF"

// filterXMLAttr is xmlattr(autospace=True).
func filterXMLAttr(r *run, v Value, a args) Value {
	b := a.bind(r, "xmlattr", 0, "autospace")
	d, ok := v.(*dict)
	if !ok {
		r.fail("xmlattr takes a mapping")
	}
	var parts []text
	for _, e := range d.entries {
		if isNone(e.value) || isUndefined(e.value) {
			continue
		}
		name := r.string(e.name, "xmlattr")
		if strings.ContainsAny(name.s, " \t\n\r\f\v/>=") {
			r.fail("Invalid character in attribute name: %.40q", name.s)
		}
		parts = append(parts, r.joined([]text{r.escaped(name), own(`="`), r.escaped(r.str(e.value)), own(`"`)}, text{}))
	}
	t := r.joined(parts, own(" "))
	if t.s != "" && (b[0] == nil || r.truth(b[0])) {
		t = r.concat(own(" "), t)
	}
	t.html = r.escape
	return t
}
