package reply

import (
	"errors"
	"fmt"
	"strconv"
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
	// Prompt is the rendering that the answer follows, as in Options.
	Prompt chat.Rendering
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

// Grammar returns a grammar in llama.cpp's GBNF for an answer that calls tools and says nothing else, but may think
// first: its root is the whole answer up to the token that ends it. Arguments are in the order of the schema.
//
// The error wraps ErrNoGrammar, or is Schema's; it is one as well if tools has none of the name.
func (f *Format) Grammar(tools []chat.Object, opt GrammarOptions) (string, error) {
	if f.form == nil {
		return "", fmt.Errorf("%w: %s", ErrNoGrammar, f.name)
	}
	g := &grammar{f: f, opt: opt, until: map[string]string{}}
	var calls []string
	for _, t := range tools {
		name, schema := toolParts(t)
		if name == "" || opt.Name != "" && name != opt.Name {
			continue
		}
		call, err := g.call(name, schema)
		if err != nil {
			return "", fmt.Errorf("grammar of tool %s: %w", name, err)
		}
		calls = append(calls, call)
	}
	if len(calls) == 0 {
		return "", fmt.Errorf("no tool %q to call among %d", opt.Name, len(tools))
	}
	more := ""
	if opt.Several && !f.form.single {
		more = " (" + written(f.form.between) + " call)*"
	}
	start := "space "
	if f.begin != nil { // within a header
		start = ""
	}
	g.rule("root", start+g.thoughts()+written(f.form.open)+" call"+more+" "+written(f.form.close))
	g.rule("call", strings.Join(calls, " | "))
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

// written returns a literal, with the rules of a form's names.
func written(s string) string {
	var parts []string
	for s != "" {
		at, m := find(s, true, formNames)
		if at > 0 {
			parts = append(parts, literal(s[:at]))
		}
		if s = s[at:]; m >= 0 {
			parts = append(parts, strings.Trim(formNames[m], "{}"))
			s = s[len(formNames[m]):]
		}
	}
	return strings.Join(parts, " ")
}

var formNames = []string{"{id}", "{nl}", "{n}"}

// literal returns s as GBNF has it. White space is escaped, so that rules can be split at it.
func literal(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, " ", `\x20`).Replace(s) + `"`
}

// thoughts returns what may come before the calls.
func (g *grammar) thoughts() string {
	f := g.f
	if len(f.thinking) == 0 {
		return ""
	}
	if i := f.opened(templateEnd(g.opt.Prompt)); i >= 0 {
		return g.upTo(f.thinking[i].close) + " space " + written(f.afterThinking) + " "
	}
	t := f.thinking[0]
	return "(" + written(t.open) + " " + g.upTo(t.close) + " space " + written(f.afterThinking) + ")? "
}

// upTo returns the rule of any text that ends with its first mark. It follows the mark as Knuth, Morris and Pratt do:
// rule i has read i characters of it.
func (g *grammar) upTo(mark string) string {
	if name, ok := g.until[mark]; ok {
		return name
	}
	name := "until" + strconv.Itoa(len(g.until))
	g.until[mark] = name
	chars := []rune(mark)
	at := func(i int) string {
		if i == 0 {
			return name
		}
		return name + "-" + strconv.Itoa(i)
	}
	for i := range chars {
		var body []string
		var seen []rune
		for k := i; k >= 0; k-- { // the longest prefixes of the mark that go on with another character
			c := chars[k]
			if strings.ContainsRune(string(seen), c) || string(chars[:k]) != string(chars[i-k:i]) {
				continue
			}
			seen = append(seen, c)
			if k+1 == len(chars) {
				body = append(body, literal(string(c)))
			} else {
				body = append(body, literal(string(c))+" "+at(k+1))
			}
		}
		g.rule(at(i), strings.Join(append(body, "[^"+class(seen)+"] "+name), " | "))
	}
	return name
}

// class returns characters as they stand between the brackets of a class.
func class(chars []rune) string {
	return strings.NewReplacer(`\`, `\\`, "]", `\]`, "[", `\[`, "^", `\^`, "-", `\-`, "\n", `\n`, " ", `\x20`).Replace(string(chars))
}

// call returns the expression of a call.
func (g *grammar) call(name string, schema chat.Object) (string, error) {
	form := g.f.form
	args, err := "", error(nil)
	if t, ok := g.f.calls.(*taggedCalls); ok {
		args, err = g.tags(t, schema)
	} else {
		if schema.Len() == 0 {
			schema = chat.NewObject(chat.Field{Name: "type", Value: "object"})
		}
		args, err = g.opt.Schema(schema)
	}
	return strings.Join([]string{written(form.before), literal(name), written(form.middle), args, written(form.after)}, " "), err
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
		argument := literal(t.key+p.Name) + " " + value + " nl"
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
	before, line := written(end.text), ""
	if t.value != "" {
		before += " nl " + written(t.value)
	}
	if t.lines {
		line = "\n"
	}
	if isText {
		return before + " " + written(line) + " " + g.upTo(line+t.valueEnd), nil
	}
	value, err := g.opt.Schema(schema)
	return strings.Join([]string{before, written(line), value, written(line + t.valueEnd)}, " "), err
}
