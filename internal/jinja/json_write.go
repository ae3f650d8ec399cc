package jinja

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonWriter writes values as Python's json.dumps does.
type jsonWriter struct {
	r             *run
	b             builder
	ascii, sorted bool
	lines         bool
	indent        text // of one level, if lines
	item, key     text // separators
}

// filterToJSON is tojson(ensure_ascii=False, indent=None, separators=None, sort_keys=False) of transformers, which
// unlike Jinja2's own does not escape HTML.
func filterToJSON(r *run, v Value, a args) Value {
	b := a.bind(r, "tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys")
	w := &jsonWriter{r: r, item: own(", "), key: own(": ")}
	w.ascii = b[0] != nil && r.truth(b[0])
	w.sorted = b[3] != nil && r.truth(b[3])
	w.setIndent(b[1])
	if b[2] != nil && !isNone(b[2]) {
		seps := r.unpack(b[2], 2)
		w.item, w.key = r.string(seps[0], "separators"), r.string(seps[1], "separators")
	}
	if n, ok := v.(none); ok && n.mute {
		r.fail("the message has no content (null), and the template writes it")
	}
	w.value(v, 0)
	return w.b.text()
}

// setIndent takes a number of spaces or a string; none is one line.
func (w *jsonWriter) setIndent(v Value) {
	switch {
	case v == nil || isNone(v):
		return
	case isInt(v):
		n := max(0, w.r.index(v))
		w.r.spend(n)
		w.indent = own(strings.Repeat(" ", n))
	default:
		w.indent = w.r.string(v, "indent")
	}
	w.lines, w.item = true, own(",")
}

// value writes a value at a depth of nesting.
func (w *jsonWriter) value(v Value, depth int) {
	w.r.nest(depth)
	switch v := v.(type) {
	case text:
		w.quote(v)
	case none:
		w.own("null")
	case bool:
		w.own(strconv.FormatBool(v))
	case int64:
		w.own(strconv.FormatInt(v, 10))
	case *big.Int:
		w.own(w.r.bigText(v))
	case float64:
		w.own(jsonFloat(v))
	case *list:
		w.sequence("[", "]", len(v.items), depth, func(i int) { w.value(v.items[i], depth+1) })
	case *generator: // an error in Python; templates written for other engines do it
		w.value(newList(w.r.iterate(v)), depth)
	case *dict:
		w.dict(v, depth)
	default:
		w.r.fail("Object of type %s is not JSON serializable", typeName(v))
	}
}

func (w *jsonWriter) own(s string) { w.add(own(s)) }

func (w *jsonWriter) add(t text) {
	w.r.spend(t.size())
	w.b.add(t)
}

// dict writes an object, with its keys in order if asked.
func (w *jsonWriter) dict(d *dict, depth int) {
	entries := d.entries
	if w.sorted {
		entries = slices.Clone(entries)
		w.r.items(3 * len(entries))
		slices.SortStableFunc(entries, func(a, b entry) int {
			c, _ := w.r.order(a.name, b.name, 0, "<")
			return c
		})
	}
	w.sequence("{", "}", len(entries), depth, func(i int) {
		w.quote(w.keyText(entries[i].name))
		w.add(w.key)
		w.value(entries[i].value, depth+1)
	})
}

// keyText returns the form of a key: strings, numbers, booleans and None only.
func (w *jsonWriter) keyText(v Value) text {
	switch v := v.(type) {
	case text:
		return v
	case none:
		return own("null")
	case bool:
		return own(strconv.FormatBool(v))
	case int64, *big.Int:
		return w.r.str(v)
	case float64:
		return own(jsonFloat(v))
	}
	w.r.fail("keys must be str, int, float, bool or None, not %s", typeName(v))
	return text{}
}

// sequence writes n items between brackets.
func (w *jsonWriter) sequence(open, end string, n, depth int, write func(int)) {
	w.own(open)
	for i := range n {
		if i > 0 {
			w.add(w.item)
		}
		w.newline(depth + 1)
		write(i)
	}
	if n > 0 {
		w.newline(depth)
	}
	w.own(end)
}

// newline starts a line at a depth, if there is an indent.
func (w *jsonWriter) newline(depth int) {
	if !w.lines {
		return
	}
	w.own("\n")
	for range depth {
		w.add(w.indent)
	}
}

// quote writes a string.
func (w *jsonWriter) quote(t text) {
	w.r.spend(t.size() + 2)
	w.b.own(`"`)
	if w.plain(t.s) {
		w.b.add(t)
		w.b.own(`"`)
		return
	}
	t.pieces(0, len(t.s), func(s string, caller bool) {
		from := 0
		for i, c := range s {
			esc := w.escape(c)
			if esc == "" {
				continue
			}
			w.r.spend(len(esc))
			w.b.piece(s[from:i], caller)
			w.b.piece(esc, caller)
			from = i + max(1, runeLen(s[i:]))
		}
		w.b.piece(s[from:], caller)
	})
	w.b.own(`"`)
}

// plain reports whether nothing of s needs an escape.
func (w *jsonWriter) plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf && w.ascii || c == 0x7f {
			return false
		}
	}
	return true
}

// escape returns the escape of a character in JSON, "" if it stands for itself.
func (w *jsonWriter) escape(c rune) string {
	switch {
	case c == '"' || c == '\\':
		return `\` + string(c)
	case c == '\n':
		return `\n`
	case c == '\r':
		return `\r`
	case c == '\t':
		return `\t`
	case c == '\b':
		return `\b`
	case c == '\f':
		return `\f`
	case c < ' ' || w.ascii && c > 0x7e && c <= 0xffff:
		return fmt.Sprintf(`\u%04x`, c)
	case w.ascii && c > 0xffff:
		return fmt.Sprintf(`\u%04x\u%04x`, 0xd800+(c-0x10000)>>10, 0xdc00+(c-0x10000)&0x3ff)
	}
	return ""
}

// jsonFloat returns a float as json.dumps writes it.
func jsonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return floatText(f)
}
