package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// deepseek is DeepSeek MoE (V1): llama's attention; after some dense layers experts beside a network for all tokens.
func deepseek(r *model.Reader) *model.Spec {
	s := r.Decoder()
	setMixers(s, attention(r, s, model.RopeOptions{Full: true}))
	setDense(r, s, model.GatedFFN{})
	mix := mixtures(r, s)
	for i := range mix {
		mix[i].Shared, mix[i].Scale = r.SharedCount(mix[i].Width), r.ExpertScale()
	}
	setExperts(s, mix, leadingDense(r, s))
	return s
}
