package tools_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/grammar"
	"github.com/latentgo/latentgo/engine/tools"
	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// shortTemplate is Hermes' syntax in a prompt that fits a tiny model.
const shortTemplate = `{% for m in messages %}{{ m.content }}{% endfor %}{% if tools %}{{ tools | length }}{% endif %}{# <tool_call> #}`

// say returns an answer, and why it ended.
func say(t testing.TB, m *engine.Model, conv chat.Conversation, choice tools.Choice, opt *engine.GenerateOptions) (reply.Answer, string, error) {
	t.Helper()
	s, err := m.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var a reply.Answer
	for piece, err := range tools.Chat(t.Context(), s, conv, choice, opt) {
		if err != nil {
			return a, "", err
		}
		a.Text += piece.Text
		a.Thinking += piece.Thinking
		a.Add(piece.Calls...)
	}
	return a, s.Stats().Reason, nil
}

func options(seed int64, tokens int) *engine.GenerateOptions {
	return &engine.GenerateOptions{MaxTokens: tokens, Sampling: &engine.Sampling{Temperature: 1, Seed: seed}}
}

// TestRequired: a random model, which would say anything, calls the tool, or its answer was cut.
func TestRequired(t *testing.T) {
	m := loadTiny(t, shortTemplate, nil)
	conv := conversation(t, toolsJSON)
	whole := 0
	for seed := range int64(12) {
		a, reason, err := say(t, m, conv, tools.Choice{Mode: tools.Required, Name: "run", Single: true}, options(seed+1, 300))
		if err != nil {
			t.Fatal(err)
		}
		if reason != engine.ReasonEOG {
			continue
		}
		whole++
		if len(a.Calls) != 1 || a.Calls[0].Name != "run" || a.Err != nil || strings.TrimSpace(a.Text) != "" {
			t.Errorf("seed %d: %+v", seed, a)
		}
	}
	if whole < 8 {
		t.Errorf("%d answers of 12 were whole", whole)
	}
}

// TestNone: without the tools there are no calls, whatever the model writes, and the template does not know them.
func TestNone(t *testing.T) {
	m := loadTiny(t, shortTemplate, nil)
	conv := conversation(t, toolsJSON)
	with, err := m.CountTokens("Weather?2")
	if err != nil {
		t.Fatal(err)
	}
	conv.Vars = chat.NewObject(chat.Field{Name: "tools", Value: []any{}}, chat.Field{Name: "other", Value: true})
	a, _, err := say(t, m, conv, tools.Choice{Mode: tools.None}, options(1, 8))
	if err != nil || len(a.Calls) != 0 {
		t.Error(a, err)
	}
	s, err := m.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	for range tools.Chat(t.Context(), s, conv, tools.Choice{Mode: tools.None}, options(1, 1)) {
	}
	if n := s.Stats().PromptTokens; n != with-1+1 { // "Weather?" and BOS
		t.Errorf("%d tokens of prompt", n)
	}
}

// TestAuto: text is free until a call begins, and then is held to the call.
func TestAuto(t *testing.T) {
	m := loadTiny(t, shortTemplate, nil)
	conv := conversation(t, toolsJSON)
	tok, err := m.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	opt := options(3, 400)
	want, said := "Well. <tool_call>", 0
	opt.Logits = func(_ []int32, logits []float32) {
		if said < len(want) {
			logits[3+int32(want[said])] = 1000
			said++
			return
		}
		for _, id := range tok.EOG() {
			logits[id] += 2
		}
	}
	a, reason, err := say(t, m, conv, tools.Choice{Single: true}, opt)
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(a.Text) != "Well." || reason == engine.ReasonEOG && (len(a.Calls) != 1 || a.Err != nil) {
		t.Errorf("%s %+v", reason, a)
	}
	free, _, err := say(t, m, conv, tools.Choice{}, options(3, 40))
	plain, _, err2 := say(t, m, conv, tools.Choice{Mode: tools.None}, options(3, 40))
	if err != nil || err2 != nil || free.Text == "" || plain.Text == "" {
		t.Error(free, plain, err, err2)
	}
}

