package reply

import "fmt"

// want is what may come next in a JSON text, or what is being read.
type want uint8

const (
	wantValue want = iota
	wantItemOrEnd
	wantKeyOrEnd
	wantKey
	wantColon
	wantCommaOrEnd
	inString
	inEscape
	inHex
	inLiteral
	inMinus // the parts of a number, in their order
	inZero
	inDigits
	inPoint
	inFraction
	inE
	inSign
	inExponent
	done
	bad
)

// isNumber reports whether a number is being read.
func (w want) isNumber() bool { return w >= inMinus && w <= inExponent }

// maxNesting is how deep JSON may be nested; package chat takes no more.
const maxNesting = 100

// scanner follows a JSON value byte by byte. Its zero value awaits one. Unlike JSON it takes control characters in
// strings as they are, since models write line ends there.
type scanner struct {
	want  want
	stack []byte // the brackets that are open
	key   bool   // the string being read is a key
	rest  string // of a literal
	hex   int    // digits that are missing
}

// feed takes a byte and returns what is awaited then: done with the value's last byte, bad when c cannot stand here.
func (s *scanner) feed(c byte) want {
	if s.want.isNumber() {
		if s.number(c) {
			return s.want
		}
		if s.want == bad {
			return bad
		}
	}
	s.want = s.next(c)
	return s.want
}

func (s *scanner) next(c byte) want {
	switch s.want {
	case inString:
		return s.inString(c)
	case inEscape:
		return escape(s, c)
	case inHex:
		return s.inHex(c)
	case inLiteral:
		return s.literal(c)
	}
	if isSpace(c) {
		return s.want
	}
	switch s.want {
	case wantValue:
		return s.value(c)
	case wantItemOrEnd:
		if c == ']' {
			return s.close()
		}
		return s.value(c)
	case wantKeyOrEnd:
		if c == '}' {
			return s.close()
		}
		return s.keyStart(c)
	case wantKey:
		return s.keyStart(c)
	case wantColon:
		if c == ':' {
			return wantValue
		}
	case wantCommaOrEnd:
		return s.commaOrEnd(c)
	}
	return bad
}

// value begins a value.
func (s *scanner) value(c byte) want {
	switch {
	case c == '{' || c == '[':
		if len(s.stack) == maxNesting {
			return bad
		}
		s.stack = append(s.stack, c)
		if c == '{' {
			return wantKeyOrEnd
		}
		return wantItemOrEnd
	case c == '"':
		s.key = false
		return inString
	case c == '-':
		return inMinus
	case c == '0':
		return inZero
	case c >= '1' && c <= '9':
		return inDigits
	}
	for _, l := range []string{"true", "false", "null"} {
		if c == l[0] {
			s.rest = l[1:]
			return inLiteral
		}
	}
	return bad
}

func (s *scanner) keyStart(c byte) want {
	if c != '"' {
		return bad
	}
	s.key = true
	return inString
}

// after is what is awaited behind a value.
func (s *scanner) after() want {
	if len(s.stack) == 0 {
		return done
	}
	return wantCommaOrEnd
}

func (s *scanner) close() want {
	s.stack = s.stack[:len(s.stack)-1]
	return s.after()
}

func (s *scanner) commaOrEnd(c byte) want {
	object := s.stack[len(s.stack)-1] == '{'
	switch {
	case c == ',' && object:
		return wantKey
	case c == ',':
		return wantValue
	case c == '}' && object, c == ']' && !object:
		return s.close()
	}
	return bad
}

func (s *scanner) inString(c byte) want {
	switch {
	case c == '\\':
		return inEscape
	case c == '"' && s.key:
		return wantColon
	case c == '"':
		return s.after()
	}
	return inString
}

func escape(s *scanner, c byte) want {
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return inString
	case 'u':
		s.hex = 4
		return inHex
	}
	return bad
}

func (s *scanner) inHex(c byte) want {
	if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' {
		if s.hex--; s.hex > 0 {
			return inHex
		}
		return inString
	}
	return bad
}

func (s *scanner) literal(c byte) want {
	if c != s.rest[0] {
		return bad
	}
	if s.rest = s.rest[1:]; s.rest != "" {
		return inLiteral
	}
	return s.after()
}

// number goes on with a number and reports whether c belongs to it. If not, the number is complete, or bad.
func (s *scanner) number(c byte) bool {
	digit := c >= '0' && c <= '9'
	to := bad
	switch w := s.want; {
	case w == inMinus && c == '0':
		to = inZero
	case (w == inMinus || w == inDigits) && digit:
		to = inDigits
	case (w == inZero || w == inDigits) && c == '.':
		to = inPoint
	case (w == inPoint || w == inFraction) && digit:
		to = inFraction
	case (w == inZero || w == inDigits || w == inFraction) && c|0x20 == 'e':
		to = inE
	case w == inE && (c == '+' || c == '-'):
		to = inSign
	case (w == inE || w == inSign || w == inExponent) && digit:
		to = inExponent
	case w == inMinus || w == inPoint || w == inE || w == inSign: // cannot end here
		s.want = bad
		return false
	default:
		s.want = s.after()
		return false
	}
	s.want = to
	return true
}

// escapeControl appends c as JSON has it in a string.
func escapeControl(dst []byte, c byte) []byte {
	switch c {
	case '\n':
		return append(dst, `\n`...)
	case '\t':
		return append(dst, `\t`...)
	case '\r':
		return append(dst, `\r`...)
	}
	return fmt.Appendf(dst, `\u%04x`, c)
}
