package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// starcoder2 is StarCoder 2: layer norms, a network without a gate, biases everywhere.
func starcoder2(r *model.Reader) *model.Spec {
	s := r.LayerNormDecoder()
	rope(r, s, model.RopeOptions{Halves: true, Full: true})
	uniform(r, s, model.Attention{OutputBias: true}, plain(model.GELU))
	require(s, normBiases, networkBiases)
	return s
}

// codeshell is CodeShell, StarCoder 2's shape with an output of its own.
func codeshell(r *model.Reader) *model.Spec {
	s := starcoder2(r)
	require(s, untied)
	return s
}
