package tokenizer

import (
	"context"
	"fmt"
	"time"

	"github.com/ardanlabs/jinja"
)

// ChatML is a chat template for models that come without one. Many models
// were trained on this form or understand it.
const ChatML = `{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}` +
	`{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`

// Template is a model's chat template, the program in the Jinja language that
// turns a conversation into the text the model was trained on. It renders as
// Python's Jinja2 does with the settings of Hugging Face's transformers:
// trim_blocks, lstrip_blocks, loop controls, tojson without HTML escapes,
// raise_exception, strftime_now, the generation tag. A Template may be used
// by several goroutines at once.
//
// Known differences: lists and dicts can be changed by append and the like,
// and the result of a filter such as map can be written as JSON, where the
// sandbox of transformers fails; letters change case one by one (ß stays);
// include, import, extends, recursive loops, and arguments by * and ** are
// errors.
type Template struct {
	src  string
	prog *tmplProgram
	code *jinja.Template
}

// RenderOptions are the parts of a rendering that are not the conversation.
// The zero value is usable.
type RenderOptions struct {
	// BOS and EOS are the texts of the model's tokens for the begin and end of
	// a sequence: the variables bos_token and eos_token.
	BOS, EOS string

	// Now is the time that strftime_now tells; the zero time means time.Now().
	Now time.Time

	// Vars are further variables, such as "enable_thinking"; they come before
	// those of the conversation with the same names.
	Vars Object

	// ParseArguments turns arguments of tool calls that are JSON text into
	// objects first, for templates that go through them by key. The default
	// leaves them as they are, as transformers does.
	ParseArguments bool

	// Limits bound the rendering; the zero value stands for the defaults.
	Limits TemplateLimits
}

// NewTemplate compiles a template's source. An error wraps ErrTemplateSyntax
// or, for a source over 1 MiB, ErrTemplateLimit.
func NewTemplate(src string) (*Template, error) {
	if len(src) > tmplMaxSource {
		return nil, fmt.Errorf("chat template: %w: %d bytes of source, at most %d", ErrTemplateLimit, len(src), tmplMaxSource)
	}
	prog, err := lowerTemplate(src)
	if err != nil {
		return nil, err
	}
	code, err := compileLowered(prog.source)
	if err != nil {
		return nil, fmt.Errorf("chat template: %w: %w", ErrTemplateSyntax, err)
	}
	return &Template{src: src, prog: prog, code: code}, nil
}

// compileLowered hands the lowered source to the library.
func compileLowered(src string) (code *jinja.Template, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("compile: %v", r)
		}
	}()
	return jinja.Compile(src)
}

// Source returns the text that the template was made from.
func (t *Template) Source() string { return t.src }

// Render returns the text of a conversation. It runs on the caller's
// goroutine and ends soon after ctx does. The conversation is not changed.
//
// The error is a *TemplateError with the line, and wraps a *RaiseError when
// the template refuses the conversation, ErrTemplateEval, ErrTemplateLimit,
// or the cause of ctx's end; or it wraps ErrConversation.
func (t *Template) Render(ctx context.Context, conv Conversation, opt RenderOptions) (string, error) {
	vars, err := opt.variables(conv)
	if err != nil {
		return "", fmt.Errorf("chat template: %w", err)
	}
	now := opt.Now
	if now.IsZero() {
		now = time.Now()
	}
	g := &tmplGuard{
		tmplBudget: newTmplBudget(ctx, opt.Limits),
		prog:       t.prog,
		now:        now,
		spaces:     map[*jinja.Dict]bool{},
		tuples:     map[*jinja.List]bool{},
	}
	return t.run(g, vars)
}

// run renders with prepared variables; a panic of the library is an error.
func (t *Template) run(g *tmplGuard, vars map[string]jinja.Value) (out string, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = "", fmt.Errorf("chat template: %w: %v", ErrTemplateEval, r)
		}
	}()
	out, err = t.code.RenderValues(g.data(vars))
	switch {
	case g.err != nil:
		return "", g.err
	case err != nil:
		return "", fmt.Errorf("chat template: %w: %w", ErrTemplateEval, err)
	}
	return out, nil
}

// variables returns the template's variables. Later ones replace earlier ones.
func (o RenderOptions) variables(conv Conversation) (map[string]jinja.Value, error) {
	msgs := make([]any, len(conv.Messages))
	for i, m := range conv.Messages {
		if o.ParseArguments {
			m = m.parsedArguments()
		}
		msgs[i] = m
	}
	all := []Field{{"bos_token", o.BOS}, {"eos_token", o.EOS}}
	all = append(all, conv.Vars.fields...)
	all = append(all, Field{"messages", msgs}, Field{"add_generation_prompt", conv.AddGenerationPrompt})
	if conv.Tools != nil {
		all = append(all, Field{"tools", conv.toolList()})
	}
	all = append(all, o.Vars.fields...)
	vars := make(map[string]jinja.Value, len(all))
	for _, f := range all {
		v, err := tmplValue(f.Value, 0)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", f.Name, err)
		}
		vars[f.Name] = v
	}
	return vars, nil
}
