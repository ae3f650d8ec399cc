package arch

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// qwen3next is Qwen 3 Next: gated delta nets, gated attention in every fourth layer, and a mixture of experts with a
// gated shared one in all.
func qwen3next(r *model.Reader) *model.Spec {
	return qwenHybridExperts(r, model.DeltaNet{Neighbours: true})
}

// qwenHybrid is what Qwen 3 Next and Qwen 3.5 share; d says how their delta nets differ. The networks are the caller's.
func qwenHybrid(r *model.Reader, d model.DeltaNet) *model.Spec {
	s := r.Decoder()
	shape := r.DeltaNet()
	shape.Neighbours, shape.Scales, shape.Sigmoid = d.Neighbours, d.Scales, d.Sigmoid
	heads := r.Heads(s)
	if heads[0].ValueSize != heads[0].KeySize {
		r.Fail("attention.value_length", "gated attention has keys and values of one size, not %d and %d", heads[0].KeySize, heads[0].ValueSize)
	}
	s.Ropes = []attn.RopeConfig{r.Rope(s, heads[0].KeySize, model.RopeOptions{Halves: true})}
	for i, recurrent := range r.RecurrentLayers(s, 4) {
		s.Layers[i].FFNNorm = "post_attention_norm"
		if recurrent {
			s.Layers[i].Mixer = shape
		} else {
			s.Layers[i].Mixer = model.Attention{Geometry: heads[i], Scale: model.ScoreScale(heads[i].KeySize), QKNorm: true, Gate: model.GateOfQueries}
		}
	}
	return s
}

// qwenHybridExperts is qwenHybrid with experts in every layer.
func qwenHybridExperts(r *model.Reader, d model.DeltaNet) *model.Spec {
	s := qwenHybrid(r, d)
	mix := r.Experts(s)
	if mix == nil {
		r.Fail("expert_count", "a mixture of experts needs some")
		return s
	}
	widths := r.Sizes("feed_forward_length", len(s.Layers), make([]int, len(s.Layers)), 0, model.MaxWidth)
	for i := range s.Layers {
		m := mix[i]
		m.Shared, m.SharedGate, m.SharedScales = r.SharedWidth(widths[i]), true, true
		m.Normed, m.Scales, m.Fused = true, true, true
		s.Layers[i].FFN = m
	}
	return s
}
