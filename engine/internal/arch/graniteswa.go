package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// graniteswa is Granite with sinks, a window in some layers, no position embedding in some, and in files with experts
// gates and up-projections in one tensor.
func graniteswa(r *model.Reader) *model.Spec {
	s := graniteLike(r)
	r.Need("attention.sliding_window", "attention.sliding_window_pattern")
	window, local := r.Windows(s, 0)
	positions := r.LayerFlags("attention.rope_pattern", len(s.Layers), true)
	s.Ropes = append(s.Ropes, model.NoPosition())
	for i := range s.Layers {
		a := s.Layers[i].Mixer.(model.Attention)
		a.Sinks = true
		if local[i] {
			a.Window = window
		}
		if !positions[i] {
			a.Rope = 1
		}
		s.Layers[i].Mixer = a
		if m, ok := s.Layers[i].FFN.(model.Experts); ok {
			m.Fused, m.SharedFused = true, true
			s.Layers[i].FFN = m
		}
	}
	return s
}
