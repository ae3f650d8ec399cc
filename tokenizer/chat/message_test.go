package chat_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/tokenizer/chat"
)

// TestConversationJSON: order, numbers and unknown keys survive a round trip.
func TestConversationJSON(t *testing.T) {
	const data = `{"messages":[{"content":"é <b>","role":"user","z":{"b":2.0,"a":[1,null,true]}}],` +
		`"tools":[{"type":"function","function":{"name":"f"}}],"documents":[],"enable_thinking":false,"add_generation_prompt":true}`
	var conv chat.Conversation
	if err := json.Unmarshal([]byte(data), &conv); err != nil {
		t.Fatal(err)
	}
	if len(conv.Messages) != 1 || len(conv.Tools) != 1 || !conv.AddGenerationPrompt || conv.Vars.Len() != 2 {
		t.Fatalf("decoded %+v", conv)
	}
	out, err := conv.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.ReplaceAll(strings.ReplaceAll(string(out), `\u003c`, "<"), `\u003e`, ">"); got != data {
		t.Errorf("got  %s\nwant %s", got, data)
	}
}

func TestConversationInvalid(t *testing.T) {
	for _, data := range []string{
		`[]`, `{}`, `{"messages": 1}`, `{"messages": null}`, `{"messages": ["x"]}`, `{"messages": [null]}`,
		`{"messages": [], "tools": {}}`, `{"messages": [], "tools": ["f"]}`, `{"messages": [], "add_generation_prompt": 1}`,
		`{"messages": [` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `]}`,
	} {
		var conv chat.Conversation
		if err := json.Unmarshal([]byte(data), &conv); !errors.Is(err, chat.ErrConversation) {
			t.Errorf("%.60s: %v", data, err)
		}
	}
	var o chat.Object
	for _, data := range []string{``, `{`, `{"a"`, `{"a":1} x`, `{"a":}`} {
		if o.UnmarshalJSON([]byte(data)) == nil {
			t.Errorf("%q decoded", data)
		}
	}
}

// TestConversationNullTools: null is a value of its own, not a missing key.
func TestConversationNullTools(t *testing.T) {
	var conv chat.Conversation
	if err := json.Unmarshal([]byte(`{"messages": [], "tools": null}`), &conv); err != nil {
		t.Fatal(err)
	}
	got, err := render(t, `{{ tools }}`, conv, chat.RenderOptions{})
	if err != nil || got != "None" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestMessage(t *testing.T) {
	m := chat.NewMessage("user", "hello")
	if m.Role() != "user" || m.Content() != "hello" {
		t.Errorf("message %v", m)
	}
	copied := m
	copied.Set("content", "changed")
	copied.Set("name", "n")
	if m.Content() != "hello" || m.Len() != 2 || copied.Content() != "changed" || copied.Len() != 3 {
		t.Errorf("copies are not independent: %v, %v", m, copied)
	}
	data, err := json.Marshal(copied)
	if want := `{"role":"user","content":"changed","name":"n"}`; err != nil || string(data) != want {
		t.Errorf("got %s, %v", data, err)
	}
	var parts chat.Message
	if err := json.Unmarshal([]byte(`{"content": [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}], "role": 5}`), &parts); err != nil {
		t.Fatal(err)
	}
	if parts.Content() != "ab" || parts.Role() != "" {
		t.Errorf("parts: %q, role %q", parts.Content(), parts.Role())
	}
	if empty := (chat.Message{}); empty.Content() != "" || empty.Role() != "" || empty.ToolCalls() != nil {
		t.Errorf("zero message: %v", empty)
	}
}

// TestObject: the last of several values stays at the place of the first.
func TestObject(t *testing.T) {
	o := chat.NewObject(chat.Field{Name: "a", Value: 1}, chat.Field{Name: "b", Value: 2}, chat.Field{Name: "a", Value: 3})
	data, err := json.Marshal(o)
	if err != nil || string(data) != `{"a":3,"b":2}` {
		t.Errorf("got %s, %v", data, err)
	}
	var p chat.Object
	if err := json.Unmarshal([]byte(`{"a":1,"b":2,"a":3}`), &p); err != nil {
		t.Fatal(err)
	}
	if v, ok := p.Get("a"); !ok || v != json.Number("3") || p.Fields()[0].Name != "a" {
		t.Errorf("duplicate keys: %v", p)
	}
	if _, ok := p.Get("zz"); ok {
		t.Error("a missing field was found")
	}
}
