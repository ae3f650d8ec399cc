package reply

import (
	"errors"
	"fmt"
	"strings"

	"github.com/latentgo/latentgo/tokenizer/chat"
)

// ErrNoGrammar is wrapped by the error of a format whose calls a grammar cannot say: those that are no JSON, in other
// literals than its.
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
	// Schema returns a GBNF expression, such as the name of a rule, for the JSON values of a schema. The caller adds
	// the rules that it refers to.
	Schema func(schema chat.Object) (string, error)
}

// form is how calls are written, to make a grammar of. In its texts {id} stands for an ID of nine letters and digits,
// {n} for a number and {nl} for a line end that may be missing.
type form struct {
	open, close   string // around all calls
	before        string // comes before the name
	middle, after string // around the arguments
	between       string // between calls
	single        bool   // there is but one call
}

// Grammar returns a grammar in llama.cpp's GBNF for an answer that calls tools and says nothing else (but see Lazy),
// though it may think first: its root is the whole answer up to the token that ends it. Arguments are in the order of
// the schema. Where they stand between tags, strings follow enum and const of their schema, and nothing else of it.
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
		g.rule("root", start+thoughts+g.written(form.open)+" call"+more)
	}
	list := make([]string, len(calls))
	for i, c := range calls {
		list[i] = literal(c.name) + " " + g.written(form.middle) + " " + c.args
	}
	g.rule("call", g.written(form.before)+" named")
	g.rule("named", strings.Join(list, " | "))
	g.rule("space", `[ \t\n]{0,4}`)
	g.rule("nl", `"\n"?`)
	g.rule("id", "[a-zA-Z0-9]{9}")
	g.rule("n", "[0-9]{1,3}")
	return g.text.String(), nil
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
	if len(calls) == 0 {
		return nil, fmt.Errorf("no tool %q to call among %d", g.opt.Name, len(tools))
	}
	return calls, nil
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
	if id, n := g.control(s); n > 0 {
		return symbol{token: id, control: true}.String(), n
	}
	return "", 0
}

// control returns the control token that s begins with, and its length; 0 for none.
func (g *grammar) control(s string) (id int32, n int) {
	if g.opt.Token == nil || s == "" || !strings.Contains("<[｜", s[:1]) {
		return 0, 0
	}
	for n := min(len(s), maxName); n > 1; n-- {
		if id, ok := g.opt.Token(s[:n]); ok {
			return id, n
		}
	}
	return 0, 0
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
	if t, ok := g.f.calls.(*taggedCalls); ok {
		return g.tags(t, schema)
	}
	if schema.Len() == 0 {
		schema = chat.NewObject(chat.Field{Name: "type", Value: "object"})
	}
	return g.opt.Schema(schema)
}

// tags returns the expression of arguments between tags.
func (g *grammar) tags(t *taggedCalls, schema chat.Object) (string, error) {
	properties, _ := member(schema, "properties")
	v, _ := schema.Get("required")
	required, _ := v.([]any)
	var b strings.Builder
	for _, p := range properties.Fields() {
		of, _ := member(properties, p.Name)
		value, err := g.tag(t, schema, of)
		if err != nil {
			return "", err
		}
		argument := g.written(t.key+p.Name) + " " + value + " nl"
		for _, r := range required {
			if r == p.Name {
				b.WriteString(" " + argument)
				argument = ""
			}
		}
		if argument != "" {
			b.WriteString(" (" + argument + ")?")
		}
	}
	return b.String(), nil
}

// tag returns the expression of an argument behind its name.
func (g *grammar) tag(t *taggedCalls, root, schema chat.Object) (string, error) {
	kind := kindOf(root, schema, 0)
	isText := kind == kindUnknown || kind&kindString != 0
	end := t.keyEnd[0]
	for _, e := range t.keyEnd { // the tag that tells the kind, if there is one
		if e.kind == kindString && isText || e.kind == kindData && !isText {
			end = e
		}
	}
	before, line := g.written(end.text), ""
	if t.value != "" {
		before += " nl " + g.written(t.value)
	}
	if t.lines {
		line = "\n"
	}
	before += " " + g.written(line)
	if texts := stringsOf(schema); texts != nil {
		return before + " (" + strings.Join(texts, " | ") + ") " + g.written(line+t.valueEnd), nil
	}
	if isText {
		return before + " " + g.upTo(t.valueEnd), nil // the parser takes a line end away, if there is one
	}
	for _, name := range []string{"$defs", "definitions"} { // what references of the value are to
		if defs, ok := root.Get(name); ok {
			schema.Set(name, defs)
		}
	}
	value, err := g.opt.Schema(schema)
	return strings.Join([]string{before, value, g.written(line + t.valueEnd)}, " "), err
}

// stringsOf returns the literals of a schema that allows certain strings only; nil for others.
func stringsOf(schema chat.Object) []string {
	v, ok := schema.Get("enum")
	list, _ := v.([]any)
	if c, isConst := schema.Get("const"); isConst {
		list, ok = []any{c}, true
	}
	if !ok {
		return nil
	}
	var texts []string
	for _, v := range list {
		text, ok := v.(string)
		if !ok {
			return nil
		}
		texts = append(texts, literal(text))
	}
	return texts
}
