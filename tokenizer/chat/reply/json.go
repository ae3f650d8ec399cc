package reply

import (
	"encoding/json"
	"strings"
)

// jsonCalls is the syntax of calls that are JSON as a whole, one object or a list of them:
//
//	<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call>
type jsonCalls struct {
	open  []string // begin one call or a list
	close []string // may follow

	// bare takes an object at the start of an answer for a call, also one in a fence, if it names a tool.
	bare bool
	// named is for objects that have the tool's name as key: {"get_weather": {"city": "Oslo"}}.
	named bool
	// lateID is for models that may write an ID behind the arguments.
	lateID bool
}

// jsonKeys are the names under which formats have the parts of a call.
var jsonKeys = map[string]part{
	"name": partName, "tool_name": partName, "function": partName,
	"arguments": partArgs, "parameters": partArgs, "args": partArgs,
	"id": partID, "call_id": partID, "tool_call_id": partID,
	"type": partOther,
}

// part is a part of a call.
type part uint8

const (
	partOther part = iota + 1
	partName
	partArgs
	partID
)

func (j *jsonCalls) marks() (anywhere, atStart []string) {
	if j.bare {
		atStart = []string{"{", "[{", fence + "json\n", fence + "\n{"}
	}
	return j.open, atStart
}

func (j *jsonCalls) within() []string { return j.close }

func (j *jsonCalls) enter(p *Parser, mark string) {
	r := &jsonReader{p: p, f: j, close: j.close}
	if r.bare = strings.HasPrefix(mark, fence) || strings.HasSuffix(mark, "{"); strings.HasPrefix(mark, fence) {
		r.close = append(j.close[:len(j.close):len(j.close)], fence)
	}
	p.take(len(strings.TrimRight(mark, "[{")))
	p.step = r.begin
}

// fence is around code in Markdown.
const fence = "```"

// jsonReader reads what follows a mark.
type jsonReader struct {
	p     *Parser
	f     *jsonCalls
	bare  bool
	list  bool
	close []string // what may follow the calls

	scan   scanner
	base   int // the depth at which the parts of the call are: 1, or 2 within {"function": {…}}
	key    []byte
	part   part // of the value being read; 0 outside
	value  []byte
	name   string
	id     string
	args   arguments
	broken bool // a part has a value that it cannot have
	ended  bool // the call, but not the object
}

// begin expects an object or a list.
func (r *jsonReader) begin() bool {
	p := r.p
	if !p.takeSpace() {
		return false
	}
	switch {
	case strings.HasPrefix(p.buf, "["):
		r.list = true
		p.take(1)
		p.step = r.item
	case strings.HasPrefix(p.buf, "{"):
		r.object()
	case p.buf == "" && p.raw.Len() > 0 && !r.bare:
		p.cut()
	default:
		return p.giveUp()
	}
	return true
}

// object begins to read an object.
func (r *jsonReader) object() {
	*r = jsonReader{p: r.p, f: r.f, bare: r.bare, list: r.list, close: r.close, base: 1}
	r.args.p = r.p
	r.p.step = r.read
}

// item expects an object of a list, or the list's end.
func (r *jsonReader) item() bool {
	p := r.p
	p.take(len(p.buf) - len(strings.TrimLeft(p.buf, space+",")))
	switch {
	case p.buf == "" && !p.end:
		return false
	case strings.HasPrefix(p.buf, "{"):
		r.object()
	case strings.HasPrefix(p.buf, "]"):
		p.take(1)
		p.step = p.closing(r.close)
	case p.count == 0 && p.buf == "" && !r.bare:
		p.cut()
	case p.count > 0 && strings.Trim(p.raw.String(), space+",") == "":
		p.step = p.closing(r.close) // the list's end is missing
	default:
		return p.giveUp()
	}
	return true
}

// next looks for another object behind one that stands in no list.
func (r *jsonReader) next() bool {
	p := r.p
	rest := strings.TrimLeft(p.buf, space)
	rest = strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(rest, ";"), ","), space)
	switch {
	case rest == "" && !p.end:
		return false
	case strings.HasPrefix(rest, "{"):
		p.take(len(p.buf) - len(rest))
		r.object()
	default:
		p.step = p.closing(r.close)
	}
	return true
}

// read goes on with an object.
func (r *jsonReader) read() bool {
	p := r.p
	for i := range len(p.buf) {
		switch w := r.feed(p.buf[i]); {
		case w == bad, r.refused():
			p.take(i)
			return r.unfinished(false)
		case r.ended:
			p.take(i + 1)
			r.end()
			r.ended, r.broken = false, false
			return w != done || r.finish()
		case w == done:
			p.take(i + 1)
			return r.finish()
		}
	}
	p.take(len(p.buf))
	r.args.flush()
	if p.end {
		return r.unfinished(true)
	}
	return false
}

