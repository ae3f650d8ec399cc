package convert

import (
	"slices"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// fullRank returns a plan that keeps all values of all layers in rows: everything under RoPE that the model has there.
func fullRank(s *model.Spec, blocks int) []model.CompressedShape {
	return planOf(s, func(g model.Attention) model.CompressedShape {
		heads := g.KVHeads / blocks
		r := heads * s.Ropes[g.Rope].Dims
		return model.CompressedShape{R: r, L: heads*(g.KeySize+g.ValueSize) - r, Blocks: blocks}
	})
}

// recentPlan keeps all values in rows with r rotated ones per block, and recent tokens as they are.
func recentPlan(s *model.Spec, blocks, r, recent int) []model.CompressedShape {
	return planOf(s, func(g model.Attention) model.CompressedShape {
		heads := g.KVHeads / blocks
		l := heads*(g.KeySize+g.ValueSize) - r
		return model.CompressedShape{R: r, L: l, Blocks: blocks, Recent: recent, Keys: heads * g.KeySize}
	})
}

// planOf gives each layer whose attention can be compressed the shape that f says.
func planOf(s *model.Spec, f func(g model.Attention) model.CompressedShape) []model.CompressedShape {
	plan := make([]model.CompressedShape, len(s.Layers))
	for i, l := range s.Layers {
		if a, ok := l.Mixer.(model.Attention); ok && obstacle(s, i) == "" {
			plan[i] = f(a)
		}
	}
	return plan
}

// compressTo returns the model of f in the shapes of plan.
func compressTo(t *testing.T, f *gguf.File, s *model.Spec, plan []model.CompressedShape, llama bool) *model.Model {
	t.Helper()
	m := converttest.Load(t, f, s, nil)
	c, err := newLayerwise(t.Context(), m, plan, gguftest.Windows(5, 60, s.Vocab), nil, llama)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.run(t.Context(), func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	return converttest.Load(t, f, c.spec, c.made)
}

// variants are all models, or with -short one of each kind of flow and two kinds of windows.
func variants() map[string]*gguftest.Builder {
	all := gguftest.FloatVariants()
	if testing.Short() {
		return map[string]*gguftest.Builder{"llama": all["llama"], "gemma3": all["gemma3"]}
	}
	return all
}

// A conversion that leaves nothing out changes nothing: prompts and decode steps give the original's logits to the
// rounding of half precision, for every architecture, with one row per token and with one per key/value head.
func TestFullRankConversionIsExact(t *testing.T) {
	ids := gguftest.RandomIDs(70, 90)
	for name, b := range variants() {
		f, s := converttest.Open(t, b)
		want := converttest.Logits(t, converttest.Load(t, f, s, nil), ids, converttest.All)
		for _, blocks := range []int{1, 2} {
			m := compressTo(t, f, s, fullRank(s, blocks), false)
			if !m.Spec().Compressed(0) {
				t.Fatalf("%s: nothing was converted", name)
			}
			if e := converttest.NMSE(converttest.Logits(t, m, ids, converttest.All), want); !(e < 1e-5) {
				t.Errorf("%s, %d blocks: prefill differs by %.2g", name, blocks, e)
			}
			if e := converttest.NMSE(converttest.Logits(t, m, ids, converttest.One), want); !(e < 1e-5) {
				t.Errorf("%s, %d blocks: decode differs by %.2g", name, blocks, e)
			}
		}
	}
}

// A conversion that leaves nothing out of rows without RoPE changes nothing either as long as all tokens are recent,
// whatever part of the keys is rotated, and wherever the prompt ends. Keys are rounded to half precision twice.
func TestFullRankRecentTokensAreExact(t *testing.T) {
	ids := gguftest.RandomIDs(110, 90)
	for name, b := range variants() {
		f, s := converttest.Open(t, b)
		want := converttest.Logits(t, converttest.Load(t, f, s, nil), ids, converttest.All)
		for _, blocks := range []int{1, 2} {
			for _, r := range []int{0, 6, s.Ropes[0].Dims} {
				r = min(r, s.Geometry(0).KVHeads/blocks*s.Ropes[0].Dims)
				m := compressTo(t, f, s, recentPlan(s, blocks, r, 128), false)
				for kind, got := range map[string][][]float32{
					"prefill": converttest.Logits(t, m, ids, converttest.All), "decode": converttest.Logits(t, m, ids, converttest.One),
					"pieces": piecewise(t, m, ids),
				} {
					if e := converttest.NMSE(got, want); !(e < 2e-5) {
						t.Errorf("%s, %d blocks, %d rotated: %s differ by %.2g", name, blocks, r, kind, e)
					}
				}
			}
		}
	}
}

// Whatever is compressed, prompts, pieces of prompts and decode steps see the same.
func TestCompressedTokensAreSeenAlike(t *testing.T) {
	ids := gguftest.RandomIDs(330, 90)
	for name, b := range variants() {
		f, s := converttest.Open(t, b)
		plan := recentPlan(s, 1, 4, 32)
		for i := range plan {
			plan[i].L, plan[i].Keys = 24, 20
		}
		m := compressTo(t, f, s, plan, false)
		for _, cache := range []attention.Format{attention.F16, attention.Q8} {
			limit := 1e-5
			if cache == attention.Q8 {
				limit = 1e-2 // queries are rounded for compressed tokens' scores in decode steps only
			}
			want := converttest.LogitsIn(t, m, m.NewSequence(cache, 0), ids, converttest.All)
			for _, piece := range []int{1, 7, 90} {
				if e := converttest.NMSE(converttest.LogitsIn(t, m, m.NewSequence(cache, 0), ids, piece), want); !(e < limit) {
					t.Errorf("%s, cache %v: pieces of %d tokens differ by %.2g", name, cache, piece, e)
				}
			}
		}
	}
}

// piecewise evaluates a prompt, goes back into it, and takes the rest token by token and in small pieces.
func piecewise(t *testing.T, m *model.Model, ids []int32) [][]float32 {
	t.Helper()
	seq := m.NewSequence(attention.F16, 0)
	out := make([][]float32, len(ids))
	eval := func(lo, hi, step int) {
		t.Helper()
		if seq.Truncate(lo); seq.Restart() < lo {
			at := seq.Restart()
			seq.Restore()
			converttest.LogitsIn(t, m, seq, ids[at:lo], converttest.All)
		}
		copy(out[lo:], converttest.LogitsIn(t, m, seq, ids[lo:hi], step))
	}
	eval(0, 90, converttest.All)
	eval(60, 75, converttest.One)
	eval(75, 78, converttest.All)
	eval(40, 43, converttest.All)
	eval(43, len(ids), converttest.All)
	return out
}

// Layers that the plan leaves out stay as they are, and the others follow.
func TestExactLayersStay(t *testing.T) {
	ids := gguftest.RandomIDs(50, 90)
	f, s := converttest.Open(t, gguftest.TinyFloat("llama").Build())
	want := converttest.Logits(t, converttest.Load(t, f, s, nil), ids, converttest.All)
	plan := fullRank(s, 1)
	plan[1] = model.CompressedShape{}
	m := compressTo(t, f, s, plan, false)
	if got := []bool{m.Spec().Compressed(0), m.Spec().Compressed(1), m.Spec().Compressed(2)}; !slices.Equal(got, []bool{true, false, true}) {
		t.Fatalf("compressed layers: %v", got)
	}
	if e := converttest.NMSE(converttest.Logits(t, m, ids, converttest.All), want); !(e < 1e-5) {
		t.Errorf("prefill differs by %.2g", e)
	}
}
