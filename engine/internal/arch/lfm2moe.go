package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// lfm2moe is LFM2 with experts in all layers but the first ones, chosen by a sigmoid and a bias.
func lfm2moe(r *model.Reader) *model.Spec {
	s := lfm2Mixers(r)
	mix := r.Experts(s)
	if mix == nil {
		r.Fail("expert_count", "a mixture of experts needs some")
		return s
	}
	dense := r.Size("leading_dense_block_count", 0, 0, len(s.Layers))
	for i, w := range r.FFNWidths(s) {
		if i < dense {
			s.Layers[i].FFN = model.GatedFFN{Width: w}
			continue
		}
		mix[i].Bias, mix[i].Normed = true, true
		r.Gating(&mix[i], true)
		s.Layers[i].FFN = mix[i]
	}
	requireChoiceBiases(s)
	return s
}