// TestSmallModel: a real model that knows nothing of tools calls one when it has to.
func TestSmallModel(t *testing.T) {
	m, err := engine.Load(testenv.Model(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	conv := conversation(t, `[{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {
		"city": {"type": "string", "maxLength": 20}, "unit": {"enum": ["C", "F"]}, "days": {"type": "integer", "minimum": 1, "maximum": 14}},
		"required": ["city", "unit", "days"]}}}]`)
	conv.Messages[0] = chat.NewMessage("user", "What is the weather in Oslo? Call get_weather.")
	for seed := range int64(1) {
		a, reason, err := say(t, m, conv, tools.Choice{Mode: tools.Required}, options(seed+1, 120))
		if err != nil || reason != engine.ReasonEOG || len(a.Calls) != 1 || a.Err != nil {
			t.Fatalf("seed %d: %s %+v %v", seed, reason, a, err)
		}
		args := a.Calls[0].Arguments.(chat.Object)
		city, _ := args.Get("city")
		unit, _ := args.Get("unit")
		if _, ok := city.(string); !ok || unit != "C" && unit != "F" || args.Len() != 3 {
			t.Errorf("seed %d: %+v", seed, args)
		}
	}
}

// TestErrors: what cannot be done says so before anything is evaluated.
func TestErrors(t *testing.T) {
	m := loadTiny(t, shortTemplate, nil)
	conv := conversation(t, toolsJSON)
	unique := conversation(t, `[{"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": true}}, "required": ["a"]}}]`)
	g, err := grammar.GBNF(`root ::= "x"`)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		conv   chat.Conversation
		choice tools.Choice
		opt    *engine.GenerateOptions
		want   error
	}{
		"mode":     {conv, tools.Choice{Mode: "maybe"}, nil, tools.ErrChoice},
		"none of":  {conv, tools.Choice{Mode: tools.None, Name: "run"}, nil, tools.ErrChoice},
		"unknown":  {conv, tools.Choice{Mode: tools.Required, Name: "walk"}, nil, nil},
		"no tools": {chat.Conversation{Messages: conv.Messages}, tools.Choice{Mode: tools.Required}, nil, nil},
		"grammar":  {conv, tools.Choice{}, &engine.GenerateOptions{Grammar: g}, nil},
		"schema":   {unique, tools.Choice{Mode: tools.Required}, nil, grammar.ErrUnsupported},
	} {
		_, _, err := say(t, m, c.conv, c.choice, c.opt)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if g, err := tools.Grammar(t.Context(), m, unique, tools.Choice{}); g == nil || err != nil {
		t.Errorf("Auto with a schema that cannot be enforced: %v", err)
	}
	for _, err := range tools.Chat(t.Context(), &engine.Session{}, conv, tools.Choice{}, nil) {
		if err == nil {
			t.Error("a session without a model")
		}
	}
}

// TestChoiceJSON reads the OpenAI API's tool_choice.
func TestChoiceJSON(t *testing.T) {
	for text, want := range map[string]tools.Choice{
		`"auto"`: {Mode: tools.Auto}, `"none"`: {Mode: tools.None}, `"required"`: {Mode: tools.Required},
		`{"type": "function", "function": {"name": "f"}}`: {Mode: tools.Required, Name: "f"},
		`{"type": "function", "name": "f"}`:               {Mode: tools.Required, Name: "f"},
	} {
		var got tools.Choice
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %+v %v", text, got, err)
		}
	}
	for _, text := range []string{`"any"`, `{"type": "function"}`, `{"function": {"name": "f"}}`, `1`} {
		if err := json.Unmarshal([]byte(text), new(tools.Choice)); !errors.Is(err, tools.ErrChoice) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
