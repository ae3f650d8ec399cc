package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// phi2 is Phi 1, 1.5 and 2: attention and network in parallel behind one layer norm, partial rotation, biases
// everywhere.
func phi2(r *model.Reader) *model.Spec {
	s := r.LayerNormDecoder()
	rope(r, s, model.RopeOptions{Halves: true})
	uniform(r, s, model.Attention{OutputBias: true}, plain(model.GELU))
	parallel(s)
	s.OutputBias = true
	require(s, networkBiases, untied, []string{"output.bias", "output_norm.bias", "blk.*.attn_norm.bias"})
	return s
}
