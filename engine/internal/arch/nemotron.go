package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// nemotron is Nemotron 3 and 4 and Minitron: layer norms, a network without a gate whose activation is the square of
// ReLU.
func nemotron(r *model.Reader) *model.Spec {
	s := r.LayerNormDecoder()
	rope(r, s, model.RopeOptions{Halves: true})
	uniform(r, s, model.Attention{OutputBias: true}, plain(model.ReLUSquared))
	require(s, normBiases, untied)
	return s
}
