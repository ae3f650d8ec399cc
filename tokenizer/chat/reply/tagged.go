package reply

import (
	"slices"
	"strings"
)

// taggedCalls is the syntax of calls whose arguments stand between tags, one by one, without quotes:
//
//	<tool_call>
//	<function=get_weather>
//	<parameter=city>
//	Oslo
//	</parameter>
//	</function>
//	</tool_call>
type taggedCalls struct {
	sections []string // may come before open, with white space between
	open     string
	nameEnd  []string // end the name
	nameStop []string // end the name and are read again
	nameTail string   // ends what follows the name, such as other attributes of its tag; "" if nothing does
	key      string   // begins an argument
	keyEnd   []keyEnd
	value    string   // comes before the value; "" where keyEnd does
	valueEnd string   // ends the value
	lines    bool     // values have lines of their own: one line end at both sides is not theirs
	cdata    bool     // values may stand in <![CDATA[…]]>
	end      []string // the call is complete
	close    []string // may follow
}

// keyEnd ends the name of an argument.
type keyEnd struct {
	text string
	kind valueKind // what the tag says about the value
}

func (t *taggedCalls) marks() (anywhere, atStart []string) {
	return append([]string{t.open}, t.sections...), nil
}

func (t *taggedCalls) within() []string {
	all := append([]string{t.nameTail, t.key, t.value, t.valueEnd}, t.nameEnd...)
	for _, e := range t.keyEnd {
		all = append(all, e.text)
	}
	all = append(append(append(all, t.nameStop...), t.end...), t.close...)
	return slices.DeleteFunc(all, func(text string) bool { return text == "" })
}

func (t *taggedCalls) enter(p *Parser, mark string) {
	p.take(len(mark))
	r := &taggedReader{p: p, f: t}
	p.step = r.open
	if mark == t.open {
		p.step = r.readName
	}
}

// taggedReader reads one call.
type taggedReader struct {
	p     *Parser
	f     *taggedCalls
	head  strings.Builder // the name of the call, or of an argument
	args  int
	key   string
	kind  valueKind
	value strings.Builder // that is not passed on as it comes
	ends  []string        // of the value
	after func() bool     // the step behind the call; nil stands for text
}

func (r *taggedReader) open() bool { return r.p.expect(r.f.open, r.readName) }

// until reads into head up to one of the marks, and returns it. ok is false when it is not there yet, or too far away.
func (r *taggedReader) until(marks []string) (mark int, ok bool) {
	p := r.p
	at, m := find(p.buf, p.end, marks)
	r.head.WriteString(p.buf[:at])
	p.take(at)
	if m >= 0 && r.head.Len() <= maxName {
		return m, true
	}
	return none, false
}

// readName reads the name of the call.
func (r *taggedReader) readName() bool {
	p := r.p
	ends := append(r.f.nameEnd[:len(r.f.nameEnd):len(r.f.nameEnd)], r.f.nameStop...)
	m, ok := r.until(ends)
	if !ok {
		switch {
		case r.head.Len() > maxName:
			return p.giveUp()
		case p.end:
			p.cut()
			return true
		}
		return false
	}
	name := strings.TrimSpace(r.head.String())
	if !isName(name) {
		return p.giveUp()
	}
	if m < len(r.f.nameEnd) {
		p.take(len(ends[m]))
	}
	p.startCall(name, "", false)
	p.argument("{")
	p.step = r.next
	if r.f.nameTail != "" {
		p.step = r.readTail
	}
	return true
}

// readTail skips what follows the name.
func (r *taggedReader) readTail() bool {
	p := r.p
	at, m := find(p.buf, p.end, []string{r.f.nameTail})
	p.take(at)
	switch {
	case m >= 0:
		p.take(len(r.f.nameTail))
		p.step = r.next
	case p.end:
		p.cut()
	default:
		return false
	}
	return true
}

// next expects an argument, or the end of the call.
func (r *taggedReader) next() bool {
	p := r.p
	if !p.takeSpace() {
		return false
	}
	m := match(p.buf, p.end, append([]string{r.f.key}, r.f.end...))
	switch {
	case m == unsure:
		return false
	case m == 0:
		p.take(len(r.f.key))
		r.head.Reset()
		p.step = r.readKey
	case m > 0:
		p.take(len(r.f.end[m-1]))
		p.argument("}")
		p.endCall(nil)
		p.step = r.closing
	case p.buf == "":
		p.cut()
	default:
		return r.broken()
	}
	return true
}

