package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latentgo/latentgo/tokenizer/chat"
)

// render compiles src and renders a conversation.
func render(t *testing.T, src string, conv chat.Conversation, opt chat.RenderOptions) (string, error) {
	t.Helper()
	tmpl, err := chat.Parse(src)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	r, err := tmpl.Render(context.Background(), conv, opt)
	return r.String(), err
}

// expect renders src without a conversation and compares.
func expect(t *testing.T, src, want string) {
	t.Helper()
	got, err := render(t, src, chat.Conversation{}, chat.RenderOptions{})
	if err != nil || got != want {
		t.Errorf("%s\ngot  %q, %v\nwant %q", src, got, err, want)
	}
}

func TestTemplateChatML(t *testing.T) {
	conv := chat.Conversation{
		Messages:            []chat.Message{chat.NewMessage("system", "S"), chat.NewMessage("user", "U\n")},
		AddGenerationPrompt: true,
	}
	got, err := render(t, chat.ChatML, conv, chat.RenderOptions{})
	want := "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU\n<|im_end|>\n<|im_start|>assistant\n"
	if err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestTemplateVariables: where variables come from, and which come first.
func TestTemplateVariables(t *testing.T) {
	conv := chat.Conversation{Vars: chat.NewObject(
		chat.Field{Name: "a", Value: 1}, chat.Field{Name: "b", Value: 2})}
	opt := chat.RenderOptions{BOS: "<s>", EOS: "</s>", Vars: chat.NewObject(
		chat.Field{Name: "b", Value: []string{"x"}}, chat.Field{Name: "c", Value: map[string]float64{"k": 1.5}})}
	src := `{{ bos_token }}{{ eos_token }} {{ a }} {{ b }} {{ c }} {{ tools is defined }} {{ messages }} {{ add_generation_prompt }}`
	got, err := render(t, src, conv, opt)
	if want := `<s></s> 1 ['x'] {'k': 1.5} False [] False`; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	conv.Tools = []chat.Object{}
	got, err = render(t, `{{ tools }}`, conv, opt)
	if err != nil || got != "[]" {
		t.Errorf("got %q, %v", got, err)
	}
	opt.Vars = chat.NewObject(chat.Field{Name: "x", Value: func() {}})
	if _, err := render(t, `x`, conv, opt); !errors.Is(err, chat.ErrConversation) {
		t.Errorf("a function as a variable: %v", err)
	}
}

func TestTemplateErrors(t *testing.T) {
	for src, line := range map[string]int{"\n{{ a.b }}": 2, "{# \n\n #}{{ 1 + 'x' }}": 3, "{% if\ntrue and\n1 / 0 %}{% endif %}": 3} {
		_, err := render(t, src, chat.Conversation{}, chat.RenderOptions{})
		at, ok := errors.AsType[*chat.TemplateError](err)
		if !ok || at.Line != line || !errors.Is(err, chat.ErrEval) {
			t.Errorf("%q: %v", src, err)
		}
	}
	_, err := render(t, "{% macro m() %}\n{{ raise_exception('no ' ~ 1) }}{% endmacro %}{{ m() }}", chat.Conversation{}, chat.RenderOptions{})
	raised, ok := errors.AsType[*chat.RaiseError](err)
	if !ok || raised.Message != "no 1" {
		t.Errorf("raise_exception: %v", err)
	}
	_, err = chat.Parse("a\n{% if %}")
	at, ok := errors.AsType[*chat.TemplateError](err)
	if !ok || at.Line != 2 || !errors.Is(err, chat.ErrSyntax) {
		t.Errorf("syntax: %v", err)
	}
}

// TestTemplateMessage: an error about something undefined names it.
func TestTemplateMessage(t *testing.T) {
	_, err := render(t, "{{ messages[0].tool.name.x }}", chat.Conversation{
		Messages: []chat.Message{chat.NewMessage("user", "x")}}, chat.RenderOptions{})
	if err == nil || !strings.Contains(err.Error(), "tool") {
		t.Errorf("error %v does not name the attribute", err)
	}
	_, err = render(t, "{{ nope.x }}", chat.Conversation{}, chat.RenderOptions{})
	if err == nil || !strings.Contains(err.Error(), "'nope' is undefined") {
		t.Errorf("error %v does not name the variable", err)
	}
}

func TestTemplateClock(t *testing.T) {
	now := time.Date(2024, 7, 9, 5, 6, 7, 89000, time.UTC)
	for format, want := range map[string]string{
		"%d %b %Y": "09 Jul 2024", "%Y-%m-%dT%H:%M:%S": "2024-07-09T05:06:07", "%-d/%-m/%y %-I %p": "9/7/24 5 AM",
		"%A %a %B %e %j %u %w": "Tuesday Tue July  9 191 2 2", "%U %W %V %G %C": "27 28 28 2024 20",
		"%3d|%_d|%-3d|%05Y|%^b|%#p|%8a|%08a|%5q": "009| 9|  9|02024|JUL|am|     Tue|00000Tue|  %5q",
		"%f|%Z|%z|%%|%q|%":                       "000089|||%|%q|%", "%c %x %X": "Tue Jul  9 05:06:07 2024 07/09/24 05:06:07",
	} {
		got, err := render(t, "{{ strftime_now('"+format+"') }}", chat.Conversation{}, chat.RenderOptions{Now: now})
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", format, got, err, want)
		}
	}
	got, err := render(t, "{{ strftime_now('%Y') }}", chat.Conversation{}, chat.RenderOptions{})
	if year := time.Now().Format("2006"); err != nil || got != year {
		t.Errorf("without a time: %q, %v, want %s", got, err, year)
	}
}

