package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// maple is Maple: norms on query and key heads, layers with a window and others without position embedding, and experts
// with clamped gates in every layer.
func maple(r *model.Reader) *model.Spec {
	s := r.Decoder()
	a := attention(r, s, model.RopeOptions{Halves: true})
	s.Ropes[0].Base = r.Positive("rope.freq_base_swa", s.Ropes[0].Base)
	s.Ropes = append(s.Ropes, model.NoPosition())
	r.Need("attention.sliding_window", "attention.sliding_window_pattern", "swiglu_clamp_exp")
	window, local := r.Windows(s, 0)
	limits, mix := r.Floats("swiglu_clamp_exp", len(a)), mixtures(r, s)
	for i := range a {
		a[i].QKNorm, a[i].Rope = true, 1
		if local[i] {
			a[i].Window, a[i].Rope = window, 0
		}
		mix[i].Normed, mix[i].Limit, mix[i].LimitGate = true, limits[i], true
	}
	setMixers(s, a)
	setExperts(s, mix, 0)
	require(s, untied)
	return s
}
