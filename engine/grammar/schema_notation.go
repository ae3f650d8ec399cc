package grammar

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latentgo/latentgo/tokenizer/chat/notation"
)

// mark is a text of a notation, which may have control tokens in it.
type mark string

// mark returns a text of the notation.
func (s *schemas) mark(text string) expr {
	switch {
	case text == "":
		return seq{}
	case s.opt.Token == nil:
		return lit(text)
	}
	return mark(text)
}

// resolveMarks returns the rules with marks taken apart into tokens and texts; all texts for a token of nil.
func resolveMarks(rules []rule, token func(string) (int32, bool)) []rule {
	out := make([]rule, len(rules))
	for i, r := range rules {
		out[i] = rule{r.name, mapped(r.body, func(e expr) expr {
			if m, ok := e.(mark); ok {
				return m.resolve(token)
			}
			return e
		})}
	}
	return out
}

func (m mark) resolve(lookup func(string) (int32, bool)) expr {
	out := seq{}
	text := string(m)
	for from, at := 0, 0; at < len(text); {
		id, n := notation.Control(text[at:], lookup)
		if at += max(n, 1); n == 0 && at < len(text) {
			continue
		}
		if end := at - n; end > from {
			out = append(out, lit(text[from:end]))
		}
		if n > 0 {
			out = append(out, token{id: id})
		}
		from = at
	}
	return out
}

// quoting is a way to write strings.
type quoting struct {
	quote expr
	char  func(class) expr // one character of a class, escaped only if it must be
	any   expr             // one character in any form
}

// text is strings in all ways in which the notation writes them.
func (s *schemas) text(body func(q quoting) (expr, error)) (expr, error) {
	all := []quoting{{s.mark(s.n.Quote), s.char, s.anyChar()}}
	if s.n.Python {
		all = append(all, quoting{lit("'"), pythonClass, pythonChar})
	}
	var out alt
	for _, q := range all {
		x, err := body(q)
		if err != nil {
			return nil, err
		}
		out = append(out, seq{q.quote, x, q.quote})
	}
	if len(out) == 1 {
		return out[0], nil
	}
	return out, nil
}

// char is one character of a class, written as a string has it.
func (s *schemas) char(c class) expr {
	must := class{}
	if s.n.Bar != "" {
		first, _ := utf8.DecodeRuneInString(s.n.Bar)
		must = class{first, first}
	}
	if s.n.Escapes {
		return escapedClass(c, append(must, mustEscape...).normal(), escape)
	}
	return c.without(must)
}

// constantString is one string, escaped where it must be; never if it cannot be written.
func (s *schemas) constantString(t string) expr {
	switch {
	case !s.n.Escapes && strings.Contains(t, s.n.Bar):
		return never
	case !s.n.Escapes:
		return seq{s.mark(s.n.Quote), lit(t), s.mark(s.n.Quote)}
	case s.n.Bar != "":
		first, n := utf8.DecodeRuneInString(s.n.Bar)
		return lit(strings.ReplaceAll(quote(t), s.n.Bar, escape(first)+s.n.Bar[n:]))
	case s.n.Python:
		return alt{lit(quote(t)), lit("'" + pythonQuoter.Replace(t) + "'")}
	}
	return lit(quote(t))
}

// pythonEscaped are the characters that a string in single quotes does not hold as they are.
var pythonEscaped = class{0, 0x1F, '\'', '\'', '\\', '\\', 0x7F, 0x7F}

