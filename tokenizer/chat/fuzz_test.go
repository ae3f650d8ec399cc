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
	"unicode/utf8"

	"github.com/latentgo/latentgo/tokenizer/chat"
)

// fuzzLimits keep one input short.
var fuzzLimits = chat.Limits{Steps: 50_000, Bytes: 4 << 20, Output: 1 << 20}

// FuzzTemplate renders a fuzzed template with a fuzzed conversation, and the
// conversation with one of the fixed templates. Nothing may panic, hang, or give an
// error of an unknown kind.
func FuzzTemplate(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.jinja"))
	if err != nil {
		f.Fatal(err)
	}
	const conv = `{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1.5}}}]}],"add_generation_prompt":true}`
	var fixed []*chat.Template
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		fixed = append(fixed, compile(f, file))
		f.Add(string(src), []byte(conv))
	}
	for _, src := range hostile {
		f.Add(src, []byte(conv))
	}
	var s struct{ Expressions, Templates [][2]*string }
	loadJSON(f, filepath.Join("testdata", "snippets.json"), &s)
	for _, pair := range s.Expressions {
		f.Add("{{ "+*pair[0]+" }}", []byte(conv))
	}
	for _, pair := range s.Templates {
		f.Add(*pair[0], []byte(conv))
	}
	f.Fuzz(func(t *testing.T, src string, data []byte) {
		var c chat.Conversation
		if json.Unmarshal(data, &c) != nil {
			c = chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", string(data))}}
		}
		fuzzRender(t, fixed[(len(src)+len(data))%len(fixed)], c) // all of them would leave a fuzzer few inputs
		tmpl, err := chat.Parse(src)
		if err != nil {
			if !errors.Is(err, chat.ErrSyntax) && !errors.Is(err, chat.ErrLimit) {
				t.Fatalf("compile: %v", err)
			}
			return
		}
		fuzzRender(t, tmpl, c)
	})
}

// fuzzRender renders and checks what any rendering must hold.
func fuzzRender(t *testing.T, tmpl *chat.Template, c chat.Conversation) {
	start := time.Now()
	out, err := tmpl.Render(context.Background(), c, chat.RenderOptions{Limits: fuzzLimits})
	if took := time.Since(start); took > 10*time.Second {
		t.Fatalf("took %v", took)
	}
	if err != nil {
		if strings.Contains(err.Error(), "internal fault") {
			t.Fatalf("render: %v", err)
		}
		var raised *chat.RaiseError
		if !errors.Is(err, chat.ErrEval) && !errors.Is(err, chat.ErrLimit) &&
			!errors.Is(err, chat.ErrConversation) && !errors.As(err, &raised) {
			t.Fatalf("render: %v", err)
		}
		var at *chat.TemplateError
		if !errors.As(err, &at) && !errors.Is(err, chat.ErrConversation) {
			t.Fatalf("error without a line, from the library: %v", err)
		}
		return
	}
	if utf8.ValidString(tmpl.Source()) && len(out.String()) > fuzzLimits.Output {
		t.Fatalf("%d bytes of output", len(out))
	}
}
