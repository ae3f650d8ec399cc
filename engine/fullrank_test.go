package engine

import (
	"slices"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/kernel"
)

// fullRank returns a plan that keeps all values of all layers in rows: everything under RoPE that the model has there.
func fullRank(h *hparams, blocks int) []latentShape {
	plan := make([]latentShape, h.layers)
	for i := range plan {
		g := h.geometry(i)
		heads := g.KVHeads / blocks
		r := heads * h.rope.Dims
		plan[i] = latentShape{r: r, l: heads*(g.KeySize+g.ValueSize) - r, blocks: blocks}
	}
	return plan
}

// windowsOf cuts random text into n calibration windows.
func windowsOf(n, size, vocab int) [][]int32 {
	ids := randomIDs(n*size, vocab)
	out := make([][]int32, n)
	for i := range out {
		out[i] = ids[i*size:][:size]
	}
	return out
}

// compressTo compresses m in place.
func compressTo(t *testing.T, m *Model, plan []latentShape, compat bool) {
	t.Helper()
	vocab := m.w.embed.Rows
	made, err := m.compress(t.Context(), compressOptions{plan: plan, windows: windowsOf(5, 60, vocab), compat: compat}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.rebuild(made, m.h.planned(plan)); err != nil {
		t.Fatal(err)
	}
}

// exactTiny is a model whose weights are not rounded, of a width at which a conversion's matrices are not either beyond
// half precision.
func exactTiny(arch string) tiny {
	return tiny{arch: arch, layers: 3, embed: 48, ff: 80, heads: 6, kv: 2, d: 16, voc: 90, matrix: kernel.F32}
}

// fullRankModels are one model per architecture, and switches that conversions have to follow.
func fullRankModels() map[string]*gguftest.Builder {
	models := map[string]*gguftest.Builder{}
	llama := exactTiny("llama")
	models["llama"] = llama.build()
	models["llama, linear scaling"] = llama.build().AddKV("llama.rope.scaling.type", "linear").AddKV("llama.rope.scaling.factor", float32(4))
	models["llama, yarn"] = llama.build().AddKV("llama.rope.scaling.type", "yarn").AddKV("llama.rope.scaling.factor", float32(16)).
		AddKV("llama.rope.scaling.original_context_length", uint32(64))
	own := llama.build().AddKV("llama.attention.scale", float32(0.5))
	models["llama, scale of its own"] = own
	mistral := exactTiny("mistral3")
	models["mistral3"] = mistral.build().AddKV("mistral3.attention.temperature_scale", float32(0.5)).
		AddKV("mistral3.rope.scaling.original_context_length", uint32(16))
	models["mistral3, partial rotation"] = mistral.build().AddKV("mistral3.rope.dimension_count", uint32(12))
	qwen2 := exactTiny("qwen2")
	qwen2.bias = true
	models["qwen2"] = qwen2.build()
	qwen3 := exactTiny("qwen3")
	qwen3.qkNorm = true
	models["qwen3"] = qwen3.build()
	gemma := exactTiny("gemma3")
	gemma.qkNorm, gemma.postNorm = true, true
	models["gemma3"] = gemma.build().AddKV("gemma3.attention.sliding_window", uint32(24)).
		AddKV("gemma3.attention.sliding_window_pattern", []bool{true, false, true})
	return models
}

// A conversion that leaves nothing out changes nothing: prompts and decode steps give the original's logits to the rounding
// of half precision, for every architecture, with one row per token and with one per key/value head.
func TestFullRankConversionIsExact(t *testing.T) {
	ids := randomIDs(70, 90)
	for name, b := range fullRankModels() {
		path := b.Write(t)
		original := loadFile(t, path, Options{MLA: MLAOff})
		want := allLogits(t, original, ids)
		for _, blocks := range []int{1, 2} {
			m := loadFile(t, path, Options{MLA: MLAOff})
			compressTo(t, m, fullRank(m.h, blocks), false)
			if m.w.layers[0].lat == nil {
				t.Fatalf("%s: nothing was converted", name)
			}
			if e := nmse(allLogits(t, m, ids), want); !(e < 1e-5) {
				t.Errorf("%s, %d blocks: prefill differs by %.2g", name, blocks, e)
			}
			if e := nmse(stepLogits(t, m, ids), want); !(e < 1e-5) {
				t.Errorf("%s, %d blocks: decode differs by %.2g", name, blocks, e)
			}
		}
	}
}

// A conversion that leaves nothing out of rows without RoPE changes nothing either as long as all tokens are near, whatever
// part of the keys is rotated, and wherever the prompt ends. Keys are rounded to half precision twice.
func TestFullRankNearTokensAreExact(t *testing.T) {
	ids := randomIDs(110, 90)
	for name, b := range fullRankModels() {
		path := b.Write(t)
		original := loadFile(t, path, Options{MLA: MLAOff})
		want := allLogits(t, original, ids)
		for _, blocks := range []int{1, 2} {
			for _, r := range []int{0, 6, original.h.rope.Dims} {
				m := loadFile(t, path, Options{MLA: MLAOff})
				compressTo(t, m, nearPlan(m.h, blocks, r, 128), false)
				if e := nmse(allLogits(t, m, ids), want); !(e < 2e-5) {
					t.Errorf("%s, %d blocks, %d rotated: prefill differs by %.2g", name, blocks, r, e)
				}
				if e := nmse(stepLogits(t, m, ids), want); !(e < 2e-5) {
					t.Errorf("%s, %d blocks, %d rotated: decode differs by %.2g", name, blocks, r, e)
				}
				if e := nmse(piecewiseLogits(t, m, ids), want); !(e < 2e-5) {
					t.Errorf("%s, %d blocks, %d rotated: pieces differ by %.2g", name, blocks, r, e)
				}
			}
		}
	}
}

// Whatever is far, prompts, pieces of prompts and decode steps see the same.
func TestFarTokensAreSeenAlike(t *testing.T) {
	ids := randomIDs(330, 90)
	for name, b := range fullRankModels() {
		path := b.Write(t)
		for _, cache := range []CacheType{CacheF16, CacheQ8} {
			m := loadFile(t, path, Options{MLA: MLAOff})
			plan := nearPlan(m.h, 1, 4, 32)
			for i := range plan {
				plan[i].l, plan[i].key = 24, 20
			}
			compressTo(t, m, plan, false)
			limit := 1e-5
			if cache == CacheQ8 {
				limit = 1e-2 // queries are rounded for far tokens' scores in decode steps only
			}
			want := cachedLogits(t, m, ids, cache, len(ids))
			for _, piece := range []int{1, 7, 90} {
				if e := nmse(cachedLogits(t, m, ids, cache, piece), want); !(e < limit) {
					t.Errorf("%s, cache %v: pieces of %d tokens differ by %.2g", name, cache, piece, e)
				}
			}
		}
	}
}

// nearPlan keeps all values in rows with r rotated ones per block.
func nearPlan(h *hparams, blocks, r, near int) []latentShape {
	plan := fullRank(h, blocks)
	for i := range plan {
		g := h.geometry(i)
		heads := g.KVHeads / blocks
		plan[i] = latentShape{r: r, l: heads*(g.KeySize+g.ValueSize) - r, blocks: blocks, near: near, key: heads * g.KeySize}
	}
	return plan
}

// piecewiseLogits evaluates a prompt, goes back into it, and takes the rest token by token and in small pieces.
func piecewiseLogits(t *testing.T, m *Model, ids []int32) [][]float32 {
	t.Helper()
	s := newSession(t, m, nil)
	out := make([][]float32, len(ids))
	eval := func(lo, hi int) {
		t.Helper()
		err := s.EvalAll(t.Context(), ids[lo:hi], func(i int, logits []float32) error {
			out[lo+i] = slices.Clone(logits)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	eval(0, 90)
	s.Truncate(60)
	for at := 60; at < 75; at++ {
		eval(at, at+1)
	}
	eval(75, 78)
	s.Truncate(40)
	eval(40, 43)
	eval(43, len(ids))
	return out
}

// cachedLogits evaluates ids in pieces.
func cachedLogits(t *testing.T, m *Model, ids []int32, cache CacheType, piece int) [][]float32 {
	t.Helper()
	s := newSession(t, m, &SessionOptions{Cache: cache})
	var out [][]float32
	for at := 0; at < len(ids); at += piece {
		err := s.EvalAll(t.Context(), ids[at:min(at+piece, len(ids))], func(_ int, logits []float32) error {
			out = append(out, slices.Clone(logits))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// Layers that the plan leaves out stay as they are, and the others follow.
func TestExactLayersStay(t *testing.T) {
	ids := randomIDs(50, 90)
	path := exactTiny("llama").build().Write(t)
	want := allLogits(t, loadFile(t, path, Options{MLA: MLAOff}), ids)
	m := loadFile(t, path, Options{MLA: MLAOff})
	plan := fullRank(m.h, 1)
	plan[1] = latentShape{}
	compressTo(t, m, plan, false)
	if m.w.layers[1].lat != nil || m.w.layers[0].lat == nil || m.w.layers[2].lat == nil {
		t.Fatal("other layers than asked for are compressed")
	}
	if e := nmse(allLogits(t, m, ids), want); !(e < 1e-5) {
		t.Errorf("prefill differs by %.2g", e)
	}
}