// pythonChar is a character of a string in single quotes, pythonClass one of a class.
var pythonChar = alt{pythonEscaped.not(), seq{lit(`\`), class{'"', '"', '\'', '\'', '\\', '\\', 'n', 'n', 'r', 'r', 't', 't'}}}

func pythonClass(c class) expr {
	return escapedClass(c, pythonEscaped, func(r rune) string { return pythonQuoter.Replace(string(r)) })
}

var pythonQuoter = strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// word is true, false or null.
func (s *schemas) word(t string) expr {
	other := map[string]string{"true": "True", "false": "False", "null": "None"}[t]
	if s.n.Python && other != "" {
		return alt{lit(t), lit(other)}
	}
	return lit(t)
}

// wordChars are those of names that need no quotes.
var wordChars = class{'0', '9', 'A', 'Z', '_', '_', 'a', 'z', '-', '-', '.', '.'}

// tagChars are those that a name within a tag cannot have.
const tagChars = "<>[]/\r\n"

// keyOf is a name.
func (s *schemas) keyOf(m *notation.Members, name string) expr {
	isWord := name != "" && strings.Trim(name, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-.") == ""
	switch {
	case m.Keys == notation.Bare && isWord:
		return lit(name)
	case m.Keys == notation.Tag && (name == "" || strings.ContainsAny(name, tagChars)):
		return never
	case m.Keys == notation.Tag:
		return lit(name)
	case s.n.Python: // as JSON has it
		return lit(quote(name))
	}
	return s.constantString(name)
}

// otherKey is any name but those given. Without quotes it is a word, of a length that readers take.
func (s *schemas) otherKey(m *notation.Members, names []string) expr {
	if m.Keys == notation.Quoted {
		return seq{s.mark(s.n.Quote), notTexts(names, s.char, star(s.char(class{0, maxRune}))), s.mark(s.n.Quote)}
	}
	rest, _ := s.rule("rest of a word", func() (expr, error) { return rep{wordChars, 0, 40}, nil })
	return notTexts(append([]string{""}, names...), func(c class) expr { return wordChars.and(c) }, rest)
}

// property is a member of an object. A name that is not constant may be another one where it stands again.
func (s *schemas) property(m *notation.Members, name, x expr) expr {
	after := seq{}
	before, behind, again := strings.Cut(m.After, "{name}")
	after = append(after, s.mark(before))
	if again {
		after = append(after, name, s.mark(behind))
	}
	return seq{s.mark(m.Before), name, s.mark(m.Colon), s.blank(), x, after}
}

// textWithout is what a string has in it that does not have another text in it: a rule for each part of the other one
// that was read last, as Knuth, Morris and Pratt have it.
func (s *schemas) textWithout(bar string) expr {
	runes := []rune(bar)
	must, first := class{}, alt{seq{}}
	if s.n.Escapes {
		must = mustEscape
	}
	rules := make([]ref, len(runes))
	for i := range runes {
		r, _ := s.rule("text without "+bar+" "+strconv.Itoa(i), func() (expr, error) { return never, nil })
		rules[i] = r.(ref)
	}
	if s.n.Escapes {
		first = append(first, seq{jsonEscape, rules[0]})
	}
	for i, r := range rules {
		out := slices.Clone(first)
		seen := slices.Clone(must)
		for _, c := range runes[:i+1] {
			if seen.has(c) {
				continue
			}
			seen = append(seen, c, c)
			if next := overlap(runes, append(slices.Clone(runes[:i]), c)); next < len(runes) {
				out = append(out, seq{class{c, c}, rules[next]})
			}
		}
		s.rules[r].body = append(out, seq{seen.not(), rules[0]})
	}
	return rules[0]
}

// overlap returns how many of the first runes the text ends with.
func overlap(runes, text []rune) int {
	n := min(len(runes), len(text))
	for n > 0 && string(runes[:n]) != string(text[len(text)-n:]) {
		n--
	}
	return n
}

// whole is the grammar of a document's root: of the outermost object where that is written otherwise than those within.
func (s *schemas) whole(root *value) (expr, error) {
	if s.n.Top == s.n.Object {
		return s.of(root)
	}
	alternatives, err := s.expand([]*value{root}, nil)
	if err != nil {
		return nil, err
	}
	var out alt
	for _, one := range alternatives {
		c := &conj{schemas: s, all: one, whole: true, top: true}
		if _, enumerated, err := c.values(); err != nil || enumerated {
			return nil, errorOr(err, root.errorf(ErrUnsupported, "const or enum of all arguments"))
		}
		if kinds, _, err := c.kinds(true); err != nil || kinds&kindObject == 0 {
			return nil, errorOr(err, root.errorf(ErrUnsupported, "arguments that are no object"))
		}
		x, err := c.object()
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// errorOr returns the first error that there is.
func errorOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// brackets are those of the conjunction's objects.
func (c *conj) brackets() *notation.Members {
	if c.top {
		return &c.n.Top
	}
	return &c.n.Object
}
