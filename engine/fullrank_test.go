package engine

import (
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/quant"
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
	if err := m.rebuild(made, plan); err != nil {
		t.Fatal(err)
	}
}

// exactTiny is a model whose weights are not rounded, of a width at which a conversion's matrices are not either beyond
// half precision.
func exactTiny(arch string) tiny {
	return tiny{arch: arch, layers: 3, embed: 48, ff: 80, heads: 6, kv: 2, d: 16, voc: 90, matrix: quant.F32}
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
