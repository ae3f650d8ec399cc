package reply

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/tokenizer/chat"
)

// Options configures a Parser. The zero value is one without tools, for a prompt that opens no thinking.
type Options struct {
	// Tools are those that the conversation offers (chat.Conversation.Offered). Without any, no calls are looked for.
	Tools []chat.Object

	// Prompt is the rendering that the answer follows. A template may have opened the thinking, or the header of the
	// message, at its end.
	Prompt chat.Rendering

	// NewID makes the IDs of calls that the model gives none. Nil stands for nine random letters and digits, a form
	// that all templates take.
	NewID func() string
}

// Parser reads one answer. It belongs to one goroutine.
type Parser struct {
	format *Format
	tools  toolset
	newID  func() string

	buf    string // what was not read yet
	end    bool   // nothing follows buf
	step   func() bool
	events []Event

	marks  []string        // that calls begin with, thoughts begin with, and format.drop
	calls  int             // how many of them are of calls
	starts []string        // that calls begin with where nothing was said yet
	fresh  bool            // nothing was said yet, or only thoughts and calls
	raw    strings.Builder // what was read of a call, or of what looks like one
	given  int             // bytes of raw that are the prompt's
	call   *call           // under way
	count  int             // of calls
}

// NewParser returns a parser for one answer.
func (f *Format) NewParser(opt Options) *Parser {
	p := &Parser{format: f, tools: newToolset(opt.Tools), newID: opt.NewID, fresh: true}
	if p.newID == nil {
		p.newID = randomID
	}
	if len(p.tools) > 0 && f.calls != nil {
		p.marks, p.starts = f.calls.marks()
	}
	prompt := templateEnd(opt.Prompt)
	if f.begin != nil {
		f.begin(p, prompt)
		return p
	}
	p.calls = len(p.marks)
	if f.thinksAnywhere {
		p.marks = append(p.marks[:p.calls:p.calls], f.opens()...)
	}
	p.marks = append(p.marks[:len(p.marks):len(p.marks)], f.drop...)
	p.step = p.start
	if i := f.opened(prompt); i >= 0 {
		p.step = p.reopened(f.thinking[i])
	}
	return p
}

// ShowsToken reports whether the parser has to see a control token with the text given, since it is a marker or a part
// of one. Others should stay hidden.
func (p *Parser) ShowsToken(text string) bool {
	for _, m := range p.format.marksOf(len(p.tools) > 0) {
		if text != "" && strings.Contains(m, text) {
			return true
		}
	}
	return false
}

// templateEnd returns what the template wrote behind the last text of the conversation.
func templateEnd(r chat.Rendering) string {
	if n := len(r); n > 0 && r[n-1].FromTemplate {
		return r[n-1].Text
	}
	return ""
}

// randomID returns nine letters and digits: Mistral's templates take nothing else.
func randomID() string {
	const digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	id := make([]byte, 9)
	for i := range id {
		id[i] = digits[rand.IntN(len(digits))]
	}
	return string(id)
}

// Push takes more of the answer and returns what is certain with it.
func (p *Parser) Push(text string) []Event {
	p.buf += text
	return p.run()
}

// Close ends the answer and returns what was held back. A call under way ends with ErrCut.
func (p *Parser) Close() []Event {
	p.end = true
	return p.run()
}

// Held returns what was pushed and no event has told yet, for a caller that stops in the middle of an answer. Without a
// parser that is nothing.
func (p *Parser) Held() string {
	switch {
	case p == nil:
		return ""
	case p.call != nil:
		return p.buf
	}
	return p.raw.String()[p.given:] + p.buf
}

// run goes on as far as the text allows.
func (p *Parser) run() []Event {
	p.events = nil
	for p.step() {
	}
	return p.events
}

// say adds to the text, or to the thoughts or arguments.
func (p *Parser) say(k Kind, text string, index int) {
	if text == "" {
		return
	}
	if n := len(p.events); n > 0 && p.events[n-1].Kind == k && p.events[n-1].Index == index {
		p.events[n-1].Text += text
		return
	}
	p.events = append(p.events, Event{Kind: k, Text: text, Index: index})
}

// take moves n bytes of the buffer to what was read of a call.
func (p *Parser) take(n int) {
	p.raw.WriteString(p.buf[:n])
	p.buf = p.buf[n:]
}

// takeSpace takes white space, and reports whether it is certain what follows.
func (p *Parser) takeSpace() bool {
	p.take(len(p.buf) - len(strings.TrimLeft(p.buf, space)))
	return p.buf != "" || p.end
}

