package main

import (
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/testenv"
)

// A small model finds the place, and the answer decodes.
func TestExtract(t *testing.T) {
	if testing.Short() {
		t.Skip("SmolLM2 answers: left out with -short")
	}
	const text = "Dear all, the summer concert takes place in Bergen on Saturday. Anna and Piotr will play. Tickets are 12.50."
	e, err := extract(t.Context(), testenv.Model(t), strings.NewReader(text))
	if t.Logf("%+v", e); err != nil || !strings.Contains(e.Place, "Bergen") {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := extract(t.Context(), "none.gguf", strings.NewReader(text)); err == nil {
		t.Error("no model, no error")
	}
}
