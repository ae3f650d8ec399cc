package tokenizer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/ardanlabs/jinja"
)

// tmplMaxNest is how deep lists and dicts may lie in each other when they are
// written or compared; a list that contains itself ends here too.
const tmplMaxNest = 200

// str returns what Python's str makes of a value: what {{ }} writes.
func (g *tmplGuard) str(v jinja.Value) (string, error) {
	switch tmplTypeOf(v) {
	case tmplString:
		return tmplStr(v), nil
	case tmplUndef:
		return "", nil
	}
	w := tmplWriter{g: g}
	err := w.repr(v, 0)
	return w.b.String(), err
}

// repr returns what Python's repr makes of a value.
func (g *tmplGuard) repr(v jinja.Value) (string, error) {
	w := tmplWriter{g: g}
	err := w.repr(v, 0)
	return w.b.String(), err
}

// tmplWriter builds text and charges it.
type tmplWriter struct {
	g *tmplGuard
	b strings.Builder
}

// add appends s.
func (w *tmplWriter) add(s string) error {
	if err := w.g.spend(len(s)); err != nil {
		return err
	}
	w.b.WriteString(s)
	return nil
}

// repr writes the Python form of a value.
func (w *tmplWriter) repr(v jinja.Value, depth int) error {
	if err := w.g.nest(depth); err != nil {
		return err
	}
	switch tmplTypeOf(v) {
	case tmplUndef:
		return w.add("Undefined")
	case tmplNone:
		return w.add("None")
	case tmplBool:
		if v.AsBool() {
			return w.add("True")
		}
		return w.add("False")
	case tmplInteger:
		return w.add(tmplBig(v).String())
	case tmplFloat:
		return w.add(tmplFloatText(v.AsFloat()))
	case tmplString:
		return w.add(tmplQuote(tmplStr(v)))
	case tmplList:
		return w.reprList(v, depth)
	case tmplGenerator:
		return w.add("<generator>")
	case tmplDict:
		return w.reprDict(v.AsDict(), depth)
	}
	return w.add("<function " + v.AsCallable().Name + ">")
}

// reprList writes [1, 2], or (1, 2) and (1,) for tuples.
func (w *tmplWriter) reprList(v jinja.Value, depth int) error {
	items, open, end := v.AsList().Items, "[", "]"
	if w.g.isTuple(v) {
		if open, end = "(", ")"; len(items) == 1 {
			end = ",)"
		}
	}
	err := w.add(open)
	for i, item := range items {
		if i > 0 && err == nil {
			err = w.add(", ")
		}
		if err == nil {
			err = w.repr(item, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return w.add(end)
}

// reprDict writes {'a': 1}.
func (w *tmplWriter) reprDict(d *jinja.Dict, depth int) error {
	open, end := "{", "}"
	if w.g.spaces[d] {
		open, end = "<Namespace {", "}>"
	}
	err := w.add(open)
	for i, key := range d.Keys {
		if i > 0 && err == nil {
			err = w.add(", ")
		}
		if err == nil {
			err = w.repr(tmplKeyValue(key), depth+1)
		}
		if err == nil {
			err = w.add(": ")
		}
		if err == nil {
			err = w.repr(d.Data[key], depth+1)
		}
		if err != nil {
			return err
		}
	}
	return w.add(end)
}

// nest charges a step and fails below tmplMaxNest.
func (g *tmplGuard) nest(depth int) error {
	if depth > tmplMaxNest {
		return fmt.Errorf("%w: lists nested deeper than %d", ErrTemplateLimit, tmplMaxNest)
	}
	return g.step(1)
}

// tmplFloatText returns Python's shortest form of a float: 1.0, 1e-05, 1e+16.
func tmplFloatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(f, 'g', -1, 64)), "+")
	}
	e := strconv.FormatFloat(f, 'e', -1, 64)
	exp, _ := strconv.Atoi(e[strings.IndexByte(e, 'e')+1:])
	if exp < -4 || exp >= 16 {
		return e
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// tmplQuote returns the repr of a string: single quotes unless the text has
// some and no double ones; characters that do not print as escapes.
func tmplQuote(s string) string {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b := make([]byte, 0, len(s)+2)
	b = append(b, quote)
	for _, r := range s {
		b = tmplAppendQuoted(b, r, quote)
	}
	return string(append(b, quote))
}

// tmplAppendQuoted appends a character of a quoted string.
func tmplAppendQuoted(b []byte, r rune, quote byte) []byte {
	switch {
	case r == rune(quote) || r == '\\':
		return append(b, '\\', byte(r))
	case r == '\n':
		return append(b, `\n`...)
	case r == '\r':
		return append(b, `\r`...)
	case r == '\t':
		return append(b, `\t`...)
	case unicode.IsPrint(r):
		return append(b, string(r)...)
	case r < 0x100:
		return fmt.Appendf(b, `\x%02x`, r)
	case r < 0x10000:
		return fmt.Appendf(b, `\u%04x`, r)
	}
	return fmt.Appendf(b, `\U%08x`, r)
}
