package main

import (
	"strings"
	"testing"
)

func TestEmbedded(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), "Once upon a time", &out); err != nil || len(out.String()) < 2 {
		t.Errorf("%q, %v", out.String(), err)
	}
}
