package reply

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/latentgo/latentgo/tokenizer/chat"
)

// call is a call under way.
type call struct {
	name, id string
	args     strings.Builder
}

// maxName is how many bytes a name, or an ID, may have.
const maxName = 256

// isName reports whether s can be the name of a function.
func isName(s string) bool {
	return s != "" && len(s) <= maxName && !strings.ContainsAny(s, space+"\"{}<>")
}

// startCall begins a call. Without an ID it gets a new one, unless the model may write one later.
func (p *Parser) startCall(name, id string, later bool) {
	if id == "" && !later {
		id = p.newID()
	}
	p.call = &call{name: name, id: id}
	p.events = append(p.events, Event{Kind: CallStart, Index: p.count, Call: chat.ToolCall{ID: id, Name: name}})
}

// argument adds to the JSON text of the arguments.
func (p *Parser) argument(text string) {
	p.call.args.WriteString(text)
	p.say(CallArguments, text, p.count)
}

// endCall ends the call under way. Arguments that are missing are an empty object.
func (p *Parser) endCall(err error) {
	c := p.call
	if err == nil && c.args.Len() == 0 {
		p.argument("{}")
	}
	if c.id == "" {
		c.id = p.newID()
	}
	e := Event{Kind: CallEnd, Index: p.count, Call: chat.ToolCall{ID: c.id, Name: c.name, Arguments: c.args.String()}}
	var args chat.Object
	if err == nil {
		if bad := json.Unmarshal([]byte(c.args.String()), &args); bad != nil {
			err = fmt.Errorf("%w: %s: %w", ErrArguments, c.name, bad)
		} else {
			e.Call.Arguments = args
		}
	}
	if e.Err = err; err != nil {
		e.Text = strings.TrimLeft(p.raw.String(), space)
	}
	p.events = append(p.events, e)
	p.call = nil
	p.count++
	p.raw.Reset()
}

// cut ends a call that the answer ended in.
func (p *Parser) cut() {
	if p.call == nil {
		p.startCall("", "", false)
	}
	p.endCall(ErrCut)
	p.step, p.fresh = p.text, true
}

// fail returns the step that ends a call whose arguments are wrong: what follows up to the first of the marks belongs to
// it.
func (p *Parser) fail(err error, marks []string, next func() bool) func() bool {
	return func() bool {
		at, m := find(p.buf, p.end, marks)
		p.take(at)
		if m == none && !p.end {
			return false
		}
		p.endCall(err)
		p.step = next
		return true
	}
}

// badArguments is the error of a call whose arguments are no object.
func (p *Parser) badArguments() error {
	return fmt.Errorf("%w: %s", ErrArguments, p.call.name)
}

// wholeCall is a call that was read at once.
func (p *Parser) wholeCall(name, args string) {
	p.startCall(name, "", false)
	p.argument(args)
	p.endCall(nil)
}
