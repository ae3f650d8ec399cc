package chat

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/latentgo/latentgo/internal/jinja"
)

// ChatML is a chat template for models that come without one. Many models were trained on this form or understand it.
const ChatML = `{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}` +
	`{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`

// Template is a model's chat template. It may be used by several goroutines at once.
type Template struct {
	tree *jinja.Template
}

// Parse reads a template's source. An error wraps ErrSyntax or, for a source of more than 1 MiB, ErrLimit.
func Parse(src string) (*Template, error) {
	tree, err := jinja.Parse(src)
	if err != nil {
		return nil, templateError(err)
	}
	return &Template{tree}, nil
}

// Source returns the text that the template was made from.
func (t *Template) Source() string { return t.tree.Source() }

// RenderOptions are the parts of a rendering that are not the conversation. The zero value is usable.
type RenderOptions struct {
	// BOS and EOS are the texts of the model's tokens for the begin and end of a sequence: the variables bos_token and
	// eos_token. They count as written by the template.
	BOS, EOS string

	// Now is the time that strftime_now tells; the zero time means time.Now().
	Now time.Time

	// Vars are further variables, such as "enable_thinking"; they come before those of the conversation with the same
	// names.
	Vars Object

	// Limits bound the rendering; the zero value stands for the defaults.
	Limits Limits
}

// Limits bound what one rendering may use, since a model file's template is a program from a stranger. Zero fields take
// the default that is given with each; there is no way to switch a limit off, only to raise it. None of them is a time:
// what renders on a fast machine renders on a slow one. Reaching a limit ends Render with ErrLimit.
type Limits struct {
	// Steps is the number of operations: each node of the template's tree that is evaluated and each pass of a loop is
	// one, and long strings and lists cost one more per 64 bytes or per item. Default 5,000,000, below a second; real
	// templates need some thousands.
	Steps int

	// Bytes is the sum over all strings and lists that the template makes, whether still in use or not, and so bounds
	// the memory in use. Default 128 MiB.
	Bytes int

	// Output is the length in bytes of all text written, counting text once more for every macro or set block it passes
	// through. Default 16 MiB.
	Output int

	// Depth is how deep macros, recursive loops and blocks may call each other. Default 64.
	Depth int
}

// Span is a part of a rendering that has one author.
type Span struct {
	// Text is not empty.
	Text string
	// FromTemplate is set for what the template wrote; other text came from the conversation or from
	// RenderOptions.Vars.
	FromTemplate bool
}

// Rendering is a rendered conversation in the order of its text. Neighbours differ in FromTemplate.
type Rendering []Span

// String returns the whole text.
func (r Rendering) String() string {
	if len(r) == 1 {
		return r[0].Text
	}
	var b strings.Builder
	for _, s := range r {
		b.WriteString(s.Text)
	}
	return b.String()
}

// Render returns the text of a conversation. It runs on the caller's goroutine and ends soon after ctx does. The
// conversation is not changed.
//
// The error is a *TemplateError with the line, and wraps a *RaiseError when the template refuses the conversation,
// ErrEval, ErrLimit, or the cause of ctx's end; or it wraps ErrConversation.
func (t *Template) Render(ctx context.Context, conv Conversation, opt RenderOptions) (Rendering, error) {
	prepared, err := prepare(conv.Messages)
	if err != nil {
		return nil, err
	}
	var failed error
	for _, form := range prepared.forms() {
		vars, err := opt.variables(conv, prepared.messages(form))
		if err != nil {
			return nil, err
		}
		spans, err := t.tree.Render(ctx, vars, jinja.Options{Now: opt.Now, Limits: jinja.Limits(opt.Limits)})
		if err == nil {
			return rendering(spans, conv.TrustText), nil
		}
		_, raised := errors.AsType[*jinja.RaiseError](err)
		if failed == nil || raised {
			failed = templateError(err) // what the template itself says is the best message
		}
		if !raised && !errors.Is(err, ErrEval) {
			break // a limit or the context: another form has no better chance
		}
	}
	return nil, failed
}

// rendering returns the spans of the output; with trust they are all the template's.
func rendering(spans []jinja.Span, trust bool) Rendering {
	out := make(Rendering, len(spans))
	for i, s := range spans {
		out[i] = Span{s.Text, !s.Caller}
	}
	if trust && len(out) > 0 {
		return Rendering{{out.String(), true}}
	}
	return out
}
