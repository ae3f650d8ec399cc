package reply

import (
	"errors"
	"fmt"
	"strings"

	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/notation"
)

// ErrNoGrammar is wrapped by the error of tools whose calls a grammar cannot say in a format: those of a schema that joins
// arguments (anyOf of them all, for one) where the format writes them one by one in tags.
var ErrNoGrammar = errors.New("no grammar for calls of this format")

// GrammarOptions configures Format.Grammar. Schema is required.
type GrammarOptions struct {
	// Name is the tool to call; "" stands for any.
	Name string
	// Several allows more than one call, where the format does.
	Several bool
	// Lazy allows answers without a call: any text, up to the mark that a call begins with and from there on as without
	// Lazy. Where calls have no such mark, as in plain JSON, they are recognised by an answer that begins as one does,
	// with the name of a tool.
	Lazy bool
	// Prompt is the rendering that the answer follows, as in Options.
	Prompt chat.Rendering
	// Token returns the control token that has a text in the vocabulary. The grammar demands such a token where the
	// format has its text, since a grammar's texts are never those of control tokens. Nil stands for none.
	Token func(text string) (id int32, ok bool)
	// Schema returns a GBNF expression, such as the name of a rule, for the values of a schema as the notation writes
	// them, which is JSON for nil (grammar.SchemaOptions). The caller adds the rules that it refers to.
	Schema func(schema chat.Object, n *notation.Notation) (string, error)
}

// form is how calls are written, to make a grammar of. In its texts {id} stands for an ID of nine letters and digits,
// {n} for a number, {nl} for a line end that may be missing and, in before, {name} for the name once more.
type form struct {
	open, close   string // around all calls
	before        string // comes before the name
	middle, after string // around the arguments
	between       string // between calls
	single        bool   // there is but one call
	mark          string // that calls are recognised by, in before; "" where the syntax tells it

	tags  *taggedCalls       // of the arguments, where the format's syntax is another one
	notes *notation.Notation // of the arguments; nil is JSON
	maybe []string           // may come before open, each by itself
}

// Grammar returns a grammar in llama.cpp's GBNF for an answer that calls tools and says nothing else (but see Lazy),
// though it may think first: its root is the whole answer up to the token that ends it. Arguments are in the order of
// the schema.
//
// The error wraps ErrNoGrammar, or is Schema's; it is one as well if tools has none of the name.
func (f *Format) Grammar(tools []chat.Object, opt GrammarOptions) (string, error) {
	if f.form == nil {
		return "", fmt.Errorf("%w: %s", ErrNoGrammar, f.name)
	}
	g := &grammar{f: f, opt: opt, until: map[string]string{}}
	calls, err := g.calls(tools)
	if err != nil {
		return "", err
	}
	form := f.form
	more := " " + g.written(form.close)
	if opt.Several && !form.single {
		more = " (" + g.written(form.between) + " call)*" + more
	}
	start := "space "
	if f.begin != nil { // within a header
		start = ""
	}
	thoughts := g.thoughts(start)
	if opt.Lazy {
		if thoughts != "" {
			thoughts = "(" + thoughts + ")? "
		}
		g.rule("root", start+thoughts+g.free(calls, more))
	} else {
		for _, text := range form.maybe {
			thoughts += "(" + g.written(text) + ")? "
		}
		g.rule("root", start+thoughts+g.written(form.open)+" call"+more)
	}
	g.named(calls)
	g.rule("space", `[ \t\n]{0,4}`)
	g.rule("nl", `"\n"?`)
	g.rule("id", "[a-zA-Z0-9]{9}")
	g.rule("n", "[0-9]{1,3}")
	return g.text.String(), nil
}

