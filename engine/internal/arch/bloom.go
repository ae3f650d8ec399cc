package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// bloomALiBi is the largest bias of ALiBi in architectures whose files don't tell.
const bloomALiBi = 8

// bloom is BLOOM: ALiBi, a norm on embeddings, layer norms, a network without a gate, biases everywhere.
func bloom(r *model.Reader) *model.Spec {
	s := r.LayerNormDecoder()
	s.EmbedNorm = true
	noRope(s)
	uniform(r, s, model.Attention{OutputBias: true, ALiBi: bloomALiBi}, plain(model.GELU))
	require(s, normBiases, networkBiases, fusedBiases, []string{"token_embd_norm.bias"})
	return s
}
