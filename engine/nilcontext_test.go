package engine

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/latentgo/latentgo/tokenizer"
)

// A nil context is the background, wherever one is asked for.
func TestNilContext(t *testing.T) {
	model := tinyLlama()
	model.bytes, model.voc = true, 259
	path := model.build().AddKV("tokenizer.chat_template", "{{ messages[0].content }}").Write(t)
	var none context.Context
	m, err := LoadContext(none, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s := newSession(t, m, nil)
	if _, err := s.Eval(none, []int32{1, 2}); err != nil {
		t.Error(err)
	}
	if err := s.EvalAll(none, []int32{1, 2}, func(int, []float32) error { return nil }); err != nil {
		t.Error(err)
	}
	conv := tokenizer.Conversation{Messages: []tokenizer.Message{tokenizer.NewMessage("user", "abc")}}
	if _, err := m.RenderChat(none, conv); err != nil {
		t.Error(err)
	}
	opt := &GenerateOptions{MaxTokens: 2}
	for name, answer := range map[string]func(func(Piece, error) bool){
		"Generate": s.Generate(none, []int32{1, 2}, opt), "going on": s.Generate(none, nil, opt),
		"wrong": s.Generate(none, []int32{-1}, opt), "GenerateText": s.GenerateText(none, "ab", opt), "Chat": s.Chat(none, conv, opt),
	} {
		for _, err := range answer {
			if (name == "wrong") != errors.Is(err, ErrToken) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := Convert(none, path, filepath.Join(t.TempDir(), "out.gguf"), &ConvertOptions{}); err == nil {
		t.Error("Convert without a form is accepted")
	}
}
