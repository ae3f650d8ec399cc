package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// gpt2 is GPT-2, and StarCoder 1 (several query heads to one key/value head): learned position embeddings, layer norms,
// a network without a gate, biases everywhere.
func gpt2(r *model.Reader) *model.Spec {
	s := r.LayerNormDecoder()
	s.Positions = true
	noRope(s)
	uniform(r, s, model.Attention{OutputBias: true}, plain(model.GELU))
	require(s, normBiases, networkBiases, fusedBiases)
	return s
}
