package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// rendering is an expectation: a text, or the error of Jinja2.
type rendering struct {
	Text  *string `json:"text"`
	Error string  `json:"error"`
}

// templateGolden is the form of golden.json beside the templates.
type templateGolden struct {
	Conversations map[string]chat.Conversation
	BOS           string `json:"bos_token"`
	EOS           string `json:"eos_token"`
	Now           string
	Expected      map[string]map[string]rendering
}

// loadJSON reads a file into v.
func loadJSON(t testing.TB, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// compile reads and compiles a template's file.
func compile(t testing.TB, path string) *chat.Template {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := chat.Parse(string(src))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return tmpl
}

// lenient are the errors of Jinja2 that need not be errors here: changing a
// list is allowed, and generators can be written as JSON.
func lenient(jinja string) bool {
	return strings.HasPrefix(jinja, "SecurityError: access to attribute 'append'") ||
		strings.HasPrefix(jinja, "TypeError: Object of type generator is not JSON serializable")
}

// runGolden renders everything in dir/golden.json.
func runGolden(t *testing.T, dir string) {
	var g templateGolden
	loadJSON(t, filepath.Join(dir, "golden.json"), &g)
	now, err := time.Parse("2006-01-02T15:04:05", g.Now)
	if err != nil {
		t.Fatal(err)
	}
	opt := chat.RenderOptions{BOS: g.BOS, EOS: g.EOS, Now: now}
	for file, byConversation := range g.Expected {
		tmpl := compile(t, filepath.Join(dir, file))
		for name, want := range byConversation {
			t.Run(file+"/"+name, func(t *testing.T) {
				got, err := tmpl.Render(context.Background(), g.Conversations[name], opt)
				checkRendering(t, got.String(), err, want)
			})
		}
	}
}

// checkRendering compares a rendering with the expectation.
func checkRendering(t *testing.T, got string, err error, want rendering) {
	t.Helper()
	switch {
	case want.Text != nil && err != nil:
		t.Error(err)
	case want.Text != nil && got != *want.Text:
		t.Errorf("got  %q\nwant %q", got, *want.Text)
	case want.Text == nil && err == nil && !lenient(want.Error):
		t.Errorf("no error; Jinja2: %s", want.Error)
	}
	raised := new(chat.RaiseError)
	if text, ok := strings.CutPrefix(want.Error, "TemplateError: "); ok && err != nil {
		if !errors.As(err, &raised) || raised.Message != text {
			t.Errorf("error %v, want a RaiseError of %q", err, text)
		}
	}
}

// TestTemplateGolden holds the shared vectors against Jinja2, byte for byte.
func TestTemplateGolden(t *testing.T) {
	runGolden(t, testenv.Shared(t, "vectors/chat"))
}

// TestTemplateSample does the same with the vectors of this repository.
func TestTemplateSample(t *testing.T) {
	runGolden(t, filepath.Join("testdata"))
}

// TestTemplateSnippets holds single expressions and statements against Jinja2.
func TestTemplateSnippets(t *testing.T) {
	var s struct {
		Conversation           chat.Conversation
		Expressions, Templates [][2]*string
	}
	loadJSON(t, filepath.Join("testdata", "snippets.json"), &s)
	for _, pair := range s.Expressions {
		src := "{{ " + *pair[0] + " }}"
		s.Templates = append(s.Templates, [2]*string{&src, pair[1]})
	}
	opt := chat.RenderOptions{BOS: "<BOS>", EOS: "<EOS>", Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	for _, pair := range s.Templates {
		tmpl, err := chat.Parse(*pair[0])
		got := ""
		if err == nil {
			var r chat.Rendering
			r, err = tmpl.Render(context.Background(), s.Conversation, opt)
			got = r.String()
		}
		switch {
		case pair[1] == nil && err == nil:
			t.Errorf("%s\ngot %q, Jinja2 fails", *pair[0], got)
		case pair[1] != nil && err != nil:
			t.Errorf("%s\n%v", *pair[0], err)
		case pair[1] != nil && got != *pair[1]:
			t.Errorf("%s\ngot  %q\nwant %q", *pair[0], got, *pair[1])
		}
	}
}
