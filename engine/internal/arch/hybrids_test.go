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

// hybridTokens is how many tokens the vectors of gguftest.HybridVariants are of: more than a scan takes at a time.
const hybridTokens = 100

// Logits of gguftest.HybridVariants are llama.cpp's, whether the tokens come one by one, in pieces or all at once,
// alone or with other sequences. LATENTGO_WRITE names a folder to write the models to instead, with ids.json, for
// llama.cpp to compute the logits of.
func TestHybrids(t *testing.T) {
	ids := gguftest.RandomIDs(hybridTokens, gguftest.HybridVocab)
	if dir := os.Getenv("LATENTGO_WRITE"); dir != "" {
		writeHybrids(t, dir, ids)
		return
	}
	for name, h := range gguftest.HybridVariants() {
		t.Run(name, func(t *testing.T) {
			limit := 1e-6
			if h.Matrix != ggtype.F32 { // both round activations to 8 bits, which alone is an error of 2e-3 in so small a model
				limit = 1e-3
			}
			want := readFloats(t, filepath.Join("../../testdata/hybrids", name+".f32"))
			path := h.Build().Write(t)
			for _, threads := range []int{1, 3} {
				m := open(t, path, model.Options{Threads: threads})
				for _, step := range []int{len(ids), 70, 1} {
					if e := nmse(logits(t, m, ids, step), want); !(e < limit) {
						t.Errorf("%d threads, %d tokens at a time: error %.2g", threads, step, e)
					}
				}
				together(t, m, attention.F16)
			}
		})
	}
}

func writeHybrids(t *testing.T, dir string, ids []int32) {
	b, err := json.Marshal(ids)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"ids.json": b}
	for name, h := range gguftest.HybridVariants() {
		files[name+".gguf"] = h.Build().Bytes()
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
