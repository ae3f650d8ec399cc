package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// bailingmoe is Ling 1: llama's attention, and experts beside a network for all tokens in every layer.
func bailingmoe(r *model.Reader) *model.Spec {
	s := r.Decoder()
	setMixers(s, attention(r, s, model.RopeOptions{Full: true}))
	mix := mixtures(r, s)
	for i := range mix {
		mix[i].Shared = r.SharedCount(mix[i].Width)
		mix[i].Normed, mix[i].Scale = r.Flag("expert_weights_norm", false), r.ExpertScale()
	}
	setExperts(s, mix, 0)
	require(s, untied)
	return s
}
