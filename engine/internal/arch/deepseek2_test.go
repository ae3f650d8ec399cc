package arch_test

import (
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// Variants of deepseek2 against llama.cpp's logits for the same files. A choice between nearly equal experts may fall
// either way, since both round what they cache: one token may differ.
func TestDeepseek2Variants(t *testing.T) {
	for name, d := range gguftest.DeepVariants() {
		t.Run(name, func(t *testing.T) {
			ids := gguftest.RandomIDs(28, d.Vocab)
			want := readFloats(t, "../../testdata/deepseek2/"+name+".f32")
			m := open(t, d.Build().Write(t), model.Options{Threads: 2})
			for _, step := range []int{len(ids), 1} {
				got := logits(t, m, ids, step)
				differing := 0
				for i := range ids {
					if !(nmse(got[i*d.Vocab:][:d.Vocab], want[i*d.Vocab:][:d.Vocab]) < 1e-4) {
						differing++
					}
				}
				if differing > 1 {
					t.Errorf("%d tokens at a time: %d of %d have other logits, error %.2g", step, differing, len(ids), nmse(got, want))
				}
			}
		})
	}
}
