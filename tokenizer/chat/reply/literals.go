package reply

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// literals reads values as languages other than JSON write them, and returns their JSON.
type literals struct {
	text    string
	quotes  []string // around strings
	escapes bool     // strings have Python's escapes
	depth   int
}

// end reports whether everything was read.
func (l *literals) end() bool { return strings.TrimLeft(l.text, space) == "" }

// skip takes a token, behind white space, if it is there.
func (l *literals) skip(token string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(l.text, space), token)
	if ok {
		l.text = rest
	}
	return ok
}

// word takes what can be a name or a number.
func (l *literals) word() string {
	l.text = strings.TrimLeft(l.text, space)
	n := strings.IndexAny(l.text, space+",:=()[]{}'\"<>")
	if n < 0 {
		n = len(l.text)
	}
	word := l.text[:n]
	l.text = l.text[n:]
	return word
}

// call takes name(key=value, …).
func (l *literals) call() (c wholeCall, ok bool) {
	c.name = l.word()
	if !isName(c.name) || !l.skip("(") {
		return c, false
	}
	c.args, ok = l.entries(")", "=")
	return c, ok
}

// value takes a value.
func (l *literals) value() (text string, ok bool) {
	if l.depth++; l.depth > maxNesting {
		return "", false
	}
	defer func() { l.depth-- }()
	switch {
	case l.skip("{"):
		return l.entries("}", ":")
	case l.skip("["):
		return l.list("]")
	case l.skip("("):
		return l.list(")")
	}
	if text, there, ok := l.quoted(); there {
		return quote(text), ok
	}
	word := l.word()
	if v, ok := python[word]; ok {
		word = v
	}
	return word, json.Valid([]byte(word))
}

// entries takes keys and values up to end, and returns them as an object.
func (l *literals) entries(end, colon string) (text string, ok bool) {
	var b strings.Builder
	b.WriteByte('{')
	for !l.skip(end) {
		key, there, ok := l.quoted()
		if !there {
			key, ok = l.word(), true
		}
		if !ok || key == "" && !there || !l.skip(colon) {
			return "", false
		}
		v, ok := l.value()
		if !ok {
			return "", false
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(quote(key) + ":" + v)
		if !l.skip(",") && !strings.HasPrefix(strings.TrimLeft(l.text, space), end) {
			return "", false
		}
	}
	b.WriteByte('}')
	return b.String(), true
}

// list takes values up to end.
func (l *literals) list(end string) (text string, ok bool) {
	var items []string
	for !l.skip(end) {
		v, ok := l.value()
		if !ok {
			return "", false
		}
		items = append(items, v)
		if !l.skip(",") && !strings.HasPrefix(strings.TrimLeft(l.text, space), end) {
			return "", false
		}
	}
	return "[" + strings.Join(items, ",") + "]", true
}

// quoted takes a string, if one is there.
func (l *literals) quoted() (text string, there, ok bool) {
	for _, q := range l.quotes {
		if !l.skip(q) {
			continue
		}
		if !l.escapes {
			text, l.text, ok = strings.Cut(l.text, q)
			return text, true, ok
		}
		text, ok = l.escaped(q[0])
		return text, true, ok
	}
	return "", false, false
}

// escaped takes a string of Python behind its first quote.
func (l *literals) escaped(q byte) (text string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(l.text); i++ {
		switch c := l.text[i]; c {
		case q:
			l.text = l.text[i+1:]
			return b.String(), true
		case '\\':
			n, ok := pythonEscape(&b, l.text[i+1:])
			if !ok {
				return "", false
			}
			i += n
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// pythonEscape writes what an escape stands for, s being what follows the backslash, and returns its length.
func pythonEscape(b *strings.Builder, s string) (n int, ok bool) {
	if s == "" {
		return 0, false
	}
	if r, n := hexEscape(s); n > 0 {
		if utf16.IsSurrogate(r) && n < len(s) && s[n] == '\\' { // JSON has two for a character beyond 16 bits
			if low, more := hexEscape(s[n+1:]); utf16.DecodeRune(r, low) != utf8.RuneError {
				r, n = utf16.DecodeRune(r, low), n+1+more
			}
		}
		b.WriteRune(r)
		return n, true
	} else if strings.IndexByte("xuU", s[0]) >= 0 {
		return 0, false
	}
	if i := strings.IndexByte(`ntrbfav0\'"`, s[0]); i >= 0 {
		b.WriteByte("\n\t\r\b\f\a\v\x00\\'\""[i])
		return 1, true
	}
	if s[0] == '\n' { // the line goes on
		return 1, true
	}
	b.WriteByte('\\') // Python keeps an escape that it does not know
	b.WriteByte(s[0])
	return 1, true
}

// hexEscape returns the character of \x12, \u1234 or \U00012345, s being what follows the backslash, and its length; 0
// for another escape.
func hexEscape(s string) (r rune, n int) {
	if s == "" {
		return 0, 0
	}
	n = 1 + map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	if n == 1 || len(s) < n {
		return 0, 0
	}
	v, err := strconv.ParseUint(s[1:n], 16, 32)
	if err != nil {
		return 0, 0
	}
	if v > unicode.MaxRune {
		v = utf8.RuneError
	}
	return rune(v), n
}