// named writes the rules of calls from their beginning and from their name.
func (g *grammar) named(calls []toolCall) {
	form := g.f.form
	list := make([]string, len(calls))
	for i, c := range calls {
		list[i] = literal(c.name) + " " + g.written(form.middle) + " " + c.args
	}
	call := g.written(form.before) + " named"
	if strings.Contains(form.before, "{name}") {
		whole := make([]string, len(calls))
		for i, c := range calls {
			whole[i] = g.written(strings.ReplaceAll(form.before, "{name}", c.name)) + " " + list[i]
		}
		call = strings.Join(whole, " | ")
	}
	g.rule("call", call)
	g.rule("named", strings.Join(list, " | "))
}

// grammar collects rules.
type grammar struct {
	f     *Format
	opt   GrammarOptions
	text  strings.Builder
	until map[string]string // rules of texts up to a mark
}

func (g *grammar) rule(name, body string) {
	fmt.Fprintf(&g.text, "%s ::= %s\n", name, strings.Join(strings.Fields(body), " "))
}

// toolCall is a call in a grammar.
type toolCall struct {
	name string
	args string // the expression of the arguments and of what is behind them
}

// calls returns the calls of the tools.
func (g *grammar) calls(tools []chat.Object) (calls []toolCall, err error) {
	for _, t := range tools {
		name, schema := toolParts(t)
		if name == "" || g.opt.Name != "" && name != g.opt.Name {
			continue
		}
		args, err := g.arguments(schema)
		if err != nil {
			return nil, fmt.Errorf("grammar of tool %s: %w", name, err)
		}
		calls = append(calls, toolCall{name, args + " " + g.written(g.f.form.after)})
	}
	switch {
	case len(calls) > 0:
		return calls, nil
	case g.opt.Name == "":
		return nil, errors.New("no tool to call: the conversation offers none with a name")
	}
	return nil, fmt.Errorf("no tool %q to call: the conversation offers %q", g.opt.Name, names(tools))
}

// names returns the names of tools.
func names(tools []chat.Object) (list []string) {
	for _, t := range tools {
		name, _ := toolParts(t)
		list = append(list, name)
	}
	return list
}

// written returns a literal, with the rules of a form's names and with control tokens.
func (g *grammar) written(s string) string {
	var parts []string
	from := 0
	for at := 0; at <= len(s); {
		expr, n := g.special(s[at:])
		if (n > 0 || at == len(s)) && at > from {
			parts = append(parts, literal(s[from:at]))
		}
		if n > 0 {
			parts = append(parts, expr)
			from = at + n
		}
		at += max(n, 1)
	}
	return strings.Join(parts, " ")
}

// special returns the expression of the name or control token that s begins with, and its length; 0 for none.
func (g *grammar) special(s string) (string, int) {
	for _, name := range []string{"{id}", "{nl}", "{n}"} {
		if strings.HasPrefix(s, name) {
			return strings.Trim(name, "{}"), len(name)
		}
	}
	if id, n := notation.Control(s, g.opt.Token); n > 0 {
		return symbol{token: id, control: true}.String(), n
	}
	return "", 0
}

// literal returns s as GBNF has it. White space is escaped, so that rules can be split at it.
func literal(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, " ", `\x20`).Replace(s) + `"`
}

// thoughts returns what may come before the calls, with white space behind it.
func (g *grammar) thoughts(white string) string {
	f := g.f
	if len(f.thinking) == 0 {
		return ""
	}
	if i := f.opened(templateEnd(g.opt.Prompt)); i >= 0 {
		return g.upTo(f.thinking[i].close) + " " + white + g.written(f.afterThinking) + " "
	}
	t := f.thinking[0]
	return "(" + g.written(t.open) + " " + g.upTo(t.close) + " " + white + g.written(f.afterThinking) + ")? "
}

// arguments returns the expression of a call's arguments.
func (g *grammar) arguments(schema chat.Object) (string, error) {
	t := g.f.form.tags
	if t == nil {
		t, _ = g.f.calls.(*taggedCalls)
	}
	if t != nil {
		return g.tags(t, schema)
	}
	if v, _ := schema.Get("type"); v != "object" {
		schema = narrowed(schema, schema, kindObject)
	}
	return g.opt.Schema(schema, g.f.form.notes)
}
