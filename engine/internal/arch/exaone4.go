package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// exaone4 is EXAONE 4: norms behind attention and network only, norms on query and key heads. In the 32B model, of 64
// layers, three layers of four have a window, and the others no position embedding.
func exaone4(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	s.RopeFactors = true
	a := attention(r, s, model.RopeOptions{Halves: true, Full: true})
	if len(s.Layers) == 64 {
		window := r.Window(4096)
		s.Ropes = append(s.Ropes, model.NoPosition())
		for i, local := range r.LocalLayers(s, window, 4, false) {
			if local {
				a[i].Window = window
			} else {
				a[i].Rope = 1
			}
		}
	}
	for i := range a {
		a[i].QKNorm = true
		s.Layers[i].NoPreNorm, s.Layers[i].PostNorm = true, true
	}
	setMixers(s, a)
	setDense(r, s, model.GatedFFN{})
	return s
}
