package tokenizer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ardanlabs/jinja"
)

// tmplJSON writes values as Python's json.dumps does.
type tmplJSON struct {
	tmplWriter
	ascii, sorted bool
	indent        string // of one level; used if lines
	lines         bool
	item, key     string // separators
}

// tmplToJSON is the filter tojson(ensure_ascii=false, indent=none,
// separators=none, sort_keys=false) of transformers. Unlike Jinja2's own it
// does not escape HTML.
func tmplToJSON(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("ensure_ascii", "indent", "separators", "sort_keys")
	if err != nil {
		return v, err
	}
	w := tmplJSON{tmplWriter: tmplWriter{g: g}, ascii: args[0].IsTruthy(), sorted: args[3].IsTruthy(), item: ", ", key: ": "}
	if err := w.setIndent(args[1]); err != nil {
		return v, err
	}
	if sep := args[2]; sep.IsList() {
		l := sep.AsList().Items
		if len(l) != 2 || !tmplIsStr(l[0]) || !tmplIsStr(l[1]) {
			return v, tmplEval("tojson: separators are two strings")
		}
		w.item, w.key = tmplStr(l[0]), tmplStr(l[1])
	}
	err = w.value(v, 0)
	return jinja.NewString(w.b.String()), err
}

// setIndent takes a number of spaces or a string; none is one line.
func (w *tmplJSON) setIndent(v jinja.Value) error {
	switch {
	case v.IsNone() || v.IsUndefined():
		return nil
	case tmplIsStr(v):
		w.indent = tmplStr(v)
	case tmplIsInt(v):
		n, _ := tmplIndex(v)
		if n > 256 {
			return tmplEval("tojson: indent is too large")
		}
		w.indent = strings.Repeat(" ", max(0, n))
	default:
		return tmplEval("tojson: indent is %v", tmplTypeOf(v))
	}
	w.lines, w.item = true, ","
	return nil
}

// value writes a value at a depth of nesting.
func (w *tmplJSON) value(v jinja.Value, depth int) error {
	if err := w.g.nest(depth); err != nil {
		return err
	}
	switch tmplTypeOf(v) {
	case tmplNone:
		return w.add("null")
	case tmplBool:
		return w.add(strconv.FormatBool(v.AsBool()))
	case tmplInteger:
		return w.add(tmplBig(v).String())
	case tmplFloat:
		return w.add(tmplJSONFloat(v.AsFloat()))
	case tmplString:
		return w.quote(tmplStr(v))
	case tmplList:
		l := v.AsList().Items
		return w.sequence("[", "]", len(l), depth, func(i int) error { return w.value(l[i], depth+1) })
	case tmplGenerator:
		return w.value(jinja.NewList(tmplConsume(v)), depth)
	case tmplDict:
		return w.dict(v.AsDict(), depth)
	}
	return tmplEval("%v has no JSON form", tmplTypeOf(v))
}

// dict writes an object, with its keys in order of their characters if asked.
func (w *tmplJSON) dict(d *jinja.Dict, depth int) error {
	keys := d.Keys
	if w.sorted {
		keys = slices.Clone(keys)
		slices.Sort(keys)
	}
	return w.sequence("{", "}", len(keys), depth, func(i int) error {
		if err := w.quote(tmplJSONKey(keys[i])); err != nil {
			return err
		}
		if err := w.add(w.key); err != nil {
			return err
		}
		return w.value(d.Data[keys[i]], depth+1)
	})
}

// sequence writes n items between brackets.
func (w *tmplJSON) sequence(open, end string, n, depth int, write func(int) error) error {
	err := w.add(open)
	for i := 0; i < n && err == nil; i++ {
		if i > 0 {
			err = w.add(w.item)
		}
		if err == nil {
			err = w.newline(depth + 1)
		}
		if err == nil {
			err = write(i)
		}
	}
	if n > 0 && err == nil {
		err = w.newline(depth)
	}
	if err != nil {
		return err
	}
	return w.add(end)
}

// newline starts a line at a depth, if there is an indent.
func (w *tmplJSON) newline(depth int) error {
	if !w.lines {
		return nil
	}
	if len(w.indent)*depth > w.g.lim.Bytes {
		return w.g.spend(-1)
	}
	return w.add("\n" + strings.Repeat(w.indent, depth))
}

// quote writes a string.
func (w *tmplJSON) quote(s string) error {
	if err := w.g.spend(len(s) + 2); err != nil {
		return err
	}
	b := make([]byte, 0, len(s)+2)
	b = append(b, '"')
	for i, r := range s {
		if r < utf8.RuneSelf || w.ascii {
			b = tmplAppendJSON(b, r, w.ascii)
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		b = append(b, s[i:i+size]...)
	}
	b = append(b, '"')
	w.b.Write(b)
	return w.g.spend(max(0, len(b)-len(s)-2)) // what the escapes added
}

// tmplAppendJSON appends a character with the escapes of json.dumps.
func tmplAppendJSON(b []byte, r rune, ascii bool) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(b, '\\', byte(r))
	case r == '\n':
		return append(b, `\n`...)
	case r == '\r':
		return append(b, `\r`...)
	case r == '\t':
		return append(b, `\t`...)
	case r == '\b':
		return append(b, `\b`...)
	case r == '\f':
		return append(b, `\f`...)
	case r < 0x20 || ascii && r > 0x7e && r <= 0xffff:
		return fmt.Appendf(b, `\u%04x`, r)
	case ascii && r > 0xffff:
		return fmt.Appendf(b, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
	}
	return utf8.AppendRune(b, r)
}

// tmplJSONFloat returns a float as json.dumps writes it.
func tmplJSONFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return tmplFloatText(f)
}
