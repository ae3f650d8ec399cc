package reply_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/notation"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// schemas stands for a translator of schemas: each becomes a rule of its own.
func schemas(texts *[]string) func(chat.Object, *notation.Notation) (string, error) {
	return func(schema chat.Object, _ *notation.Notation) (string, error) {
		data, err := schema.MarshalJSON()
		*texts = append(*texts, string(data))
		return "schema" + string(rune('0'+len(*texts)-1)), err
	}
}

// grammarCases are whole grammars of the three kinds of syntax.
var grammarCases = []struct {
	name     string
	template []string
	opt      reply.GrammarOptions
	want     string
	schemas  int
}{
	{"json", []string{"<tool_call>"}, reply.GrammarOptions{Several: true}, `root ::= space call (nl call)*
call ::= "<tool_call>\n{\"name\":\x20\"" named
named ::= "get_weather" "\",\x20\"arguments\":\x20" schema0 "}" nl "</tool_call>" | "run" "\",\x20\"arguments\":\x20" schema1 "}" nl "</tool_call>"
space ::= [ \t\n]{0,4}
nl ::= "\n"?
id ::= [a-zA-Z0-9]{9}
n ::= [0-9]{1,3}
`, 2},
	{"named", []string{"[TOOL_CALLS]", "[CALL_ID]"}, reply.GrammarOptions{Name: "run"}, `root ::= space call
call ::= "[TOOL_CALLS]" named
named ::= "run" "[CALL_ID]" id "[ARGS]" schema0
space ::= [ \t\n]{0,4}
nl ::= "\n"?
id ::= [a-zA-Z0-9]{9}
n ::= [0-9]{1,3}
`, 1},
	{"lazy", []string{"[TOOL_CALLS]", "[ARGS]"}, reply.GrammarOptions{Name: "run", Lazy: true, Token: controlTokens}, `free ::= <[7]> named | . free | <[8]> free | ""
root ::= space free
call ::= <[7]> named
named ::= "run" <[8]> schema0
space ::= [ \t\n]{0,4}
nl ::= "\n"?
id ::= [a-zA-Z0-9]{9}
n ::= [0-9]{1,3}
`, 1},
	{"lazy JSON", []string{"none"}, reply.GrammarOptions{Name: "run", Lazy: true}, `free-other ::= (. )*
free ::= "{" free-1 | [^{] free-other | ""
`, 1},
	{"tagged", []string{"<minimax:tool_call>"}, reply.GrammarOptions{Name: "get_weather"}, `until0 ::= "<" until0-1 | [^<] until0
until0-1 ::= "/" until0-2 | "<" until0-1 | [^/<] until0
until0-2 ::= "p" until0-3 | "<" until0-1 | [^p<] until0
until0-3 ::= "a" until0-4 | "<" until0-1 | [^a<] until0
until0-4 ::= "r" until0-5 | "<" until0-1 | [^r<] until0
until0-5 ::= "a" until0-6 | "<" until0-1 | [^a<] until0
until0-6 ::= "m" until0-7 | "<" until0-1 | [^m<] until0
until0-7 ::= "e" until0-8 | "<" until0-1 | [^e<] until0
until0-8 ::= "t" until0-9 | "<" until0-1 | [^t<] until0
until0-9 ::= "e" until0-10 | "<" until0-1 | [^e<] until0
until0-10 ::= "r" until0-11 | "<" until0-1 | [^r<] until0
until0-11 ::= ">" | "<" until0-1 | [^><] until0
root ::= space "<minimax:tool_call>\n" call "\n</minimax:tool_call>"
call ::= "<invoke\x20name=\"" named
named ::= "get_weather" "\">\n" "<parameter\x20name=\"city" "\">" until0 nl ("<parameter\x20name=\"days" "\">" schema0 "</parameter>" nl)? ("<parameter\x20name=\"exact" "\">" schema1 "</parameter>" nl)? ("<parameter\x20name=\"where" "\">" schema2 "</parameter>" nl)? "</invoke>"
space ::= [ \t\n]{0,4}
nl ::= "\n"?
id ::= [a-zA-Z0-9]{9}
n ::= [0-9]{1,3}
`, 3},
}

func TestGrammar(t *testing.T) {
	for _, c := range grammarCases {
		t.Run(c.name, func(t *testing.T) {
			var texts []string
			c.opt.Schema = schemas(&texts)
			got, err := formatWith(t, c.template...).Grammar(tools(t), c.opt)
			if c.name == "lazy JSON" { // the rules of its other places are alike
				got = strings.Join(strings.SplitAfter(got, "\n")[:2], "")
			}
			if err != nil || got != c.want || len(texts) != c.schemas {
				t.Errorf("%v, %d schemas\n%s", err, len(texts), got)
			}
		})
	}
}

// controlTokens are those of a vocabulary.
func controlTokens(text string) (int32, bool) {
	id, ok := map[string]int32{"[TOOL_CALLS]": 7, "[ARGS]": 8}[text]
	return id, ok
}

// TestGrammarThoughts: thoughts may come first, and must end where the prompt has opened them.
func TestGrammarThoughts(t *testing.T) {
	var texts []string
	opt := reply.GrammarOptions{Schema: schemas(&texts)}
	f := formatWith(t, hermes...)
	for prompt, want := range map[string]string{
		"assistant\n":          `root ::= space ("<think>" until0 space )? call`,
		"assistant\n<think>\n": `root ::= space until0 space call`,
	} {
		opt.Prompt = chat.Rendering{{Text: prompt, FromTemplate: true}}
		if g, err := f.Grammar(tools(t), opt); err != nil || !strings.Contains(g, want+"\n") {
			t.Errorf("%q: %v\n%s\nlacks %s", prompt, err, g, want)
		}
	}
}

// TestGrammarOverlap: a text up to a mark does not miss one that begins within another's beginning.
func TestGrammarOverlap(t *testing.T) {
	want := `until0 ::= "a" until0-1 | [^a] until0
until0-1 ::= "a" until0-2 | [^a] until0
until0-2 ::= "b" | "a" until0-2 | [^ba] until0
`
	if got := reply.UpTo("aab"); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestGrammarErrors: schemas that tags cannot follow, tools that are not there, schemas that fail.
func TestGrammarErrors(t *testing.T) {
	ok := reply.GrammarOptions{Schema: schemas(new([]string))}
	var either chat.Object
	if err := json.Unmarshal([]byte(`{"name": "f", "parameters": {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}}`), &either); err != nil {
		t.Fatal(err)
	}
	if _, err := formatWith(t, coder...).Grammar([]chat.Object{either}, ok); !errors.Is(err, reply.ErrNoGrammar) {
		t.Error(err)
	}
	if _, err := formatWith(t, hermes...).Grammar(nil, ok); err == nil || !strings.Contains(err.Error(), "offers none") {
		t.Error(err)
	}
	_, err := formatWith(t, hermes...).Grammar(tools(t), reply.GrammarOptions{Name: "other", Schema: ok.Schema})
	if err == nil || !strings.Contains(err.Error(), `no tool "other" to call: the conversation offers ["get_weather" "run"]`) {
		t.Error(err)
	}
	failing := errors.New("failing")
	fails := reply.GrammarOptions{Schema: func(chat.Object, *notation.Notation) (string, error) { return "", failing }}
	for _, template := range [][]string{hermes, coder} {
		if _, err := formatWith(t, template...).Grammar(tools(t), fails); !errors.Is(err, failing) {
			t.Error(err)
		}
	}
}
