package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// smallthinker is SmallThinker (4B-A0.6B, 21B-A3B): experts with ReLU that are chosen before attention. In models with
// a window every fourth layer, from the first on, sees all and has no position embedding.
func smallthinker(r *model.Reader) *model.Spec {
	const window, every = 4096, 4 // whatever the file says
	s := r.Decoder()
	a := attention(r, s, model.RopeOptions{Halves: true})
	if r.Window(0) > 0 {
		sliding := slidingRope(r, s)
		s.Ropes = append(s.Ropes, model.NoPosition())
		for i, local := range r.LocalLayers(s, window, every, true) {
			if local {
				a[i].Window, a[i].Rope = window, sliding
			}
			if i%every == 0 && len(a) != every {
				a[i].Rope = len(s.Ropes) - 1
			}
		}
	}
	mix := mixtures(r, s)
	for i := range mix {
		r.Gating(&mix[i], false)
		mix[i].Normed, mix[i].RouteInput, mix[i].Activation = true, true, model.ReLU
	}
	setMixers(s, a)
	setExperts(s, mix, 0)
	return s
}
