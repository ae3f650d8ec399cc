package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// glm4 is GLM 4 with a dense network: sandwich norms, and gates and up-projections in one tensor.
func glm4(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	setMixers(s, sectioned(r, s, model.RopeOptions{}))
	setDense(r, s, model.GatedFFN{Fused: true})
	for i := range s.Layers {
		s.Layers[i].PostNorm = true
	}
	return s
}

// sectioned is attention whose position embedding is of halves where the file has M-RoPE's sections.
func sectioned(r *model.Reader, s *model.Spec, o model.RopeOptions) []model.Attention {
	a := attention(r, s, o)
	sections(r, s)
	return a
}

// sections makes the position embedding M-RoPE where the file has its sections.
func sections(r *model.Reader, s *model.Spec) {
	if r.HasSections() {
		s.Ropes[0].Halves = true
		r.Sections(&s.Ropes[0], false)
	}
}

// glm4moe is GLM 4.5 to 4.7: after some dense layers experts beside a network for all tokens, and in some models norms
// on query and key heads.
func glm4moe(r *model.Reader) *model.Spec {
	s := r.Decoder()
	a := sectioned(r, s, model.RopeOptions{Halves: true})
	setDense(r, s, model.GatedFFN{})
	mix, dense := mixtures(r, s), leadingDense(r, s)
	for i := range a {
		a[i].QKNorm = r.HasTensor(model.LayerName(i, "attn_q_norm.weight"))
		r.Gating(&mix[i], true)
		mix[i].Bias, mix[i].Shared = true, r.SharedCount(mix[i].Width)
		mix[i].Normed, mix[i].Scale = r.Flag("expert_weights_norm", false), r.ExpertScale()
		s.Layers[i].FFNNorm = "post_attention_norm"
	}
	setMixers(s, a)
	setExperts(s, mix, dense)
	requireChoiceBiases(s)
	return s
}
