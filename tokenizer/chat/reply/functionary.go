package reply

import "strings"

// The syntax of Functionary 3.2: the recipient of each part is a line of its own.
//
//	>>>all
//	Let me look.>>>get_weather
//	{"city": "Oslo"}
const recipientMark = ">>>"

// beginRecipients begins an answer behind the prompt's >>>.
func beginRecipients(p *Parser, prompt string) {
	r := &recipients{p: p}
	p.step = r.text
	if strings.HasSuffix(prompt, recipientMark) {
		p.step = r.header
	}
}

// recipients reads parts.
type recipients struct {
	p *Parser
}

// text reads the part for the user.
func (r *recipients) text() bool {
	p := r.p
	at, m := find(p.buf, p.end, []string{recipientMark})
	p.say(Text, p.buf[:at], 0)
	p.buf = p.buf[at:]
	if m == none {
		return false
	}
	p.take(len(recipientMark))
	p.step = r.header
	return true
}

// header reads the recipient's line.
func (r *recipients) header() bool {
	p := r.p
	at, m := find(p.buf, p.end, []string{"\n"})
	name := strings.TrimSpace(p.buf[:at])
	switch {
	case m == none && !p.end && at <= maxName:
		return false
	case m == none || name != "all" && (!isName(name) || len(p.tools) == 0):
		p.take(at)
		p.say(Text, p.raw.String(), 0)
		p.raw.Reset()
		p.step = r.text
		return true
	}
	p.take(at + 1)
	if name == "all" {
		p.raw.Reset()
		p.step = r.text
		return true
	}
	p.startCall(name, "", false)
	p.step = (&namedReader{p: p, f: recipientCalls, after: r.text}).beginArgs
	return true
}

// recipientCalls is the syntax of a call behind its line.
var recipientCalls = &namedCalls{open: recipientMark}
