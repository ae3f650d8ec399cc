package reply

import (
	"slices"
	"strings"
)

// The harmony syntax of gpt-oss: messages with a header, whose channel tells what they are and whose recipient makes
// them calls.
//
//	<|channel|>analysis<|message|>The user wants …<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather
//	<|constrain|>json<|message|>{"city": "Oslo"}<|call|>
//
// Source: https://cookbook.openai.com/articles/openai-harmony
const (
	harmonyStart   = "<|start|>"
	harmonyChannel = "<|channel|>"
	harmonyMessage = "<|message|>"
	harmonyEnd     = "<|end|>"
	harmonyReturn  = "<|return|>"
	harmonyCall    = "<|call|>"
)

// channels is a syntax of messages with headers.
type channels struct {
	headers []string // what a header can begin with, the end marks left out
	ends    []string // what ends a message, and is dropped
	next    []string // what ends one as the beginning of the next header
	// thinks reports whether the message of a header holds thoughts.
	thinks func(channel, recipient string) bool
	// call goes on with the arguments of a call of the recipient.
	call func(h *messages, name string)
}

var harmonyEnds = []string{harmonyEnd, harmonyReturn, harmonyCall}

// harmonyChannels is the syntax of gpt-oss.
var harmonyChannels = &channels{
	headers: []string{harmonyStart, harmonyChannel, " to="},
	ends:    harmonyEnds,
	next:    []string{harmonyStart, harmonyChannel},
	thinks:  func(channel, _ string) bool { return strings.HasPrefix(channel, "analysis") },
	call: func(h *messages, name string) {
		h.p.startCall(name, "", false)
		h.p.step = (&namedReader{p: h.p, f: harmonyCalls, after: h.between}).beginArgs
	},
}

// harmonyCalls is the syntax of a call's message behind its header.
var harmonyCalls = &namedCalls{open: harmonyStart, close: harmonyEnds}

// atemChannels is the syntax of Muse Glimmer: recipients without channels, and arguments in tags.
//
//	to=self<|message|>The user wants …<|eom|><|start|>assistant to=get_weather<|message|><atem:function_calls>…
var atemChannels = &channels{
	headers: []string{harmonyStart, " to=", harmonyMessage},
	ends:    []string{"<|eom|>", "<|eot|>"},
	next:    []string{harmonyStart},
	thinks:  func(_, recipient string) bool { return recipient == "self" },
	call: func(h *messages, _ string) {
		h.p.step = (&taggedReader{p: h.p, f: atemCalls, after: h.between}).section
	},
}

var atemCalls = invokes("atem:", "atem:function_calls")

var (
	harmonyMarkers = slices.Concat([]string{harmonyStart, harmonyChannel, harmonyMessage, "<|constrain|>"}, harmonyEnds)
	atemMarkers    = slices.Concat([]string{harmonyStart, harmonyMessage, atemCalls.open}, atemChannels.ends, atemCalls.within(), atemCalls.sections)
)

func beginHarmony(p *Parser, prompt string) { harmonyChannels.begin(p, prompt) }
func beginAtem(p *Parser, prompt string)    { atemChannels.begin(p, prompt) }

// begin begins an answer; the prompt ends within a header, or within a message where it opens one.
func (c *channels) begin(p *Parser, prompt string) {
	h := &messages{p: p, c: c}
	p.step = h.between
	if i := strings.LastIndex(prompt, harmonyStart); i >= 0 {
		p.raw.WriteString(prompt[i:])
		if header, _, ok := strings.Cut(prompt[i:], harmonyMessage); ok {
			h.open(header)
			return
		}
		p.given = len(prompt) - i
		p.step = h.header
	}
}

// messages reads messages. Their headers are read into Parser.raw.
type messages struct {
	p    *Parser
	c    *channels
	kind Kind
}

// between expects a header. Text without one is the answer's.
func (h *messages) between() bool {
	p := h.p
	p.raw.Reset()
	p.given = 0
	if p.buf == "" {
		return false
	}
	marks := append(h.c.headers[:len(h.c.headers):len(h.c.headers)], h.c.ends...)
	switch m := match(p.buf, p.end, marks); {
	case m == unsure:
		return false
	case m == none:
		h.kind = Text
		p.step = h.body
	case m >= len(h.c.headers):
		p.buf = p.buf[len(marks[m]):]
	default:
		p.step = h.header
	}
	return true
}

// maxHeader is how long a header may be.
const maxHeader = 512

// header reads up to the message.
func (h *messages) header() bool {
	p := h.p
	if p.given > 0 && p.raw.Len() == p.given && p.buf != "" {
		// Behind the prompt's "<|start|>assistant" there may be plain text.
		switch match(p.buf, p.end, append([]string{harmonyMessage, "<|constrain|>"}, h.c.headers...)) {
		case unsure:
			return false
		case none:
			p.step = h.between
			return true
		}
	}
	at, m := find(p.buf, p.end, []string{harmonyMessage})
	p.take(at)
	switch {
	case m >= 0:
		header := p.raw.String()
		p.take(len(harmonyMessage))
		h.open(header)
	case p.raw.Len() > maxHeader || p.end:
		p.say(Text, p.raw.String()[p.given:], 0)
		h.kind = Text
		p.step = h.body
	default:
		return false
	}
	return true
}

// open begins the message of a header.
func (h *messages) open(header string) {
	p := h.p
	p.given = 0
	recipient := ""
	if _, after, ok := strings.Cut(header, "to="); ok {
		recipient = after
		if i := strings.IndexAny(recipient, " <\n"); i >= 0 {
			recipient = recipient[:i]
		}
	}
	// A stray header may come before the one that counts.
	_, channel, _ := cutLast(header, harmonyChannel)
	name := strings.TrimPrefix(recipient, "functions.")
	calls := isName(name) && name != "assistant" && name != "user" && name != "self"
	switch {
	case calls:
		h.c.call(h, name)
		return
	case h.c.thinks(channel, recipient):
		h.kind = Thinking
	default:
		h.kind = Text
	}
	p.step = h.body
	p.raw.Reset()
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// body reads a message.
func (h *messages) body() bool {
	p := h.p
	marks := append(h.c.ends[:len(h.c.ends):len(h.c.ends)], h.c.next...)
	at, m := find(p.buf, p.end, marks)
	p.say(h.kind, p.buf[:at], 0)
	p.buf = p.buf[at:]
	if m == none {
		return false
	}
	if m < len(h.c.ends) {
		p.buf = p.buf[len(marks[m]):]
	}
	p.step = h.between
	return true
}
