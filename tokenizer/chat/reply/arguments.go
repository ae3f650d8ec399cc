package reply

import (
	"encoding/json"
	"strings"
)

// arguments takes the JSON of a call's arguments as it is scanned: an object, which it passes on at once, or a string
// with one in it, or null.
type arguments struct {
	p        *Parser
	first    byte
	text     []byte // not passed on yet
	complete bool
}

// begin takes the first byte.
func (a *arguments) begin(c byte) {
	a.first, a.text, a.complete = c, append(a.text[:0], c), false
}

// feed takes another byte; w is what was being read before it.
func (a *arguments) feed(c byte, w want) {
	if c < ' ' && w == inString {
		a.text = escapeControl(a.text, c)
		return
	}
	a.text = append(a.text, c)
}

// end tells that the value is complete, and reports whether it can be the arguments.
func (a *arguments) end() bool {
	switch a.first {
	case '{':
	case '"':
		text := strings.TrimSpace(unquote(a.text))
		if text == "" {
			text = "{}"
		}
		if a.text = []byte(text); text[0] != '{' || !json.Valid(a.text) {
			return false
		}
		a.first = '{'
	case 'n':
		a.text, a.first = []byte("{}"), '{'
	default:
		return false
	}
	a.complete = true
	return true
}

// flush passes on what can be, once the call has begun.
func (a *arguments) flush() {
	if a.first == '{' && len(a.text) > 0 && a.p.call != nil {
		a.p.argument(string(a.text))
		a.text = a.text[:0]
	}
}
