package arch_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// relativeTokens is how many tokens the vectors of gguftest.RelativeVariants are of.
const relativeTokens = 40

// Logits of gguftest.RelativeVariants are llama.cpp's, whether the tokens come one by one, in pieces or all at once,
// and grouped-query attention gives the same plain as in its latent form. LATENTGO_WRITE names a folder to write the
// models to instead, with ids.json, for llama.cpp to compute the logits of in a context of 2,048 tokens.
func TestRelatives(t *testing.T) {
	ids := gguftest.RandomIDs(relativeTokens, gguftest.RelativeVocab)
	if dir := os.Getenv("LATENTGO_WRITE"); dir != "" {
		writeRelatives(t, dir, ids)
		return
	}
	for name, d := range gguftest.RelativeVariants() {
		t.Run(name, func(t *testing.T) {
			limit := 1e-5
			if d.Matrix == ggtype.MXFP4 || d.Layers > 40 { // both round activations, in their own order
				limit = 1e-4
			}
			want := readFloats(t, filepath.Join("../../testdata/relatives", name+".f32"))
			path := d.Build().Write(t)
			m, plain := open(t, path, model.Options{Threads: 2}), open(t, path, model.Options{Threads: 2, PlainGQA: true})
			for _, step := range []int{len(ids), 7, 1} {
				got := logitsIn(t, m, ids, step)
				if e := nmse(got, want); !(e < limit) {
					t.Errorf("%d tokens at a time: error %.2g", step, e)
				}
				if e := nmse(logitsIn(t, plain, ids, step), got); !(e < 1e-9) {
					t.Errorf("%d tokens at a time: plain attention differs by %.2g", step, e)
				}
			}
			together(t, m, attention.F16)
		})
	}
}

func writeRelatives(t *testing.T, dir string, ids []int32) {
	b, err := json.Marshal(ids)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"ids.json": b}
	for name, d := range gguftest.RelativeVariants() {
		files[name+".gguf"] = d.Build().Bytes()
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// logitsIn is logits in a context of 2,048 tokens, as llama.cpp had it.
func logitsIn(t *testing.T, m *model.Model, ids []int32, step int) []float32 {
	t.Helper()
	seq := m.NewSequence(attention.F16, 0)
	seq.SetContext(2048)
	return logitsOf(t, m, seq, ids, step)
}
