package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// jais is Jais: ALiBi, layer norms, a gated network, biases everywhere, and scores divided by the key size, not by its
// root.
func jais(r *model.Reader) *model.Spec {
	s := r.LayerNormDecoder()
	noRope(s)
	a := model.Attention{OutputBias: true, ALiBi: alibi(r), Scale: 1 / float32(r.Heads(s)[0].KeySize)}
	uniform(r, s, a, func(width int) model.FFNSpec { return model.GatedFFN{Width: width, Bias: true} })
	require(s, normBiases, networkBiases, fusedBiases, untied, []string{"blk.*.ffn_gate.bias"})
	return s
}

// jais2 is Jais 2: RoPE, layer norms, a network without a gate whose activation is the square of ReLU, biases
// everywhere.
func jais2(r *model.Reader) *model.Spec {
	s := r.LayerNormDecoder()
	rope(r, s, model.RopeOptions{Halves: true})
	uniform(r, s, model.Attention{OutputBias: true}, plain(model.ReLUSquared))
	require(s, normBiases, networkBiases)
	return s
}
