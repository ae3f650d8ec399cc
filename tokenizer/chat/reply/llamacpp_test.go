package reply_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// llamaCases is the form of testdata/llamacpp.json.
type llamaCases struct {
	Templates map[string][]string
	Tools     map[string]chat.Object
	Cases     []llamaCase
}

type llamaCase struct {
	Template, Prompt, Input string
	Tools                   []string
	Text, Thinking          string
	Calls                   []struct {
		ID, Name  string
		Arguments chat.Object
	}
}

func loadLlamaCases(t testing.TB) *llamaCases {
	t.Helper()
	data, err := os.ReadFile("testdata/llamacpp.json")
	if err != nil {
		t.Fatal(err)
	}
	c := &llamaCases{}
	if err := json.Unmarshal(data, c); err != nil {
		t.Fatal(err)
	}
	return c
}

// parser returns a parser as the case needs it.
func (l *llamaCases) parser(t testing.TB, c llamaCase) *reply.Parser {
	t.Helper()
	tools := []chat.Object{}
	for _, name := range c.Tools {
		tools = append(tools, l.Tools[name])
	}
	return formatWith(t, l.Templates[c.Template]...).NewParser(reply.Options{
		Tools: tools, Prompt: chat.Rendering{{Text: c.Prompt, FromTemplate: true}}, NewID: numbered(),
	})
}

// formatWith returns the format of a template that has the texts.
func formatWith(t testing.TB, texts ...string) *reply.Format {
	t.Helper()
	tmpl, err := chat.Parse(strings.Join(texts, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return reply.FormatOf(tmpl)
}

// numbered returns a maker of the IDs id0, id1, …
func numbered() func() string {
	n := 0
	return func() string {
		n++
		return "id" + string(rune('0'+n-1))
	}
}

// better tells of cases in which llama.cpp's result is not wanted.
func better(c llamaCase) string {
	switch {
	case strings.HasPrefix(c.Thinking, "<think>"):
		return "a mark that repeats the prompt's is no thought"
	case strings.HasPrefix(c.Thinking, "Here are my reasoning steps:"):
		return "a mark that the prompt has is no thought"
	case strings.Contains(c.Input, "<label>]<]minimax[>[<text>"):
		return "tags in a value of several types are an object"
	}
	return ""
}

// TestLlamaCases holds the parsers against llama.cpp's own tests. White space around texts is not compared: llama.cpp
// keeps it before some markers.
func TestLlamaCases(t *testing.T) {
	l := loadLlamaCases(t)
	for _, c := range l.Cases {
		if better(c) != "" {
			continue
		}
		t.Run(c.Template, func(t *testing.T) {
			var a reply.Answer
			p := l.parser(t, c)
			a.Add(p.Push(c.Input)...)
			a.Add(p.Close()...)
			if got := strings.TrimSpace(a.Text); got != strings.TrimSpace(c.Text) {
				t.Errorf("%q\ntext %q\nwant %q", c.Input, got, c.Text)
			}
			if got := strings.TrimSpace(a.Thinking); got != strings.TrimSpace(c.Thinking) {
				t.Errorf("%q\nthinking %q\nwant     %q", c.Input, got, c.Thinking)
			}
			if len(a.Calls) != len(c.Calls) {
				t.Fatalf("%q\n%d calls, want %d; %v", c.Input, len(a.Calls), len(c.Calls), a.Err)
			}
			for i, call := range a.Calls {
				want := c.Calls[i]
				if call.Name != want.Name || !sameJSON(t, call.Arguments, want.Arguments) || want.ID != "" && call.ID != want.ID {
					t.Errorf("%q\ncall %+v\nwant %+v", c.Input, call, want)
				}
			}
		})
	}
}

// TestShowsToken: hiding the control tokens that a parser does not ask for changes nothing.
func TestShowsToken(t *testing.T) {
	token := regexp.MustCompile(`<[|｜][^<>{}="]*[|｜]>|</?[a-z:_]+>|\[/?[A-Z_]+\]|<[a-z_]+\|>|<\|[a-z_]+>`)
	l := loadLlamaCases(t)
	hidden := 0
	for _, c := range l.Cases {
		if better(c) != "" || c.Template == "MiniMax-M3" { // whose tags are the names of arguments
			continue
		}
		p := l.parser(t, c)
		text := token.ReplaceAllStringFunc(c.Input, func(token string) string {
			if p.ShowsToken(token) || strings.Contains(c.Text+c.Thinking+fmt.Sprint(c.Calls), token) {
				return token
			}
			hidden++
			return ""
		})
		want, got := show(t, pushed(p, c.Input)), show(t, pushed(l.parser(t, c), text))
		if want != got {
			t.Errorf("%s %q\n%s\nwithout hidden tokens\n%s", c.Template, c.Input, want, got)
		}
	}
	t.Logf("%d tokens hidden", hidden)
}

// sameJSON compares values whose objects may have their keys in another order.
func sameJSON(t testing.TB, a, b any) bool {
	t.Helper()
	var v [2]any
	for i, x := range []any{a, b} {
		data, err := json.Marshal(x)
		if err == nil {
			err = json.Unmarshal(data, &v[i])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return reflect.DeepEqual(v[0], v[1])
}