// TestTemplateConcurrent renders one template from several goroutines.
func TestTemplateConcurrent(t *testing.T) {
	tmpl, err := chat.Parse("{% set ns = namespace(s='') %}{% for m in messages %}{% set ns.s = ns.s ~ m.content %}{% endfor %}{{ ns.s }}")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			text := strings.Repeat("x", i)
			conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", text), chat.NewMessage("user", "!")}}
			for range 50 {
				if got, err := tmpl.Render(context.Background(), conv, chat.RenderOptions{}); err != nil || got.String() != text+"!" {
					t.Errorf("got %q, %v", got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestTemplateChanges: a template may change lists and dicts, and its
// changes are gone with the rendering.
func TestTemplateChanges(t *testing.T) {
	expect(t, `{% set l = [1] %}{% set _ = l.append(2) %}{% set _ = l.insert(0, 0) %}{{ l }}{{ l.pop() }}{{ l.pop(0) }}{{ l }}`, "[0, 1, 2]20[1]")
	expect(t, `{% set d = {"a": 1} %}{% set _ = d.update({"b": 2}, c=3) %}{{ d.pop("a") }}{{ d.setdefault("z", 9) }}{{ d }}`, "19{'b': 2, 'c': 3, 'z': 9}")
	expect(t, `{% set l = [1, 2] %}{% for x in l %}{% set _ = l.append(x) %}{% endfor %}{{ l }}`, "[1, 2, 1, 2]")
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", "x")}}
	for range 2 {
		got, err := render(t, `{% set _ = messages.append({"role": "a"}) %}{% set _ = messages[0].update({"content": "y"}) %}{{ messages | length }}`, conv, chat.RenderOptions{})
		if err != nil || got != "2" || len(conv.Messages) != 1 || conv.Messages[0].Content() != "x" {
			t.Errorf("got %q, %v, %v", got, err, conv)
		}
	}
}

// TestTemplateMore has what the snippets cannot hold against Jinja2.
func TestTemplateMore(t *testing.T) {
	expect(t, `{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}`, "1(2,){'x': 3}")
	expect(t, `{% set g = [1, 2] | map("string") %}{{ g | join }}{{ g | join }}{{ "y" if g }}`, "12y")
	expect(t, `{{ [1, 2] | map("string") | tojson }}`, `["1", "2"]`)
	expect(t, `{% set x = 1 %}{% block b %}{% set x = 2 %}{{ x }}{% endblock b %}{{ x }}`, "21")
	expect(t, `{{ 2**64 }} {{ 2**64 // 3 }} {{ -(2**70) }}`, "18446744073709551616 6148914691236517205 -1180591620717411303424")
	expect(t, "a\r\nb\rc\r\n", "a\nb\nc")
}

// TestTemplateNumbers: numbers keep the form that they have in JSON.
func TestTemplateNumbers(t *testing.T) {
	var conv chat.Conversation
	data := `{"messages": [], "x": [2, 2.0, -0, -0.0, 1e3, 1E-7, 123456789012345678901234567890, 1e400, 0.1, 1e16]}`
	if err := json.Unmarshal([]byte(data), &conv); err != nil {
		t.Fatal(err)
	}
	got, err := render(t, `{{ x }} {{ x | tojson }}`, conv, chat.RenderOptions{})
	want := `[2, 2.0, 0, -0.0, 1000.0, 1e-07, 123456789012345678901234567890, inf, 0.1, 1e+16] ` +
		`[2, 2.0, 0, -0.0, 1000.0, 1e-07, 123456789012345678901234567890, Infinity, 0.1, 1e+16]`
	if err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func BenchmarkTemplate(b *testing.B) {
	var g templateGolden
	loadJSON(b, "testdata/golden.json", &g)
	tmpl := compile(b, "testdata/meta-llama-Llama-3.2-3B-Instruct.jinja")
	b.Run("render", func(b *testing.B) {
		for b.Loop() {
			if _, err := tmpl.Render(context.Background(), g.Conversations["toolcall"], chat.RenderOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("compile", func(b *testing.B) {
		for b.Loop() {
			if _, err := chat.Parse(tmpl.Source()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
