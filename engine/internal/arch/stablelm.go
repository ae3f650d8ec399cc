package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// stablelm is StableLM 1 to 2: Llama's block with layer norms and partial rotation. In StableLM 2 12B attention and
// network are parallel behind one norm, and query and key heads have norms.
func stablelm(r *model.Reader) *model.Spec {
	s := r.LayerNormDecoder()
	rope(r, s, model.RopeOptions{Halves: true})
	uniform(r, s, model.Attention{}, swiglu)
	for i := range s.Layers {
		l := &s.Layers[i]
		a := l.Mixer.(model.Attention)
		if r.HasTensor(model.LayerName(i, "attn_q_norm.weight")) {
			a.EachNorm = model.HeadLayerNorm
		}
		l.Mixer = a
		if !r.HasTensor(model.LayerName(i, "ffn_norm.weight")) {
			l.Parallel, l.FFNNorm = true, "attn_norm"
		}
	}
	require(s, untied, []string{"output_norm.bias", "blk.*.attn_norm.bias"})
	return s
}
