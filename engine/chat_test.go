package engine

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// markerTokens are the control tokens of markerModel, behind its bytes.
var markerTokens = []string{"<|im_start|>", "<|im_end|>", "<think>", "</think>", "<tool_call>", "</tool_call>", "<|hidden|>"}

// markerTemplate is a template of the Hermes kind, which opens the thoughts on demand.
const markerTemplate = `{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}{% for c in m.tool_calls %}<tool_call>
{{ {"name": c.function.name, "arguments": c.function.arguments} | tojson }}
</tool_call>{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% if think %}<think>
{% endif %}{% endif %}{# </think> #}`

// markerModel is byteModel with control tokens as markers, and a template.
func markerModel(t *testing.T) *Model {
	t.Helper()
	tokens, types := []string{"<unk>", "<s>", "</s>"}, []int32{2, 3, 3}
	for i := range 256 {
		tokens, types = append(tokens, "<0x"+string("0123456789ABCDEF"[i>>4])+string("0123456789ABCDEF"[i&15])+">"), append(types, 6)
	}
	for _, text := range markerTokens {
		tokens, types = append(tokens, text), append(types, 3)
	}
	m := gguftest.TinyLlama()
	m.Bytes, m.Vocab = true, len(tokens)
	b := m.Build().Set("tokenizer.ggml.tokens", tokens).Set("tokenizer.ggml.token_type", types).Set("tokenizer.ggml.scores", make([]float32, len(tokens)))
	return loadFile(t, b.AddKV("tokenizer.chat_template", markerTemplate).Write(t), Options{})
}

// saying makes a model say a text, with control tokens where it has their texts.
func saying(t *testing.T, m *Model, text string) *GenerateOptions {
	t.Helper()
	var ids []int32
next:
	for text != "" {
		for i, mark := range markerTokens {
			if strings.HasPrefix(text, mark) {
				ids = append(ids, int32(259+i))
				text = text[len(mark):]
				continue next
			}
		}
		ids = append(ids, 3+int32(text[0])) // the byte's token
		text = text[1:]
	}
	ids = append(ids, m.tok.EOG()[0])
	return &GenerateOptions{Sampling: &Sampling{}, Logits: func(_ []int32, logits []float32) {
		if len(ids) > 0 {
			logits[ids[0]] = 1e9
			ids = ids[1:]
		}
	}}
}

func weather(think bool) chat.Conversation {
	fn := chat.NewObject(chat.Field{Name: "name", Value: "get_weather"})
	return chat.Conversation{
		Messages: []chat.Message{chat.NewMessage("user", "Weather? <think>")},
		Tools:    []chat.Object{chat.NewObject(chat.Field{Name: "type", Value: "function"}, chat.Field{Name: "function", Value: fn})},
		Vars:     chat.NewObject(chat.Field{Name: "think", Value: think}),
	}
}

const saidCall = "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>"

// TestChatAnswer: thoughts and calls come apart from the text, control tokens or not, and other control tokens stay
// hidden.
func TestChatAnswer(t *testing.T) {
	m := markerModel(t)
	for name, c := range map[string]struct {
		said, text, thinking string
		calls                int
		open, noTools        bool
	}{
		"text":        {said: "Hello\n", text: "Hello\n"},
		"hidden":      {said: "He<|hidden|>llo", text: "Hello"},
		"call":        {said: "Hm." + saidCall, text: "Hm.", calls: 1},
		"calls":       {said: saidCall + "\n" + saidCall, calls: 2},
		"thoughts":    {said: "<think>\nWell …\n</think>\n\nYes é", text: "Yes é", thinking: "Well …"},
		"opened":      {said: "Well.</think>Yes", text: "Yes", thinking: "Well.", open: true},
		"all":         {said: "Well.</think>Yes" + saidCall, text: "Yes", thinking: "Well.", calls: 1, open: true},
		"no tools":    {said: "Look: " + saidCall, text: "Look: \n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\"}}\n", noTools: true},
		"half a mark": {said: "a </thin", text: "a </thin"},
	} {
		t.Run(name, func(t *testing.T) {
			conv := weather(c.open)
			if c.noTools {
				conv.Tools = nil
			}
			got := readAll(t, newSession(t, m, nil), conv, saying(t, m, c.said))
			if got.Text != c.text || got.Thinking != c.thinking || len(got.Calls) != c.calls || got.Err != nil {
				t.Errorf("%+v", got)
			}
			for _, call := range got.Calls {
				if args := call.Arguments.(chat.Object); call.Name != "get_weather" || args.Len() != 1 || len(call.ID) != 9 {
					t.Errorf("%+v", call)
				}
			}
		})
	}
}

// readAll sums up an answer.
func readAll(t *testing.T, s *Session, conv chat.Conversation, opt *GenerateOptions) reply.Answer {
	t.Helper()
	var a reply.Answer
	for piece, err := range s.Chat(context.Background(), conv, opt) {
		if err != nil {
			t.Fatal(err)
		}
		a.Text += piece.Text
		a.Thinking += piece.Thinking
		a.Add(piece.Calls...)
	}
	return a
}

// TestChatCut: a call that MaxTokens ends is reported, and the text of an answer that was left goes on where it was.
func TestChatCut(t *testing.T) {
	m := markerModel(t)
	s := newSession(t, m, nil)
	opt := saying(t, m, saidCall)
	opt.MaxTokens = 30
	if a := readAll(t, s, weather(false), opt); !errors.Is(a.Err, reply.ErrCut) || len(a.Calls) != 0 || a.Text != "" {
		t.Errorf("%+v", a)
	}
	opt = saying(t, m, "one  \n two")
	text := ""
	for piece, err := range s.Chat(context.Background(), weather(false), opt) {
		if err != nil {
			t.Fatal(err)
		}
		if text += piece.Text; len(s.Tokens()) > 0 && s.Stats().Tokens == 5 {
			break
		}
	}
	for piece, err := range s.Generate(context.Background(), nil, opt) {
		if err != nil {
			t.Fatal(err)
		}
		text += piece.Text
	}
	if text != "one  \n two" {
		t.Errorf("%q", text)
	}
}

// TestChatSpecial: with Special the text is what the model wrote.
func TestChatSpecial(t *testing.T) {
	m := markerModel(t)
	opt := saying(t, m, "<think>a</think><|hidden|>"+saidCall)
	opt.Special = true
	if a := readAll(t, newSession(t, m, nil), weather(false), opt); a.Text != "<think>a</think><|hidden|>"+saidCall {
		t.Errorf("%q", a.Text)
	}
}
