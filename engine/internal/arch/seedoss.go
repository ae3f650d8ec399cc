package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// seedoss is ByteDance's Seed-OSS: qwen2 whose second norm has another name.
func seedoss(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	setMixers(s, attention(r, s, model.RopeOptions{Halves: true, Full: true}))
	setDense(r, s, model.GatedFFN{})
	for i := range s.Layers {
		s.Layers[i].FFNNorm = "post_attention_norm"
	}
	return s
}
