package arch_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// TestMoreVectors compares all models of a directory of random models, LATENTGO_VECTORS, that lie there with llama.cpp's logits:
// NAME.gguf, NAME.logits.f32, and ids.json. It logs a table: error of logits in one pass, in pieces, token by token, and of plain
// grouped-query attention.
func TestMoreVectors(t *testing.T) {
	dir := os.Getenv("LATENTGO_VECTORS")
	if dir == "" {
		t.Skip("LATENTGO_VECTORS is not set")
	}
	var ids []int32
	b, err := os.ReadFile(filepath.Join(dir, "ids.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &ids); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.logits.f32"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors in %s: %v", dir, err)
	}
	for _, p := range paths {
		name := strings.TrimSuffix(p, ".logits.f32")
		t.Run(filepath.Base(name), func(t *testing.T) {
			want := readFloats(t, p)
			var errs []float64
			for _, o := range []struct {
				step  int
				plain bool
			}{{len(ids), false}, {17, false}, {1, false}, {len(ids), true}, {1, true}} {
				m := open(t, name+".gguf", model.Options{Threads: 2, PlainGQA: o.plain})
				e := nmse(logits(t, m, ids, o.step), want)
				if errs = append(errs, e); !(e < 1e-5) {
					t.Errorf("%d tokens at a time, plain %v: error %.2g", o.step, o.plain, e)
				}
			}
			t.Logf("%.1e", errs)
		})
	}
}
