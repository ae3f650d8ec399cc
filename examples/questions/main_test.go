package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// Forks find the document in their cache.
func TestForksShare(t *testing.T) {
	model, err := engine.Load("../../engine/testdata/tiny.gguf", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	session, err := model.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	document := chat.NewMessage("system", strings.Repeat("It rains. ", 20))
	if err := read(t.Context(), model, session, document); err != nil {
		t.Fatal(err)
	}
	read := len(session.Tokens())
	fork, err := session.Fork()
	if err != nil {
		t.Fatal(err)
	}
	conv := chat.Conversation{Messages: []chat.Message{document, chat.NewMessage("user", "Does it rain?")}}
	for _, err := range fork.Chat(t.Context(), conv, &engine.GenerateOptions{MaxTokens: 1}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := fork.Stats().CachedTokens; read < 150 || n != read {
		t.Errorf("%d tokens read, %d of them found", read, n)
	}
}

// A small model finds facts in a short document.
func TestQuestions(t *testing.T) {
	if testing.Short() {
		t.Skip("SmolLM2 answers: left out with -short")
	}
	file := filepath.Join(t.TempDir(), "report.txt")
	if err := os.WriteFile(file, []byte("The bridge over the river is 80 metres long. It is painted green."), 0o644); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run(t.Context(), testenv.Model(t), file, []string{"How long is the bridge?", "Which colour is the bridge?"}, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "80") || !strings.Contains(out.String(), "green") {
		t.Error(out.String())
	}
}
