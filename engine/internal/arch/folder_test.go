package arch_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
)

// LATENTGO_VECTORS names a folder with models NAME.gguf, llama.cpp's logits NAME.logits.f32 and the tokens ids.json, in
// the format of ../shared/vectors/arch: the models that llama.cpp's test-llama-archs writes with any seed, for
// instance.
func TestVectorFolder(t *testing.T) {
	dir := os.Getenv("LATENTGO_VECTORS")
	if dir == "" {
		t.Skip("LATENTGO_VECTORS is not set")
	}
	b, err := os.ReadFile(filepath.Join(dir, "ids.json"))
	if err != nil {
		t.Fatal(err)
	}
	var ids []int32
	if err := json.Unmarshal(b, &ids); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.logits.f32"))
	for _, f := range files {
		path := strings.TrimSuffix(f, ".logits.f32") + ".gguf"
		t.Run(filepath.Base(path), func(t *testing.T) {
			want := readFloats(t, f)
			m := open(t, path, model.Options{Threads: 2})
			for _, step := range []int{len(ids), 17, 1} {
				e := nmse(logits(t, m, ids, step), want)
				t.Logf("%d at a time: %.2g", step, e)
				if !(e < 1e-5) {
					t.Errorf("%d tokens at a time: error %.2g", step, e)
				}
			}
			plain := open(t, path, model.Options{Threads: 2, PlainGQA: true})
			if e := nmse(logits(t, plain, ids, 9), logits(t, m, ids, 9)); !(e < 1e-9) {
				t.Errorf("plain grouped-query attention: error %.2g", e)
			}
			together(t, m, attention.F16)
		})
	}
}
