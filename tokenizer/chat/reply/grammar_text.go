package reply

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/tokenizer/chat/notation"
)

// symbol is a character or a control token.
type symbol struct {
	char    rune
	token   int32
	control bool
}

func (s symbol) String() string {
	if s.control {
		return fmt.Sprintf("<[%d]>", s.token)
	}
	return literal(string(s.char))
}

// symbols takes a text apart.
func (g *grammar) symbols(text string) (list []symbol) {
	for at := 0; at < len(text); {
		if id, n := notation.Control(text[at:], g.opt.Token); n > 0 {
			list = append(list, symbol{token: id, control: true})
			at += n
			continue
		}
		for _, r := range text[at:] {
			list = append(list, symbol{char: r})
			at += len(string(r))
			break
		}
	}
	return list
}

// mark is a text that is looked for, and the expression of what follows it; never is for one that may not come.
type mark struct {
	text, then string
	never      bool
}

// place is what a text has read of the marks. The places of all marks are a tree.
type place struct {
	symbols []symbol // that go on with a mark
	to      []int    // the places behind them
	fail    int      // the place of the longest part of a mark that what was read ends with, apart from all of it
	whole   bool     // a mark was read
	mark    mark     // it
}

// placesOf returns the tree of marks, whose root is the first: the automaton of Aho and Corasick.
func (g *grammar) placesOf(marks []mark) []place {
	places := []place{{}}
	for _, m := range marks {
		at := 0
		for _, s := range g.symbols(m.text) {
			i := slices.Index(places[at].symbols, s)
			if i < 0 {
				i = len(places[at].symbols)
				places[at].symbols = append(places[at].symbols, s)
				places[at].to = append(places[at].to, len(places))
				places = append(places, place{})
			}
			at = places[at].to[i]
		}
		places[at].whole, places[at].mark = true, m
	}
	for queue := []int{0}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for i, s := range places[at].symbols {
			to := places[at].to[i]
			queue = append(queue, to)
			for k := at; k > 0; {
				k = places[k].fail
				if j := slices.Index(places[k].symbols, s); j >= 0 {
					places[to].fail = places[k].to[j]
					break
				}
			}
		}
	}
	return places
}

// scan says how a text with marks is read.
type scan struct {
	name  string
	marks []mark
	// first is for marks that count only at the beginning of the text.
	first bool
	// ends is for a text that may end anywhere, and have the format's other markers in it.
	ends bool
}

// scan writes the rules of any text up to its first mark and of what follows that: one for each place.
func (g *grammar) scan(s scan) {
	name := func(place int) string {
		if place == 0 {
			return s.name
		}
		return s.name + "-" + strconv.Itoa(place)
	}
	other := s.name // behind what is no part of a mark
	if s.first {
		other += "-other"
		g.rule(other, "("+g.anyBut(nil, "", true)+")*")
	}
	places := g.placesOf(s.marks)
	for i := range places {
		if places[i].whole {
			continue
		}
		var body []string
		var seen []symbol
		for k := i; ; k = places[k].fail {
			for j, c := range places[k].symbols {
				if slices.Contains(seen, c) {
					continue
				}
				seen = append(seen, c)
				next := places[k].to[j]
				then := name(next)
				if places[next].whole {
					then = places[next].mark.then
				}
				if !places[next].mark.never {
					body = append(body, c.String()+" "+then)
				}
			}
			if k == 0 || s.first {
				break
			}
		}
		body = append(body, g.anyBut(seen, other, s.ends))
		if s.ends {
			body = append(body, `""`)
		}
		g.rule(name(i), strings.Join(body, " | "))
	}
}

// anyBut returns the alternatives of any other character, and where they may come of any other marker of the format
// that is a control token, each with what follows it.
func (g *grammar) anyBut(not []symbol, then string, markers bool) string {
	var chars []rune
	for _, s := range not {
		if !s.control {
			chars = append(chars, s.char)
		}
	}
	body := ". " + then
	if len(chars) > 0 {
		body = "[^" + class(chars) + "] " + then
	}
	if !markers {
		return body
	}
	var done []symbol
	for _, m := range g.f.marksOf(true) {
		for _, s := range g.symbols(m) {
			if s.control && !slices.Contains(not, s) && !slices.Contains(done, s) {
				done = append(done, s)
				body += " | " + s.String() + " " + then
			}
		}
	}
	return body
}

// class returns characters as they stand between the brackets of a class.
func class(chars []rune) string {
	return strings.NewReplacer(`\`, `\\`, "]", `\]`, "[", `\[`, "^", `\^`, "-", `\-`, "\n", `\n`, " ", `\x20`).Replace(string(chars))
}

// upTo returns the rule of any text that ends with its first mark.
func (g *grammar) upTo(end string) string {
	name, ok := g.until[end]
	if !ok {
		name = "until" + strconv.Itoa(len(g.until))
		g.until[end] = name
		marks := []mark{{text: end}}
		for _, m := range g.f.breaks {
			if m != end && g.f.closes(end) {
				marks = append(marks, mark{text: m, never: true})
			}
		}
		g.scan(scan{name: name, marks: marks})
	}
	return name
}

// free returns the rule of any text, which becomes a call where one begins. more is what follows the first.
func (g *grammar) free(calls []toolCall, more string) string {
	form := g.f.form
	s := scan{name: "free", ends: true}
	before := strings.TrimLeft(form.open+form.before, space)
	if at := strings.Index(before, form.mark); form.mark != "" && at >= 0 {
		before = before[at:]
		s.marks = []mark{{text: form.mark, then: g.written(before[len(form.mark):]) + " named" + more}}
	} else if m := g.f.callMark(before); m != "" {
		s.marks = []mark{{text: m, then: g.written(before[len(m):]) + " named" + more}}
	} else {
		s.first = true
		for _, c := range calls {
			s.marks = append(s.marks, mark{text: before + c.name + form.middle, then: c.args + more})
		}
	}
	g.scan(s)
	return s.name
}

// callMark returns the mark by which a call that begins with the text is recognised, "" where there is none.
func (f *Format) callMark(text string) (mark string) {
	if f.calls == nil {
		return text
	}
	marks, _ := f.calls.marks()
	for _, m := range marks {
		if strings.HasPrefix(text, m) && len(m) > len(mark) {
			mark = m
		}
	}
	return mark
}
