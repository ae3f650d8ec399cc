package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// phimoe is Phi 3.5 MoE: experts in every layer, RMS norms with biases, LongRoPE, biases of attention and output.
func phimoe(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.Norm.Bias, s.OutputBias, s.LongRope = true, true, true
	rope(r, s, model.RopeOptions{Halves: true})
	layersOfExperts(r, s, model.Attention{OutputBias: true})
	require(s, normBiases, untied, []string{"output.bias", "blk.*.attn_output.bias"})
	return s
}
