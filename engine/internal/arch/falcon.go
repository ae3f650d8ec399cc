package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// falcon is Falcon 1: attention and network in parallel behind one layer norm (7B), or each behind its own (40B, 180B).
func falcon(r *model.Reader) *model.Spec {
	s := r.LayerNormDecoder()
	rope(r, s, model.RopeOptions{Halves: true, Full: true})
	uniform(r, s, model.Attention{}, func(width int) model.FFNSpec {
		return model.PlainFFN{Width: width, Activation: model.GELU}
	})
	parallel(s)
	for i := range s.Layers {
		if r.HasTensor(model.LayerName(i, "attn_norm_2.weight")) {
			s.Layers[i].MixerNorm = "attn_norm_2"
		}
	}
	require(s, []string{"output_norm.bias", "blk.*.attn_norm.bias", "blk.*.attn_qkv.weight"})
	return s
}
