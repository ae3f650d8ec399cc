package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// mellum is JetBrains' Mellum 2: Qwen 3 with experts, whose layers with a window have a position embedding without
// scaling.
func mellum(r *model.Reader) *model.Spec {
	s := r.Decoder()
	o := model.RopeOptions{Halves: true, Full: true}
	a := attention(r, s, o)
	mix := mixtures(r, s)
	window, local := r.Windows(s, 4)
	if window > 0 {
		s.Ropes = append(s.Ropes, r.PlainRope(s, a[0].KeySize, o))
	}
	for i := range a {
		a[i].QKNorm, mix[i].Normed, mix[i].Scales = true, true, true
		if local[i] {
			a[i].Window, a[i].Rope = window, 1
		}
	}
	setMixers(s, a)
	setExperts(s, mix, 0)
	require(s, untied)
	return s
}
