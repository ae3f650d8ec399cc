package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// minimaxm2 is MiniMax M2: experts in every layer, one norm on all query heads and one on all key heads.
func minimaxm2(r *model.Reader) *model.Spec {
	s := r.Decoder()
	a := attention(r, s, model.RopeOptions{Halves: true})
	mix := mixtures(r, s)
	for i, n := range r.FFNWidths(s) {
		a[i].WholeNorm = true
		r.Gating(&mix[i], true)
		mix[i].Width, mix[i].Bias, mix[i].Normed = n, true, true
	}
	setMixers(s, a)
	setExperts(s, mix, 0)
	requireChoiceBiases(s)
	require(s, untied)
	return s
}