// broken ends a call that goes on with what cannot stand there.
func (r *taggedReader) broken() bool {
	p := r.p
	p.step = p.fail(p.badArguments(), append(r.f.end[:len(r.f.end):len(r.f.end)], r.f.close...), r.closing)
	return true
}

// readKey reads the name of an argument.
func (r *taggedReader) readKey() bool {
	p := r.p
	marks := make([]string, len(r.f.keyEnd))
	for i, e := range r.f.keyEnd {
		marks[i] = e.text
	}
	m, ok := r.until(marks)
	if !ok {
		switch {
		case r.head.Len() > maxName:
			return r.broken()
		case p.end:
			p.cut()
			return true
		}
		return false
	}
	p.take(len(marks[m]))
	r.key = strings.TrimSpace(r.head.String())
	if r.kind = r.f.keyEnd[m].kind; r.kind == kindUnknown {
		r.kind = p.tools.kind(p.call.name, r.key)
	}
	p.step = r.beginValue
	if r.f.value != "" {
		p.step = r.expectValue
	}
	return true
}

// expectValue expects the tag before the value.
func (r *taggedReader) expectValue() bool {
	p := r.p
	if !p.takeSpace() {
		return false
	}
	switch m := match(p.buf, p.end, []string{r.f.value}); {
	case m == unsure:
		return false
	case m == none && p.buf == "":
		p.cut()
	case m == none:
		return r.broken()
	default:
		p.take(len(r.f.value))
		p.step = r.beginValue
	}
	return true
}

// beginValue begins a value.
func (r *taggedReader) beginValue() bool {
	p := r.p
	r.ends = []string{r.f.valueEnd}
	var before []string
	switch {
	case r.f.lines:
		before = []string{"\n"}
		r.ends = append(r.ends, "\n"+r.f.valueEnd)
	case r.f.cdata:
		before = []string{"<![CDATA["}
	}
	switch m := match(p.buf, p.end, before); {
	case m == unsure:
		return false
	case m >= 0:
		p.take(len(before[m]))
		if r.f.cdata {
			r.ends = []string{"]]>" + r.f.valueEnd}
		}
	}
	r.value.Reset()
	if r.args++; r.args > 1 {
		p.argument(",")
	}
	p.argument(quote(r.key) + ":")
	if r.kind == kindString {
		p.argument(`"`)
	}
	p.step = r.readValue
	return true
}

// readValue reads a value up to its end.
func (r *taggedReader) readValue() bool {
	p := r.p
	at, m := find(p.buf, p.end, r.ends)
	text := p.buf[:at]
	p.take(at)
	if r.kind == kindString {
		inside := quote(text)
		p.argument(inside[1 : len(inside)-1])
	} else {
		r.value.WriteString(text)
	}
	switch {
	case m >= 0:
		p.take(len(r.ends[m]))
		if r.kind == kindString {
			p.argument(`"`)
		} else {
			p.argument(jsonOf(r.value.String(), r.kind))
		}
		p.step = r.next
	case p.end:
		p.cut()
	default:
		return false
	}
	return true
}

// section expects the mark of a section, or a call.
func (r *taggedReader) section() bool {
	p := r.p
	if !p.takeSpace() {
		return false
	}
	marks := append([]string{r.f.open}, r.f.sections...)
	switch m := match(p.buf, p.end, marks); {
	case m == unsure:
		return false
	case m == none:
		p.say(Text, p.raw.String(), 0)
		p.raw.Reset()
		p.step = r.after
	case m == 0:
		p.take(len(r.f.open))
		p.step = r.readName
	default:
		p.take(len(marks[m]))
	}
	return true
}

// closing drops what the format puts behind a call.
func (r *taggedReader) closing() bool {
	p := r.p
	if r.after == nil {
		p.step = p.closing(r.f.close)
		return true
	}
	if !p.takeSpace() {
		return false
	}
	switch m := match(p.buf, p.end, append(r.f.close[:len(r.f.close):len(r.f.close)], r.f.open)); {
	case m == unsure:
		return false
	case m == none:
		p.raw.Reset()
		p.step = r.after
	case m == len(r.f.close): // another call
		p.raw.Reset()
		p.step = (&taggedReader{p: p, f: r.f, after: r.after}).section
	default:
		p.take(len(r.f.close[m]))
	}
	return true
}
