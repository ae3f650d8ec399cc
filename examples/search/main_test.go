package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// A random model knows at least that a line is closest to itself.
func TestSearch(t *testing.T) {
	model := gguftest.TextVariants()["bert"].Write(t)
	notes := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(notes, []byte("the rain in the north\n\nhail and rain\n  the shore is not there\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run(t.Context(), []string{"-m", model, "-n", "2", "hail and rain", notes}, &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if want := "1.000  " + notes + ":3  hail and rain"; len(lines) != 2 || lines[0] != want {
		t.Errorf("got %q, want %q first of 2", lines, want)
	}
	for _, args := range [][]string{{}, {"-m", model, "question"}, {"-m", model, "question", notes + "x"}, {"-m", notes, "question", notes}} {
		if err := run(t.Context(), args, &out); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
