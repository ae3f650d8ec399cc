package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// qwen2moe is Qwen 1.5 and 2 with experts: weights are not normed, and a network that every token runs has a gate of
// its own.
func qwen2moe(r *model.Reader) *model.Spec {
	s := r.Decoder()
	setMixers(s, attention(r, s, model.RopeOptions{Halves: true}))
	mix := mixtures(r, s)
	for i := range mix {
		mix[i].Shared, mix[i].SharedGate = r.SharedWidth(0), true
		if mix[i].Shared == 0 {
			mix[i].Shared = r.FFNWidths(s)[i]
		}
	}
	setExperts(s, mix, 0)
	require(s, untied)
	return s
}
