package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// dots1 is dots.llm1: norms on query and key heads; after some dense layers experts beside a network for all tokens.
func dots1(r *model.Reader) *model.Spec {
	s := r.Decoder()
	require(s, untied)
	return sigmoidExperts(r, s, attention(r, s, model.RopeOptions{Halves: true, Full: true}), 0)
}

// bailingmoe2 is Ling and Ring 2: as dots1, with a rotated part of heads.
func bailingmoe2(r *model.Reader) *model.Spec {
	s := r.Decoder()
	a := attention(r, s, model.RopeOptions{Halves: true})
	require(s, untied)
	return sigmoidExperts(r, s, a, r.SharedWidth(0))
}

// sigmoidExperts completes such a model. shared is the width of a shared expert, 0 for that of the others.
func sigmoidExperts(r *model.Reader, s *model.Spec, a []model.Attention, shared int) *model.Spec {
	setDense(r, s, model.GatedFFN{})
	mix, dense := sigmoidMixtures(r, s), leadingDense(r, s)
	for i := range a {
		a[i].QKNorm = true
		width := shared
		if width == 0 {
			width = mix[i].Width
		}
		mix[i].Shared = r.SharedCount(width)
	}
	setMixers(s, a)
	setExperts(s, mix, dense)
	return s
}

// sigmoidMixtures reads mixtures whose weights are sigmoids where the file does not say, chosen with a bias.
func sigmoidMixtures(r *model.Reader, s *model.Spec) []model.Experts {
	mix := mixtures(r, s)
	for i := range mix {
		r.Gating(&mix[i], true)
		mix[i].Bias, mix[i].Normed, mix[i].Scale = true, r.Flag("expert_weights_norm", false), r.ExpertScale()
	}
	return mix
}
