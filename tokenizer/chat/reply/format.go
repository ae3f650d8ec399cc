package reply

import (
	"slices"
	"strings"

	"github.com/latentgo/latentgo/tokenizer/chat"
)

// Format is how a model writes its answers. It may be used by several goroutines at once.
type Format struct {
	name     string
	thinking []thinking
	calls    syntax // nil when the format has none of its own
	// drop are texts around the answer's text that are no part of it.
	drop []string
	// callsEndThinking is for models that call tools, or answer, without closing their thoughts.
	callsEndThinking bool
	// thinksAnywhere is for models whose thoughts may also come behind text.
	thinksAnywhere bool
	// begin sets the first step where the format is more than thoughts, text and calls. prompt is what the template
	// wrote at the prompt's end.
	begin func(p *Parser, prompt string)
	// markers are those of formats with begin, breaks those among them that end thoughts otherwise than they should.
	markers, breaks []string
	// form is for grammars; nil where none can be made. afterThinking comes between thoughts and calls.
	form          *form
	afterThinking string
}

// syntax is how calls are written.
type syntax interface {
	// marks returns the texts that calls begin with, and those which do so only where nothing was said yet.
	marks() (anywhere, atStart []string)
	// within returns the texts that stand in and behind calls.
	within() []string
	// enter goes on with what follows a mark, which is the first in the parser's buffer.
	enter(p *Parser, mark string)
}

// thinking are the marks around thoughts.
type thinking struct{ open, close string }

// Name returns the name of the format as docs/tools.md has it.
func (f *Format) Name() string { return f.name }

// opens returns the marks that thoughts begin with.
func (f *Format) opens() []string {
	opens := make([]string, len(f.thinking))
	for i, t := range f.thinking {
		opens[i] = t.open
	}
	return opens
}

// closes reports whether thoughts end with a mark.
func (f *Format) closes(mark string) bool {
	return slices.ContainsFunc(f.thinking, func(t thinking) bool { return t.close == mark })
}

// opened returns the index of the thinking that the prompt ends in, or none.
func (f *Format) opened(prompt string) int {
	prompt = strings.TrimRight(prompt, space)
	for i, t := range f.thinking {
		if strings.HasSuffix(prompt, strings.TrimRight(t.open, space)) {
			return i
		}
	}
	return none
}

// marksOf returns the texts that a parser looks for, with or without calls.
func (f *Format) marksOf(calls bool) []string {
	all := append(f.drop[:len(f.drop):len(f.drop)], f.markers...)
	for _, t := range f.thinking {
		all = append(all, t.open, t.close)
	}
	if calls && f.calls != nil {
		anywhere, _ := f.calls.marks()
		all = append(append(all, anywhere...), f.calls.within()...)
	}
	return all
}

// FormatOf recognises the format by the texts in a model's chat template. Where it knows no syntax of calls, a call is
// an answer that is {"name": …, "arguments": …} with the name of a tool.
func FormatOf(t *chat.Template) *Format {
	src := t.Source()
	var f Format
	for _, k := range known {
		if k.fits(src) {
			f = k.format
			break
		}
	}
	if f.begin != nil {
		return &f
	}
	if f.calls == nil {
		f.name, f.calls, f.form = "json", plainJSON, &form{before: `{"name": "`, middle: `", "arguments": `, after: "}", single: true}
	}
	for _, k := range knownThinking {
		if strings.Contains(src, k.text) {
			f.thinking = append(f.thinking, thinking{k.open, k.close})
			break
		}
	}
	return &f
}
