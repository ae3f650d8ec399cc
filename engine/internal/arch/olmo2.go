package arch

import (
	"github.com/latentgo/latentgo/engine/internal/model"
)

// olmo2 is OLMo 2 and 3: norms behind attention and network only, one norm on all query heads and one on all key heads.
// In OLMo 3 three layers of four have a window and a position embedding without scaling.
func olmo2(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	a := attention(r, s, model.RopeOptions{Halves: true})
	window, local := r.Windows(s, 4)
	if window > 0 {
		sliding := r.PlainRope(s, a[0].KeySize, model.RopeOptions{Halves: true})
		s.Ropes = append(s.Ropes, sliding)
	}
	for i := range a {
		a[i].WholeNorm = true
		if local[i] {
			a[i].Window, a[i].Rope = window, 1
		}
		s.Layers[i].NoPreNorm, s.Layers[i].PostNorm = true, true
	}
	setMixers(s, a)
	setDense(r, s, model.GatedFFN{})
	require(s, untied)
	return s
}

// olmoe is OLMoE: experts, and norms over all heads as olmo2 has them.
func olmoe(r *model.Reader) *model.Spec {
	s := r.Decoder()
	a := attention(r, s, model.RopeOptions{Halves: true})
	mix := mixtures(r, s)
	for i := range a {
		a[i].WholeNorm = true
		mix[i].Width = r.FFNWidths(s)[i]
	}
	setMixers(s, a)
	setExperts(s, mix, 0)
	require(s, untied)
	return s
}
