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
			if ambiguous[name] || testing.Short() && !strings.HasSuffix(name, "/nested") && !strings.HasSuffix(name, "/two") {
				continue
			}
			t.Run(name, func(t *testing.T) {
				calls := backCalls(t, texts)
				thereAndBack(t, file, reply.Answer{Calls: calls})
				thereAndBack(t, file, reply.Answer{Calls: calls, Text: "Let me look."})
				thereAndBack(t, file, reply.Answer{Calls: calls, Thinking: "Hm, well."})
				thereAndBack(t, file, reply.Answer{Calls: calls, Text: "Let me look.", Thinking: "Hm, well."})
			})
		}
	}
}

// writesNoCalls are templates that leave out what an assistant has called.
var writesNoCalls = map[string]bool{
	"LFM2-8B-A1B.jinja": true, "google-gemma-2-2b-it.jinja": true, "ibm-granite-granite-3.3-2B-Instruct.jinja": true,
}

// ambiguous are templates that put quotes around strings without escaping those within.
var ambiguous = map[string]bool{"LFM2.5-8B-A1B.jinja/code": true, "LFM2.5-8B-A1B.jinja/quotes": true}

// rewrites are templates that put an answer's text elsewhere than its model does: Nemotron behind an opening mark alone,
// DeepSeek R1 behind the calls, or instead of them; gpt-oss says it as thoughts, and Apriel opens thoughts without a
// mark.
var rewrites = map[string]bool{
	"NVIDIA-Nemotron-Nano-v2.jinja": true, "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B.jinja": true, "llama-cpp-deepseek-r1.jinja": true,
	"openai-gpt-oss-120b.jinja": true, "unsloth-Apriel-1.5.jinja": true, "Apriel-1.6-15b-Thinker-fixed.jinja": true,
}

// rendered returns a template and what it writes of an answer behind a prompt. raised tells that the template refuses
// it.
func rendered(t *testing.T, file string, a reply.Answer) (f *reply.Format, tools []chat.Object, prompt, said string, raised bool) {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := chat.Parse(string(src))
	if err != nil {
		t.Fatal(err)
	}
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", "Weather?")}, AddGenerationPrompt: true}
	if err := json.Unmarshal([]byte(weatherTools), &conv.Tools); err != nil {
		t.Fatal(err)
	}
	opt := chat.RenderOptions{BOS: "<BOS>", EOS: "<EOS>", Now: time.Unix(1700000000, 0)}
	before, err := tmpl.Render(context.Background(), conv, opt)
	if err != nil {
		t.Fatal(err)
	}
	conv.AddGenerationPrompt = false
	conv.Messages = append(conv.Messages, a.Message())
	after, err := tmpl.Render(context.Background(), conv, opt)
	if errors.As(err, new(*chat.RaiseError)) {
		return nil, nil, "", "", true
	}
	if err != nil {
		t.Fatal(err)
	}
	prompt, said = assistantPart(before.String(), after.String())
	return reply.FormatOf(tmpl), conv.Tools, prompt, said, false
}

func thereAndBack(t *testing.T, file string, given reply.Answer) {
	f, tools, prompt, said, raised := rendered(t, file, given)
	calls := given.Calls
	switch n := strings.Count(said, calls[0].Name); {
	case raised && len(calls) > 1: // one call at a time
		return
	case given.Text+given.Thinking != "" && rewrites[filepath.Base(file)]:
		return
	case n == 0 && writesNoCalls[filepath.Base(file)], n == 1 && len(calls) == 2:
		return // what the template leaves out cannot be read
	case n == 0:
		t.Fatalf("%q has no calls", said)
	}
	p := f.NewParser(reply.Options{Tools: tools, Prompt: chat.Rendering{{Text: prompt, FromTemplate: true}}, NewID: numbered()})
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
	checkSaid(t, f, said, "text", a.Text, given.Text)
	checkSaid(t, f, said, "thinking", a.Thinking, given.Thinking)
}

// checkSaid compares a text with the one that was given, which the template may leave out; what ends the turn may come
// behind it.
func checkSaid(t *testing.T, f *reply.Format, said, what, got, want string) {
	t.Helper()
	if want == "" || !strings.Contains(said, want) {
		if strings.Contains(got, "get_weather") || what == "thinking" && strings.TrimSpace(got) != "" {
			t.Errorf("%s: %q: %s %q", f.Name(), said, what, got)
		}
		return
	}
	if !strings.HasPrefix(strings.TrimSpace(got), want) || what == "thinking" && strings.TrimSpace(got) != want {
		t.Errorf("%s: %q: %s %q", f.Name(), said, what, got)
	}
}

// assistantPart returns what a rendering says behind a prompt. Where the prompt opens thoughts that a message in the
// past does not have, prompt is cut before them.
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
