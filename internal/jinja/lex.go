package jinja

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokKind is the class of a token inside a tag.
type tokKind uint8

const (
	tokEnd tokKind = iota // behind the last token of a tag
	tokName
	tokInt
	tokFloat
	tokString
	tokOp
)

// token is a token; val is the decoded text of a string literal and the
// source text of all others.
type token struct {
	kind tokKind
	val  string
	line int
}

// tag reads the tokens of a tag up to its closing delimiter. Within brackets
// the delimiter has no meaning, so that {{ {"a": {}} }} works.
func (s *scanner) tag(kind segKind, closer string) error {
	seg := segment{kind: kind, line: s.line}
	depth := 0
	for {
		s.advance(s.stripRight(s.pos, '-', false))
		if depth == 0 {
			if end, sign, ok := s.closes(closer); ok {
				s.advance(s.stripRight(end, sign, kind == segStmt))
				break
			}
		}
		tok, err := s.token()
		if err != nil {
			return err
		}
		if tok.kind == tokOp {
			depth += bracket(tok.val)
		}
		seg.toks = append(seg.toks, tok)
	}
	seg.toks = append(seg.toks, token{kind: tokEnd, val: "end of tag", line: s.line})
	s.segs = append(s.segs, seg)
	return nil
}

// bracket is +1 for an opening bracket, -1 for a closing one, else 0.
func bracket(op string) int {
	switch op {
	case "(", "[", "{":
		return 1
	case ")", "]", "}":
		return -1
	}
	return 0
}

// closes matches the closing delimiter here, with an optional sign ("+" only
// where Jinja2 knows it, at "%}").
func (s *scanner) closes(closer string) (end int, sign byte, ok bool) {
	i, sign := s.sign(s.pos)
	if sign == '+' && closer == "}}" {
		return 0, 0, false
	}
	return i + len(closer), sign, strings.HasPrefix(s.src[i:], closer)
}

// twoCharOps are the operators of two characters.
var twoCharOps = []string{"//", "**", "==", "!=", "<=", ">="}

// token reads one token.
func (s *scanner) token() (token, error) {
	if s.pos >= len(s.src) {
		return token{}, syntaxError(s.line, "tag is not closed")
	}
	rest, line := s.src[s.pos:], s.line
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == '"' || r == '\'':
		return s.stringToken(byte(r))
	case r == '_' || unicode.IsLetter(r):
		n := prefixLen(rest, nameRune)
		s.advance(s.pos + n)
		return token{tokName, rest[:n], line}, nil
	case r >= '0' && r <= '9':
		n, kind := numberToken(rest)
		s.advance(s.pos + n)
		return token{kind, rest[:n], line}, nil
	}
	n := 1
	for _, op := range twoCharOps {
		if strings.HasPrefix(rest, op) {
			n = 2
		}
	}
	if n == 1 && !strings.ContainsRune("+-*/%~[](){}<>=.:|,;", r) {
		return token{}, syntaxError(line, "unexpected %q", r)
	}
	s.advance(s.pos + n)
	return token{tokOp, rest[:n], line}, nil
}

// nameRune tells whether r may stand inside a name.
func nameRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// prefixLen returns the length of the longest prefix of runes that pass.
func prefixLen(s string, pass func(rune) bool) int {
	n := strings.IndexFunc(s, func(r rune) bool { return !pass(r) })
	if n < 0 {
		return len(s)
	}
	return n
}

// numberToken returns the length and kind of the number at the start of s:
// decimal, 0x, 0o, 0b, with "_" between digits; fraction, exponent.
func numberToken(s string) (int, tokKind) {
	digit := func(r rune) bool { return r >= '0' && r <= '9' || r == '_' }
	if len(s) > 2 && s[0] == '0' && strings.IndexByte("xXoObB", s[1]) >= 0 {
		return 2 + prefixLen(s[2:], func(r rune) bool {
			return digit(r) || r|0x20 >= 'a' && r|0x20 <= 'f'
		}), tokInt
	}
	n, kind := prefixLen(s, digit), tokInt
	if n+1 < len(s) && s[n] == '.' && s[n+1] >= '0' && s[n+1] <= '9' {
		n, kind = n+1+prefixLen(s[n+1:], digit), tokFloat
	}
	if n < len(s) && s[n]|0x20 == 'e' {
		e := n + 1
		if e < len(s) && (s[e] == '+' || s[e] == '-') {
			e++
		}
		if d := prefixLen(s[e:], digit); d > 0 {
			n, kind = e+d, tokFloat
		}
	}
	return n, kind
}

// stringToken reads a string literal with its quotes.
func (s *scanner) stringToken(quote byte) (token, error) {
	line := s.line
	for i := s.pos + 1; i < len(s.src); i++ {
		switch s.src[i] {
		case '\\':
			i++
		case quote:
			text := s.src[s.pos+1 : i]
			s.advance(i + 1)
			return token{tokString, unescape(text), line}, nil
		}
	}
	return token{}, syntaxError(line, "string is not closed")
}

// simpleEscapes maps the letter of a simple escape to its character.
var simpleEscapes = map[byte]string{
	'n': "\n", 't': "\t", 'r': "\r", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v",
	'\\': "\\", '\'': "'", '"': "\"", '\n': "",
}

// unescape decodes the escapes of a Python string literal. One that
// Python does not know stays as it is.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 >= len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if text, ok := simpleEscapes[s[i]]; ok {
			b.WriteString(text)
		} else if r, n := codeEscape(s[i:]); n > 0 {
			b.WriteRune(r)
			i += n - 1
		} else {
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// codeEscape decodes xHH, uHHHH, UHHHHHHHH and up to three octal digits;
// n is the length used, 0 if s is none of these.
func codeEscape(s string) (r rune, n int) {
	size := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	if size > 0 && len(s) > size {
		v, err := strconv.ParseUint(s[1:1+size], 16, 31)
		if err != nil {
			return 0, 0
		}
		return rune(v), 1 + size
	}
	for n < 3 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
		r = r*8 + rune(s[n]-'0')
		n++
	}
	return r, n
}
