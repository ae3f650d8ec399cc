package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// chat embed prints a vector for each text, and says what it can't do.
func TestEmbedCommand(t *testing.T) {
	t.Setenv("LATENTGO_CACHE", t.TempDir())
	model := gguftest.TextVariants()["bert"].Write(t)
	decoder := gguftest.TextVariants()["llama"].Delete("llama.pooling_type").Write(t)
	long := strings.Repeat("the ", 300)
	for _, tt := range []struct {
		args  []string
		texts int // 0: an error
		says  string
	}{
		{[]string{"-m", model, "the rain", "the hail"}, 2, ""},
		{[]string{"-m", model, "--dimensions", "7", "--truncate", long}, 1, ""},
		{[]string{"-m", decoder, "--pooling", "last", "the rain"}, 1, ""},
		{[]string{"-m", decoder, "the rain"}, 0, "pooling_type"},
		{[]string{"-m", model, long}, 0, "--truncate"},
		{[]string{"-m", model}, 0, "TEXT"},
	} {
		var out, errs strings.Builder
		code := run(append([]string{"embed"}, tt.args...), strings.NewReader(""), &out, &errs)
		if tt.texts == 0 {
			if code == 0 || !strings.Contains(errs.String(), tt.says) {
				t.Errorf("%.60q: code %d, %s", tt.args, code, errs.String())
			}
			continue
		}
		var got struct{ Embeddings [][]float32 }
		if err := json.Unmarshal([]byte(out.String()), &got); err != nil || code != 0 || len(got.Embeddings) != tt.texts {
			t.Errorf("%.60q: code %d, %v, %d vectors: %s", tt.args, code, err, len(got.Embeddings), errs.String())
		}
	}
}
