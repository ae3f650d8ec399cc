package reply_test

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
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// weatherTools are the tools of the conversations below.
const weatherTools = `[{"type": "function", "function": {"name": "get_weather", "description": "Weather of a city", "parameters": {
	"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "exact": {"type": "boolean"},
	"where": {"type": "object", "properties": {"lat": {"type": "number"}, "tags": {"type": "array", "items": {"type": "string"}}}}},
	"required": ["city"]}}},
	{"type": "function", "function": {"name": "run", "description": "Runs code", "parameters": {
	"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}}}]`

// backCases are calls that are rendered and read back.
var backCases = map[string][]string{
	"one":     {`{"name": "get_weather", "arguments": {"city": "Oslo", "days": 2}}`},
	"two":     {`{"name": "get_weather", "arguments": {"city": "Oslo"}}`, `{"name": "get_weather", "arguments": {"city": "Łódź \"x\"", "days": 3}}`},
	"nested":  {`{"name": "get_weather", "arguments": {"city": "42", "exact": true, "where": {"lat": 1.5, "tags": ["a", "b"]}}}`},
	"code":    {`{"name": "run", "arguments": {"code": "if a < b:\n    print(\"</x>\")\n\nprint('}')"}}`},
	"quotes":  {`{"name": "run", "arguments": {"code": "s = \"\\n\" # {\"a\": [1]}"}}`},
	"nothing": {`{"name": "run", "arguments": {"code": ""}}`},
}

func backCalls(t testing.TB, texts []string) []chat.ToolCall {
	t.Helper()
	var calls []chat.ToolCall
	for i, text := range texts {
		var v struct {
			Name      string
			Arguments chat.Object
		}
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, chat.ToolCall{ID: "call1234" + string(rune('0'+i)), Name: v.Name, Arguments: v.Arguments})
	}
	return calls
}

// TestThereAndBack renders a conversation with calls through every template, and reads what it says of the assistant.
func TestThereAndBack(t *testing.T) {
	dir := testenv.Shared(t, "vectors/chat")
	files, err := filepath.Glob(filepath.Join(dir, "*.jinja"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		for name, texts := range backCases {
			name := filepath.Base(file) + "/" + name
			if ambiguous[name] {
				continue
			}
			t.Run(name, func(t *testing.T) { thereAndBack(t, file, backCalls(t, texts)) })
		}
	}
}

// writesNoCalls are templates that leave out what an assistant has called.
var writesNoCalls = map[string]bool{
	"LFM2-8B-A1B.jinja": true, "google-gemma-2-2b-it.jinja": true, "ibm-granite-granite-3.3-2B-Instruct.jinja": true,
}

// ambiguous are templates that put quotes around strings without escaping those within.
var ambiguous = map[string]bool{"LFM2.5-8B-A1B.jinja/code": true, "LFM2.5-8B-A1B.jinja/quotes": true}

// asText returns calls with their arguments as the OpenAI API has them.
func asText(t testing.TB, calls []chat.ToolCall) []chat.ToolCall {
	t.Helper()
	calls = append([]chat.ToolCall(nil), calls...)
	for i := range calls {
		data, err := json.Marshal(calls[i].Arguments)
		if err != nil {
			t.Fatal(err)
		}
		calls[i].Arguments = string(data)
	}
	return calls
}

func thereAndBack(t *testing.T, file string, calls []chat.ToolCall) {
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := chat.Parse(string(src))
	if err != nil {
		t.Fatal(err)
	}
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", "Weather?")}}
	if err := json.Unmarshal([]byte(weatherTools), &conv.Tools); err != nil {
		t.Fatal(err)
	}
	opt := chat.RenderOptions{BOS: "<BOS>", EOS: "<EOS>", Now: time.Unix(1700000000, 0)}
	conv.AddGenerationPrompt = true
	prompt, err := tmpl.Render(context.Background(), conv, opt)
	if err != nil {
		t.Fatal(err)
	}
	conv.AddGenerationPrompt = false
	conv.Messages = append(conv.Messages, chat.NewToolCalls("", asText(t, calls)...))
	after, err := tmpl.Render(context.Background(), conv, opt)
	if raised := new(chat.RaiseError); errors.As(err, &raised) && len(calls) > 1 {
		return // one call at a time
	}
	if err != nil {
		t.Fatal(err)
	}
	begin, said := assistantPart(prompt.String(), after.String())
	switch n := strings.Count(said, calls[0].Name); {
	case n == 0 && writesNoCalls[filepath.Base(file)], n == 1 && len(calls) == 2:
		return // what the template leaves out cannot be read
	case n == 0:
		t.Fatalf("%q has no calls", said)
	}
	f := reply.FormatOf(tmpl)
	p := f.NewParser(reply.Options{Tools: conv.Tools, Prompt: chat.Rendering{{Text: begin, FromTemplate: true}}, NewID: numbered()})
	var a reply.Answer
	a.Add(pushed(p, strings.Split(said, "")...)...)
	if len(a.Calls) != len(calls) || a.Err != nil {
		t.Fatalf("%s: %q: %d calls of %d, %v, text %q", f.Name(), said, len(a.Calls), len(calls), a.Err, a.Text)
	}
	for i, c := range a.Calls {
		if c.Name != calls[i].Name || !sameJSON(t, c.Arguments, calls[i].Arguments) {
			t.Errorf("%s: %q: %+v, want %+v", f.Name(), said, c, calls[i])
		}
	}
	if strings.Contains(a.Text, "get_weather") || strings.TrimSpace(a.Thinking) != "" {
		t.Errorf("%s: %q: text %q, thinking %q", f.Name(), said, a.Text, a.Thinking)
	}
}

// assistantPart returns what a rendering says behind a prompt. Where the prompt opens thoughts that a message in the past
// does not have, prompt is cut before them.
func assistantPart(prompt, after string) (cut, said string) {
	n := 0
	for n < len(prompt) && n < len(after) && prompt[n] == after[n] {
		n++
	}
	for n < len(prompt) && n > 0 && !strings.ContainsRune(">]\n", rune(after[n-1])) {
		n-- // within a marker
	}
	return prompt[:n], after[n:]
}

// TestMessagesGoOn: every template takes an answer's message with text, thoughts and a call, and the call's result.
func TestMessagesGoOn(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testenv.Shared(t, "vectors/chat"), "*.jinja"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	call := backCalls(t, backCases["one"])[0]
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tmpl, err := chat.Parse(string(src))
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []reply.Answer{
			{Text: "Ok.", Thinking: "Hm.", Calls: []chat.ToolCall{call}}, {Thinking: "Hm.", Calls: []chat.ToolCall{call}},
			{Text: "Ok.", Thinking: "Hm."}, {Text: "Ok.", Calls: []chat.ToolCall{call}},
		} {
			conv := chat.Conversation{AddGenerationPrompt: true, Messages: []chat.Message{chat.NewMessage("user", "Weather?"), a.Message()}}
			if err := json.Unmarshal([]byte(weatherTools), &conv.Tools); err != nil {
				t.Fatal(err)
			}
			next := chat.NewMessage("user", "And now?")
			if len(a.Calls) > 0 {
				next = chat.NewToolResult(call.ID, call.Name, `{"temperature": -3}`)
			}
			conv.Messages = append(conv.Messages, next)
			if _, err := tmpl.Render(context.Background(), conv, chat.RenderOptions{}); err != nil && !writesNoCalls[filepath.Base(file)] {
				t.Errorf("%s: %+v: %v", filepath.Base(file), a, err)
			}
		}
	}
}
