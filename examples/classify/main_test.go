package main

import (
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/testenv"
)

// A random model has no idea, but gives each line a label and a probability, and always the same.
func TestClassify(t *testing.T) {
	in := strings.Repeat("a goal in the last minute\nnew law passed\n", 7)
	var outs [2]strings.Builder
	for i := range outs {
		if err := run(t.Context(), "../../engine/testdata/tiny.gguf", []string{"sports", "politics"}, strings.NewReader(in), &outs[i]); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(strings.TrimSpace(outs[0].String()), "\n")
	if len(lines) != 14 || lines[0] != lines[12] || outs[0].String() != outs[1].String() {
		t.Errorf("%q\n%q", outs[0].String(), outs[1].String())
	}
	for i, line := range lines {
		fields := strings.Fields(line)
		if fields[0] < "0.50" || fields[1] != "sports" && fields[1] != "politics" || !strings.HasSuffix(line, strings.Split(in, "\n")[i]) {
			t.Errorf("%q", line)
		}
	}
	if err := run(t.Context(), "none.gguf", []string{"a", "b"}, strings.NewReader(in), &outs[0]); err == nil {
		t.Error("no model, no error")
	}
}

// A small real model knows a little.
func TestClassifyWell(t *testing.T) {
	if testing.Short() {
		t.Skip("SmolLM2 evaluates prompts: left out with -short")
	}
	var out strings.Builder
	in := "The striker scored three goals in the final match.\nScientists found a new planet with a telescope.\n"
	if err := run(t.Context(), testenv.Model(t), []string{"sports", "science"}, strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(out.String(), "\n"); !strings.Contains(lines[0], " sports ") || !strings.Contains(lines[1], " science ") {
		t.Error(out.String())
	}
}
