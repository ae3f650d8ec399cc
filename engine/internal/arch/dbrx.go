package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// dbrx is DBRX: layer norms without bias, clamped queries, keys and values, and experts in every layer.
func dbrx(r *model.Reader) *model.Spec {
	s := r.LayerNormDecoder()
	s.Norm.Bias = false
	rope(r, s, model.RopeOptions{Halves: true, Full: true})
	if !r.Has("attention.clamp_kqv") {
		r.Fail("attention.clamp_kqv", "missing: queries, keys and values are clamped to it")
	}
	layersOfExperts(r, s, model.Attention{Clamp: clampQKV(r)})
	for i := range s.Layers {
		s.Layers[i].FFNNorm = "attn_output_norm"
	}
	require(s, untied, []string{"blk.*.attn_qkv.weight"})
	return s
}

// layersOfExperts is uniform for models whose layers are all mixtures of experts as wide as a dense network is, whose
// weights are divided by their sum.
func layersOfExperts(r *model.Reader, s *model.Spec, a model.Attention) {
	heads, widths, mix := r.Heads(s), r.FFNWidths(s), mixtures(r, s)
	for i := range s.Layers {
		a.Geometry, a.Scale = heads[i], model.ScoreScale(heads[i].KeySize)
		s.Layers[i].Mixer = a
		mix[i].Width, mix[i].Normed = widths[i], true
		s.Layers[i].FFN = mix[i]
	}
}
