package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/latentgo/latentgo/engine"
)

// A second run finds what the first has evaluated; with a damaged session it evaluates all again.
func TestResume(t *testing.T) {
	name := filepath.Join(t.TempDir(), "talk")
	var stats [3]engine.Stats
	for i := range stats {
		model, err := engine.Load("../../engine/testdata/tiny.gguf", nil)
		if err != nil {
			t.Fatal(err)
		}
		if stats[i], err = run(t.Context(), model, name, "Hello!", io.Discard); err != nil {
			t.Fatal(err)
		}
		model.Close()
		if i == 1 {
			if err := os.WriteFile(name+".session", []byte("damaged"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	first, second, third := stats[0], stats[1], stats[2]
	if first.CachedTokens != 0 || second.CachedTokens < first.PromptTokens || third.CachedTokens != 0 || third.PromptTokens < second.PromptTokens {
		t.Errorf("%+v", stats)
	}
}
