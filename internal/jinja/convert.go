package jinja

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// str returns the text that {{ v }} writes, Python's str.
func (r *run) str(v Value) text {
	switch v := v.(type) {
	case text:
		return v
	case *undefined:
		return text{}
	case none:
		if v.mute {
			r.fail("the message has no content (null), and the template writes it")
		}
		return own("None")
	case bool:
		if v {
			return own("True")
		}
		return own("False")
	case int64:
		return own(strconv.FormatInt(v, 10))
	case float64:
		return own(floatText(v))
	}
	var b builder
	r.repr(&b, v, 0)
	return b.text()
}

// repr writes Python's repr of a value.
func (r *run) repr(b *builder, v Value, depth int) {
	r.nest(depth)
	switch v := v.(type) {
	case text:
		r.quote(b, v)
	case *big.Int:
		r.literal(b, r.bigText(v))
	case *undefined:
		r.literal(b, "Undefined")
	case none:
		r.literal(b, "None")
	case *list:
		r.reprList(b, v, depth)
	case *dict:
		r.reprDict(b, v, depth)
	case *namespace:
		r.literal(b, "<Namespace ")
		r.reprDict(b, v.attrs, depth)
		r.literal(b, ">")
	case *view:
		r.literal(b, v.kind+"(")
		r.reprList(b, newList(r.viewItems(v)), depth)
		r.literal(b, ")")
	case *rangeValue:
		r.literal(b, v.repr())
	case *function:
		r.literal(b, v.repr())
	case *generator:
		r.literal(b, "<generator object "+v.name+">")
	case *object:
		if v.repr != nil {
			r.literal(b, v.repr(r))
			return
		}
		r.literal(b, "<"+v.kind+">")
	default:
		t := r.str(v)
		r.spend(len(t.s))
		b.add(t)
	}
}

// literal writes text of the template's and charges for it.
func (r *run) literal(b *builder, s string) {
	r.spend(len(s))
	b.own(s)
}

func (r *run) reprList(b *builder, l *list, depth int) {
	open, end := "[", "]"
	if l.tuple {
		open, end = "(", ")"
	}
	r.literal(b, open)
	for i, item := range l.items {
		if i > 0 {
			r.literal(b, ", ")
		}
		r.repr(b, item, depth+1)
	}
	if l.tuple && len(l.items) == 1 {
		r.literal(b, ",")
	}
	r.literal(b, end)
}

func (r *run) reprDict(b *builder, d *dict, depth int) {
	r.literal(b, "{")
	for i, e := range d.entries {
		if i > 0 {
			r.literal(b, ", ")
		}
		r.repr(b, e.name, depth+1)
		r.literal(b, ": ")
		r.repr(b, e.value, depth+1)
	}
	r.literal(b, "}")
}

func (s *rangeValue) repr() string {
	if s.step == 1 {
		return fmt.Sprintf("range(%d, %d)", s.start, s.stop)
	}
	return fmt.Sprintf("range(%d, %d, %d)", s.start, s.stop, s.step)
}

func (f *function) repr() string {
	switch {
	case f.macro != nil && f.name == "":
		return "<Macro anonymous>"
	case f.macro != nil:
		return "<Macro '" + f.name + "'>"
	}
	return "<function " + f.name + ">"
}

// bigText returns the digits of an integer; more than Python writes fail.
func (r *run) bigText(n *big.Int) string {
	s := n.String()
	r.spend(len(s))
	if len(s) > maxDigits+1 {
		r.fail("an integer of more than %d digits cannot become text", maxDigits)
	}
	return s
}

// floatText returns Python's shortest form of a float: 1.0, 1e-05, 1e+16.
func floatText(f float64) string {
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

// quote writes the repr of a string: single quotes unless the text has some and no double ones; characters that do not
// print as escapes.
func (r *run) quote(b *builder, t text) {
	r.spend(len(t.s) + 2)
	q := "'"
	if strings.Contains(t.s, "'") && !strings.Contains(t.s, `"`) {
		q = `"`
	}
	if t.html {
		b.own("Markup(")
	}
	b.own(q)
	t.pieces(0, len(t.s), func(s string, caller bool) {
		from := 0
		for i, c := range s {
			if esc := quoteEscape(c, q); esc != "" {
				b.piece(s[from:i], caller)
				r.spend(len(esc))
				b.piece(esc, caller)
				from = i + max(1, runeLen(s[i:]))
			}
		}
		b.piece(s[from:], caller)
	})
	b.own(q)
	if t.html {
		b.own(")")
	}
}

func runeLen(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	return n
}

// quoteEscape returns the escape of a character in a repr, "" if it stands for itself.
func quoteEscape(c rune, quote string) string {
	switch {
	case c == '\\' || string(c) == quote:
		return `\` + string(c)
	case c == '\n':
		return `\n`
	case c == '\r':
		return `\r`
	case c == '\t':
		return `\t`
	case c >= ' ' && c < 0x7f || c > 0x7f && unicode.IsPrint(c):
		return ""
	}
	return codeText(c)
}

// codeText is \x, \u or \U with a character's code.
func codeText(c rune) string {
	switch {
	case c < 0x100:
		return fmt.Sprintf(`\x%02x`, c)
	case c < 0x10000:
		return fmt.Sprintf(`\u%04x`, c)
	}
	return fmt.Sprintf(`\U%08x`, c)
}

// escaped returns a text with the characters that mean something in HTML escaped, unless it is marked as HTML.
func (r *run) escaped(t text) text {
	if t.html {
		return t
	}
	if !strings.ContainsAny(t.s, `&<>'"`) {
		t.html = true
		return t
	}
	r.spend(5 * len(t.s))
	var b builder
	t.pieces(0, len(t.s), func(s string, caller bool) { b.piece(htmlEscapes.Replace(s), caller) })
	t = b.text()
	t.html = true
	return t
}

var htmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;")

// joined returns texts with sep between them.
func (r *run) joined(parts []text, sep text) text {
	n := len(parts)
	r.repeat(n, sep.size())
	for _, t := range parts {
		n += t.size()
	}
	r.spend(n)
	var b builder
	for i, t := range parts {
		if i > 0 {
			b.add(sep)
		}
		b.add(t)
	}
	t := b.text()
	t.html = sep.html
	return t
}