// refused reports whether the object is no call after all.
func (r *jsonReader) refused() bool {
	return r.broken && r.p.call == nil || r.bare && r.p.call == nil && r.name != "" && !r.p.tools.has(r.name)
}

// unfinished ends with an object that is cut, or that goes on with what is no JSON.
func (r *jsonReader) unfinished(cut bool) bool {
	p := r.p
	r.args.flush()
	switch {
	case r.args.complete && r.name != "" && !r.refused():
		return r.finish() // only a bracket is missing
	case r.broken && p.call == nil, r.bare && p.call == nil, !cut && p.call == nil:
		return p.giveUp()
	case cut:
		p.cut()
	case len(r.close) == 0:
		p.endCall(p.badArguments())
		p.step = p.closing(nil)
	default:
		p.step = p.fail(p.badArguments(), r.close, p.closing(r.close))
	}
	return true
}

// finish ends an object.
func (r *jsonReader) finish() bool {
	p := r.p
	if !r.f.named {
		if !isName(r.name) || r.broken && p.call == nil || r.bare && (!r.args.complete || !p.tools.has(r.name)) {
			return p.giveUp()
		}
		r.start()
		r.end()
	}
	p.step = r.next
	if r.list {
		p.step = r.item
	}
	return true
}

// start begins the call, if it has not begun.
func (r *jsonReader) start() {
	if r.p.call == nil {
		r.p.startCall(r.name, r.id, r.f.lateID)
		r.args.flush()
	}
}

// end ends the call.
func (r *jsonReader) end() {
	r.args.flush()
	if r.id != "" && r.f.lateID {
		r.p.call.id = r.id
	}
	if r.broken {
		r.p.endCall(r.p.badArguments())
		return
	}
	r.p.endCall(nil)
}

// feed takes a byte of the object.
func (r *jsonReader) feed(c byte) want {
	before, depth := r.scan.want, len(r.scan.stack)
	w := r.scan.feed(c)
	switch {
	case w == bad:
	case r.part != 0:
		r.feedValue(c, before.isNumber() && depth == r.base, before, w)
	case depth == r.base && before == wantValue && !isSpace(c):
		r.beginValue(c)
	case depth == r.base && r.scan.key:
		r.feedKey(c, before, w)
	case r.base == 2 && len(r.scan.stack) == 1:
		r.base = 1
	}
	return w
}

// feedKey takes a byte of a key, or of what is around one.
func (r *jsonReader) feedKey(c byte, before, w want) {
	switch {
	case before == wantKey || before == wantKeyOrEnd:
		r.key = append(r.key[:0], c)
	case before >= inString && before <= inHex:
		r.key = append(r.key, c)
	}
}

// beginValue begins the value of the key.
func (r *jsonReader) beginValue(c byte) {
	key := unquote(r.key)
	part, known := jsonKeys[key]
	switch {
	case r.f.named && r.base == 1:
		r.name, part = key, partArgs
		r.args = arguments{p: r.p}
		r.broken = !isName(key)
	case !known:
		part = partOther
		r.broken = r.broken || r.bare // an answer in JSON
	case key == "function" && c == '{' && r.base == 1:
		r.base = 2
		return
	case part == partName && r.name != "", part == partArgs && r.args.first != 0, part == partID && r.id != "":
		part = partOther // a key that comes twice
	}
	r.part = part
	r.value = append(r.value[:0], c)
	if part == partArgs {
		r.args.begin(c)
		if isName(r.name) && !r.broken && (!r.bare || r.p.tools.has(r.name)) {
			r.start()
		}
	}
}

// feedValue takes a byte of a value; where that is a number, it may also be the one behind it.
func (r *jsonReader) feedValue(c byte, number bool, before, w want) {
	if behind := number && !w.isNumber(); !behind {
		if r.part == partArgs {
			r.args.feed(c, before)
		} else if r.part != partOther {
			r.value = append(r.value, c)
		}
	}
	if len(r.scan.stack) == r.base && (w == wantCommaOrEnd || w == wantKey) || len(r.scan.stack) < r.base {
		r.endValue()
	}
	if r.base == 2 && len(r.scan.stack) == 1 {
		r.base = 1
	}
}

// endValue ends the value.
func (r *jsonReader) endValue() {
	switch r.part {
	case partName:
		r.name = unquote(r.value)
		r.broken = r.broken || !isName(r.name)
	case partID:
		r.id = string(r.value)
		if strings.HasPrefix(r.id, `"`) {
			r.id = unquote(r.value)
		}
	case partArgs:
		r.broken = !r.args.end() || r.broken
		r.ended = r.f.named && r.p.call != nil
	}
	r.part = 0
}

// unquote returns the text of a JSON string, "" if it is none.
func unquote(s []byte) string {
	var fixed []byte
	for _, c := range s {
		if c < ' ' {
			fixed = escapeControl(fixed, c)
		} else {
			fixed = append(fixed, c)
		}
	}
	var text string
	if json.Unmarshal(fixed, &text) != nil {
		return ""
	}
	return text
}
