package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// orion is Orion 14B: Llama's block with layer norms.
func orion(r *model.Reader) *model.Spec {
	s := r.LayerNormDecoder()
	rope(r, s, model.RopeOptions{Halves: true, Full: true})
	uniform(r, s, model.Attention{}, swiglu)
	require(s, normBiases, untied)
	return s
}
