package arch

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// step35 is Step 3.5 Flash: attention gated by head, in most layers in a window, layers without one rotating half of
// each head, and in layers that have a router experts beside a network for all tokens, clamped.
func step35(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.Required = []string{"output.weight"}
	r.Positive("attention.sliding_window", 0)
	if !r.Has("attention.sliding_window_pattern") {
		r.Fail("attention.sliding_window_pattern", "missing")
	}
	a := attention(r, s, model.RopeOptions{Halves: true})
	window, local := r.Windows(s, 0)
	step35Ropes(r, s, local, a[0].KeySize)
	setDense(r, s, model.GatedFFN{})
	limits, shared := r.Floats("swiglu_clamp_exp", len(a)), r.Floats("swiglu_clamp_shexp", len(a))
	mix, widths := sigmoidMixtures(r, s), r.FFNWidths(s)
	for i := range a {
		has := func(name string) bool { return r.HasTensor(model.LayerName(i, name)) }
		if a[i].QKNorm = has("attn_q_norm.weight"); has("attn_gate.weight") {
			a[i].Gate = model.GateSigmoid
		}
		if local[i] {
			a[i].Window, a[i].Rope = window, 1
		}
		s.Layers[i].FFN = model.GatedFFN{Width: widths[i], Limit: shared[i]}
		if m := mix[i]; has("ffn_gate_inp.weight") {
			m.Shared, m.Limit, m.SharedLimit = r.SharedWidth(0), limits[i], shared[i]
			s.Layers[i].FFN = m
		}
	}
	setMixers(s, a)
	return s
}

// step35Ropes makes the position embeddings of layers without and with a window, of heads of the size given.
func step35Ropes(r *model.Reader, s *model.Spec, local []bool, size int) {
	const key = "rope.dimension_count"
	global, all := &s.Ropes[0], s.Ropes[0].Dims
	if global.Dims = all / 2; all%4 != 0 {
		r.Fail(key, "half of %d is odd", all)
		global.Dims = 2
	}
	sliding := attn.RopeConfig{Halves: true, Dims: r.Size("rope.dimension_count_swa", all, 2, size), Scale: 1, Magnitude: r.AttnFactor()}
	sliding.Base = r.Positive("rope.freq_base_swa", 10000)
	s.RopeFactors = true
	for _, l := range local {
		if l {
			s.FactorDims = sliding.Dims
		}
	}
	s.Ropes = append(s.Ropes, sliding)
}
