package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// qwen3moe is Qwen 3 with experts (30B-A3B, 235B-A22B): every layer is a mixture, and there is no network for all
// tokens.
func qwen3moe(r *model.Reader) *model.Spec {
	s := qwen3Attention(r)
	mix := r.Experts(s)
	if mix == nil {
		r.Fail("expert_count", "a mixture of experts needs some")
		return s
	}
	for i := range s.Layers {
		mix[i].Normed, mix[i].Scales = true, true
		s.Layers[i].FFN = mix[i]
	}
	return s
}