// skip drops white space before the next step.
func (p *Parser) skip(next func() bool) func() bool {
	return func() bool {
		p.buf = strings.TrimLeft(p.buf, space)
		if p.buf == "" && !p.end {
			return false
		}
		p.step = next
		return true
	}
}

// start looks whether the answer begins with thoughts. A closing mark alone stands for none.
func (p *Parser) start() bool {
	rest := strings.TrimLeft(p.buf, space)
	opens := p.format.opens()
	marks := opens
	for _, t := range p.format.thinking {
		marks = append(marks, t.close)
	}
	i := match(rest, p.end, marks)
	switch {
	case rest == "" && !p.end, i == unsure:
		return false
	case i == none:
		p.step = p.text
	case i < len(opens):
		p.buf = rest[len(opens[i]):]
		p.step = p.skip(p.think(p.format.thinking[i]))
	default:
		p.buf = rest[len(marks[i]):]
		p.step = p.skip(p.text)
	}
	return true
}

// reopened returns the step behind a prompt that has opened the thoughts; some models open them once more.
func (p *Parser) reopened(t thinking) func() bool {
	return func() bool {
		rest := strings.TrimLeft(p.buf, space)
		i := match(rest, p.end, []string{t.open})
		if rest == "" && !p.end || i == unsure {
			return false
		}
		if p.buf = rest; i >= 0 {
			p.buf = rest[len(t.open):]
		}
		p.step = p.skip(p.think(t))
		return true
	}
}

// think returns the step that reads thoughts up to their end.
func (p *Parser) think(t thinking) func() bool {
	ends := []string{t.close}
	if p.format.callsEndThinking {
		ends = append(ends, p.marks...)
	}
	return func() bool {
		at, m := p.until(Thinking, ends)
		if m == none {
			return false
		}
		_, white := trimEnd(p.buf[:at])
		p.buf = p.buf[at:]
		p.step = p.text
		if m == 0 {
			p.buf = p.buf[len(t.close):]
			p.step = p.skip(p.text)
		} else {
			p.raw.WriteString(white)
		}
		return true
	}
}

// until says what lies before the first of the marks, without the white space before it, which stays in the buffer.
// It returns the mark's index and its offset in the buffer.
func (p *Parser) until(k Kind, marks []string) (at, mark int) {
	at, mark = find(p.buf, p.end, marks)
	body, white := p.buf[:at], ""
	if mark != none || !p.end {
		body, white = trimEnd(body)
	}
	p.say(k, body, 0)
	p.buf = p.buf[len(body):]
	return len(white), mark
}

// text reads text up to a call.
func (p *Parser) text() bool {
	if p.fresh {
		if i := p.startMark(); i == unsure {
			return false
		} else if i != none {
			p.format.calls.enter(p, p.starts[i])
			return true
		}
		p.fresh = false
	}
	at, m := p.until(Text, p.marks)
	if m == none {
		return false
	}
	p.take(at)
	if m < p.calls {
		p.format.calls.enter(p, p.marks[m])
		return true
	}
	p.raw.Reset()
	p.buf = p.buf[len(p.marks[m]):]
	p.step, p.fresh = p.skip(p.text), true
	if i := m - p.calls; p.format.thinksAnywhere && i < len(p.format.thinking) {
		p.step = p.skip(p.think(p.format.thinking[i]))
	}
	return true
}

// startMark looks for a mark that only counts where nothing was said yet, and takes white space before one.
func (p *Parser) startMark() int {
	if len(p.starts) == 0 {
		return none
	}
	rest := strings.TrimLeft(p.buf, space)
	if rest == "" && !p.end {
		return unsure
	}
	i := match(rest, p.end, p.starts)
	if i >= 0 {
		p.take(len(p.buf) - len(rest))
	}
	return i
}

// giveUp makes text of what looked like a call.
func (p *Parser) giveUp() bool {
	p.say(Text, p.raw.String(), 0)
	p.raw.Reset()
	p.step, p.fresh = p.text, false
	return true
}

// closing returns the step behind a call, which drops what the format puts there: each mark once, in any order.
func (p *Parser) closing(marks []string) func() bool {
	return func() bool {
		if !p.takeSpace() {
			return false
		}
		switch m := match(p.buf, p.end, marks); m {
		case unsure:
			return false
		case none:
			p.raw.Reset()
			p.step, p.fresh = p.text, true
		default:
			p.take(len(marks[m]))
			p.step = p.closing(slices.Delete(slices.Clone(marks), m, m+1))
		}
		return true
	}
}
