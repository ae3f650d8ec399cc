package reply

import (
	"strings"

	"github.com/latentgo/latentgo/tokenizer/chat/notation"
)

// wholeCalls is the syntax of calls that are read as a whole, once they are complete: those whose arguments are
// literals of another language than JSON.
type wholeCalls struct {
	open, close string
	tokens      []string // between them, that may be control tokens
	// read reads the calls between the marks. It returns those that are complete, and whether nothing else is there.
	read func(p *Parser, text string) (calls []wholeCall, ok bool)
}

// wholeCall is a call with the JSON of its arguments.
type wholeCall struct{ name, args string }

func (w *wholeCalls) marks() (anywhere, atStart []string) { return []string{w.open}, nil }

func (w *wholeCalls) within() []string { return append([]string{w.close}, w.tokens...) }

func (w *wholeCalls) enter(p *Parser, mark string) {
	p.take(len(mark))
	before := p.raw.Len()
	p.step = func() bool {
		at, m := find(p.buf, p.end, []string{w.close})
		p.take(at)
		if m == none && !p.end {
			return false
		}
		calls, ok := w.read(p, p.raw.String()[before:])
		if m >= 0 {
			p.take(len(w.close))
			if !ok {
				return p.giveUp()
			}
		}
		raw := p.raw.String()
		for _, c := range calls {
			p.wholeCall(c.name, c.args)
		}
		if !ok || m == none && len(calls) == 0 {
			p.raw.WriteString(raw)
			p.cut()
		}
		p.raw.Reset()
		p.step, p.fresh = p.skip(p.text), true
		return true
	}
}

// pythonCalls is the syntax of a list of calls as Python writes them: [get_weather(city="Oslo", days=2)]
func pythonCalls(open, close string) *wholeCalls {
	return &wholeCalls{open, close, nil, func(_ *Parser, text string) (calls []wholeCall, ok bool) {
		l := &literals{text: strings.TrimSpace(text), quotes: []string{`"`, "'"}, escapes: true}
		list := l.skip("[")
		for !l.end() && !(list && l.skip("]")) {
			c, ok := l.call()
			if !ok {
				return calls, false
			}
			calls = append(calls, c)
			l.skip(",")
		}
		return calls, l.end()
	}}
}

// gemma4 is the syntax of Gemma 4: call:get_weather{city:<|"|>Oslo<|"|>,days:2}
var gemma4 = &wholeCalls{"<|tool_call>", "<tool_call|>", []string{notation.GemmaQuote}, func(_ *Parser, text string) (calls []wholeCall, ok bool) {
	l := &literals{text: strings.TrimSpace(text), quotes: []string{notation.GemmaQuote}}
	for l.skip("call:") {
		name := l.word()
		args, ok := l.value()
		if !ok || !isName(name) || args[0] != '{' {
			return calls, false
		}
		calls = append(calls, wholeCall{name, args})
	}
	return calls, l.end()
}}

// llama3 is the syntax of Llama 3: a bare object, or with <|python_tag|> before it; behind the tag there may also be a
// call of a tool that Llama knows from its training, or code for one that runs it.
//
//	<|python_tag|>brave_search.call(query="Oslo")
var llama3 = &llamaCalls{jsonCalls{open: []string{"<|python_tag|>"}, bare: true}}

type llamaCalls struct{ jsonCalls }

func (c *llamaCalls) enter(p *Parser, mark string) {
	if mark != c.open[0] {
		c.jsonCalls.enter(p, mark)
		return
	}
	p.take(len(mark))
	p.step = func() bool {
		if !p.takeSpace() {
			return false
		}
		if p.buf == "" || p.buf[0] == '{' || p.buf[0] == '[' {
			r := &jsonReader{p: p, f: &c.jsonCalls, close: c.close}
			p.step = r.begin
			return true
		}
		p.step = p.readCode(p.raw.Len())
		return true
	}
}

// readCode returns the step that reads what follows <|python_tag|>, which is in raw up to begin, to the end of the
// answer.
func (p *Parser) readCode(begin int) func() bool {
	return func() bool {
		p.take(len(p.buf))
		if !p.end {
			return false
		}
		code := p.raw.String()[begin:]
		l := &literals{text: code, quotes: []string{`"`, "'"}, escapes: true}
		c, ok := l.call()
		name, builtin := strings.CutSuffix(c.name, ".call")
		if ok = ok && builtin && l.end(); !ok {
			name, ok = p.tools.interpreter()
			c.args = `{"code":` + quote(code) + "}"
		}
		if !ok {
			return p.giveUp()
		}
		p.wholeCall(name, c.args)
		p.step = p.text
		return true
	}
}

// interpreter returns the tool that runs code.
func (t toolset) interpreter() (name string, ok bool) {
	for _, name := range []string{"code_interpreter", "python", "ipython"} {
		if t.has(name) {
			return name, true
		}
	}
	return "", false
}
