package reply

import "strings"

// namedCalls is the syntax of calls whose name stands before the JSON of the arguments:
//
//	[TOOL_CALLS]get_weather[ARGS]{"city": "Oslo"}
type namedCalls struct {
	sections []string // may come before open, with white space between
	open     string
	first    part       // what follows open: the name, or an ID
	stops    []partStop // end a part of the head
	before   []string   // may come before the arguments
	close    []string   // may follow a call
	json     *jsonCalls // reads what has JSON right behind open; nil if nothing has
	// split takes name and ID from the name that the model writes; nil leaves it as it is.
	split func(text string) (name, id string)
}

// partStop ends a part of a call's head.
type partStop struct {
	text string
	next part // what follows
}

func (n *namedCalls) marks() (anywhere, atStart []string) {
	return append([]string{n.open}, n.sections...), nil
}

func (n *namedCalls) within() []string {
	all := append(n.before[:len(n.before):len(n.before)], n.close...)
	for _, s := range n.stops {
		all = append(all, s.text)
	}
	return all
}

func (n *namedCalls) enter(p *Parser, mark string) {
	p.take(len(mark))
	r := &namedReader{p: p, f: n, part: n.first}
	for _, s := range n.stops {
		r.stops = append(r.stops, s.text)
	}
	p.step = r.open
	if mark == n.open {
		p.step = r.begin
	}
}

// namedReader reads one call.
type namedReader struct {
	p     *Parser
	f     *namedCalls
	part  part
	stops []string
	head  strings.Builder // of the part
	name  string
	id    string
	scan  scanner
	args  arguments
	after func() bool // the step behind the call; nil stands for text
}

// open expects a call behind a section's mark.
func (r *namedReader) open() bool {
	return r.p.expect(r.f.open, r.begin)
}

// expect takes white space and a mark, or gives up.
func (p *Parser) expect(mark string, next func() bool) bool {
	if !p.takeSpace() {
		return false
	}
	switch match(p.buf, p.end, []string{mark}) {
	case unsure:
		return false
	case none:
		if p.buf == "" {
			p.cut()
			return true
		}
		return p.giveUp()
	}
	p.take(len(mark))
	p.step = next
	return true
}

// begin looks whether JSON follows.
func (r *namedReader) begin() bool {
	if !r.p.takeSpace() {
		return false
	}
	r.p.step = r.readHead
	if r.f.json != nil && (strings.HasPrefix(r.p.buf, "[") && !strings.HasPrefix(r.p.buf, "[A") || strings.HasPrefix(r.p.buf, "{")) {
		r.p.step = (&jsonReader{p: r.p, f: r.f.json, close: r.f.json.close}).begin
	}
	return true
}

// readHead reads a part of the head up to its end.
func (r *namedReader) readHead() bool {
	p := r.p
	at, m := find(p.buf, p.end, r.stops)
	r.head.WriteString(p.buf[:at])
	p.take(at)
	switch {
	case r.head.Len() > maxName:
		return p.giveUp()
	case m == none && p.end:
		p.cut()
		return true
	case m == none:
		return false
	}
	text := strings.TrimSpace(r.head.String())
	r.head.Reset()
	if r.part == partID {
		r.id = text
	} else if r.name = text; r.f.split != nil {
		r.name, r.id = r.f.split(text)
	}
	p.take(len(r.stops[m]))
	if r.part = r.f.stops[m].next; r.part != partArgs {
		return true
	}
	if !isName(r.name) {
		return p.giveUp()
	}
	p.startCall(r.name, r.id, false)
	p.step = r.beginArgs
	return true
}

// beginArgs looks for the arguments.
func (r *namedReader) beginArgs() bool {
	p := r.p
	if !p.takeSpace() {
		return false
	}
	switch m := match(p.buf, p.end, r.f.before); {
	case m == unsure:
		return false
	case m >= 0:
		p.take(len(r.f.before[m]))
		return true
	}
	switch m := match(p.buf, p.end, r.f.close); {
	case m == unsure:
		return false
	case m >= 0: // no arguments at all
		p.endCall(nil)
		p.step = r.closing
	case p.buf == "":
		p.cut()
	default:
		r.args = arguments{p: p}
		p.step = r.readArgs
	}
	return true
}

// readArgs reads the arguments.
func (r *namedReader) readArgs() bool {
	p := r.p
	for i := range len(p.buf) {
		before := r.scan.want
		w := r.scan.feed(p.buf[i])
		if w == bad {
			p.take(i)
			return r.end(false)
		}
		if r.args.first == 0 {
			r.args.begin(p.buf[i])
		} else {
			r.args.feed(p.buf[i], before)
		}
		if w == done {
			p.take(i + 1)
			return r.end(r.args.end())
		}
	}
	p.take(len(p.buf))
	r.args.flush()
	if p.end {
		p.cut()
		return true
	}
	return false
}

// end ends the call.
func (r *namedReader) end(valid bool) bool {
	r.args.flush()
	if r.p.step = r.closing; valid {
		r.p.endCall(nil)
	} else {
		r.p.step = r.p.fail(r.p.badArguments(), append([]string{r.f.open}, r.f.close...), r.closing)
	}
	return true
}

// closing drops what the format puts behind a call.
func (r *namedReader) closing() bool {
	p := r.p
	if r.after == nil {
		p.step = p.closing(r.f.close)
		return true
	}
	if !p.takeSpace() {
		return false
	}
	switch m := match(p.buf, p.end, r.f.close); {
	case m == unsure:
		return false
	case m >= 0:
		p.take(len(r.f.close[m]))
	}
	p.raw.Reset()
	p.step = r.after
	return true
}
