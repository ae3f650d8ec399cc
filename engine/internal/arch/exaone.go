package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// exaone is EXAONE 3: llama with another layout of heads.
func exaone(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.RopeFactors = true
	rope(r, s, model.RopeOptions{Halves: true})
	uniform(r, s, model.Attention{}, swiglu)
	return s
}

// exaonemoe is K-EXAONE: norms on query and key heads; three layers of four have a window, the others no position
// embedding; after some dense layers experts beside a network for all tokens.
func exaonemoe(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.RopeFactors = true
	a := attention(r, s, model.RopeOptions{Halves: true, Full: true})
	s.Ropes = append(s.Ropes, model.NoPosition())
	setDense(r, s, model.GatedFFN{})
	mix, dense := mixtures(r, s), leadingDense(r, s)
	r.Need("attention.sliding_window")
	window, local := r.Windows(s, 4)
	for i := range a {
		a[i].QKNorm, a[i].Rope = true, 1
		if local[i] {
			a[i].Window, a[i].Rope = window, 0
		}
		r.Gating(&mix[i], true)
		mix[i].Bias, mix[i].Shared = true, r.SharedWidth(mix[i].Width)
		mix[i].Normed, mix[i].Scale = r.Flag("expert_weights_norm", false), r.ExpertScale()
	}
	setMixers(s, a)
	setExperts(s, mix, dense)
	require(s, untied)
	return s
}
