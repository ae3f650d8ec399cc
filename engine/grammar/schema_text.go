package grammar

import (
	"fmt"
	"strings"

	"github.com/latentgo/latentgo/tokenizer/chat/notation"
)

// Rules of JSON that schemas share.

// blank is what may stand between tokens of JSON.
func (s *schemas) blank() expr {
	if s.opt.Compact || s.n.Compact {
		return seq{}
	}
	r, _ := s.rule("blank", func() (expr, error) {
		return alt{seq{}, lit(" "), seq{rep{lit("\n"), 1, 2}, rep{class{' ', ' ', '\t', '\t'}, 0, 20}}}, nil
	})
	return r
}

// enclose is what stands in the brackets of an object or an array.
func (s *schemas) enclose(m *notation.Members, x expr) expr {
	return seq{s.mark(m.Open), s.blank(), x, s.blank(), s.mark(m.Close)}
}

// list is values with commas between them.
func (s *schemas) list(m *notation.Members, parts []expr) expr {
	out := seq{}
	for i, p := range parts {
		if i > 0 {
			out = append(out, s.comma(m))
		}
		out = append(out, p)
	}
	return out
}

func (s *schemas) comma(m *notation.Members) expr { return seq{s.mark(m.Comma), s.blank()} }

// many is any number of the same, with commas between.
func (s *schemas) many(m *notation.Members, x expr) expr {
	return s.enclose(m, opt(seq{x, star(seq{s.comma(m), x})}))
}

// item is a value of an array.
func (s *schemas) item(x expr) expr {
	if s.n.Array.Before+s.n.Array.After == "" {
		return x
	}
	return seq{s.mark(s.n.Array.Before), x, s.mark(s.n.Array.After)}
}

// anyValue is any JSON value.
func (s *schemas) anyValue() expr {
	r, _ := s.rule("value", func() (expr, error) {
		return alt{s.anyObject(&s.n.Object), s.anyArray(), s.anyString(), s.anyNumber(),
			s.word("true"), s.word("false"), s.word("null")}, nil
	})
	return r
}

func (s *schemas) anyObject(m *notation.Members) expr {
	name := "object"
	if m == &s.n.Top {
		name = "top object"
	}
	r, _ := s.rule(name, func() (expr, error) {
		key := s.otherKey(m, nil)
		if m.Keys == notation.Quoted {
			key = s.anyString()
		}
		return s.many(m, s.property(m, key, s.anyValue())), nil
	})
	return r
}

func (s *schemas) anyArray() expr {
	r, _ := s.rule("array", func() (expr, error) { return s.many(&s.n.Array, s.item(s.anyValue())), nil })
	return r
}

func (s *schemas) anyString() expr {
	r, _ := s.rule("string", func() (expr, error) {
		return s.text(func(q quoting) (expr, error) {
			if s.n.Bar != "" {
				return s.textWithout(s.n.Bar), nil
			}
			return star(q.any), nil
		})
	})
	return r
}

// anyChar is a character of a string. It is one rule for all strings, so that what is found out about it is, too.
func (s *schemas) anyChar() expr {
	r, _ := s.rule("char", func() (expr, error) {
		if !s.n.Escapes {
			return s.char(class{0, maxRune}), nil
		}
		return alt{s.char(mustEscape.not()), jsonEscape}, nil
	})
	return r
}

func (s *schemas) anyNumber() expr {
	r, _ := s.rule("number", func() (expr, error) {
		exponent := seq{class{'e', 'e', 'E', 'E'}, opt(class{'+', '+', '-', '-'}), alt{lit("0"), seq{class{'1', '9'}, opt(digit)}}}
		return seq{s.anyInteger(), opt(seq{lit("."), rep{digit, 1, maxFraction}}), opt(exponent)}, nil
	})
	return r
}

func (s *schemas) anyInteger() expr {
	r, _ := s.rule("integer", func() (expr, error) {
		return seq{opt(lit("-")), alt{lit("0"), seq{class{'1', '9'}, rep{digit, 0, maxDigits - 1}}}}, nil
	})
	return r
}

var digit = class{'0', '9'}

// mustEscape are the characters that a JSON string does not hold as they are. DEL is one, as in llama.cpp.
var mustEscape = class{0, 0x1F, '"', '"', '\\', '\\', 0x7F, 0x7F}

var hexDigit = class{'0', '9', 'a', 'f', 'A', 'F'}

// jsonEscape is a character of a string in an escaped form.
var jsonEscape = seq{lit(`\`), alt{
	class{'"', '"', '\\', '\\', 'b', 'b', 'f', 'f', 'n', 'n', 'r', 'r', 't', 't'},
	seq{lit("u"), alt{
		seq{class{'0', '9', 'a', 'c', 'A', 'C', 'e', 'f', 'E', 'F'}, rep{hexDigit, 3, 3}},
		seq{class{'d', 'd', 'D', 'D'}, class{'0', '7'}, rep{hexDigit, 2, 2}},
		seq{class{'d', 'd', 'D', 'D'}, class{'8', '9', 'a', 'b', 'A', 'B'}, rep{hexDigit, 2, 2}, // surrogates come in pairs
			lit(`\u`), class{'d', 'd', 'D', 'D'}, class{'c', 'f', 'C', 'F'}, rep{hexDigit, 2, 2}},
	}},
}}

// shortEscapes are those of one letter.
var shortEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}

// escapedClass is one character of a class; those that must be are escaped.
func escapedClass(c, must class, escape func(rune) string) expr {
	out := alt{c.without(must)}
	escaped := c.and(must)
	for i := 0; i < len(escaped); i += 2 {
		for r := escaped[i]; r <= escaped[i+1]; r++ {
			out = append(out, lit(escape(r)))
		}
	}
	return out
}

func escape(r rune) string {
	if e, ok := shortEscapes[r]; ok {
		return e
	}
	return fmt.Sprintf(`\u%04x`, r)
}

func quote(t string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range t {
		if r < 0x20 || r == '"' || r == '\\' || r == 0x7F {
			b.WriteString(escape(r))
		} else {
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// token is a number, true, false or null. A number is written without an exponent, and without a point if it is whole.
func (v *value) token() string {
	if v.kind != kindNumber {
		return v.canonical()
	}
	r, err := v.number()
	if err != nil {
		return fmt.Sprint(v.raw)
	}
	n, _ := r.FloatPrec()
	return r.FloatString(n)
}

// plain is the text of a constant without any blanks.
func plain(e expr) string {
	switch e := e.(type) {
	case lit:
		return string(e)
	case mark:
		return string(e)
	case alt:
		if len(e) > 0 {
			return plain(e[0])
		}
	case seq:
		var b strings.Builder
		for _, x := range e {
			b.WriteString(plain(x))
		}
		return b.String()
	}
	return "" // blanks
}
