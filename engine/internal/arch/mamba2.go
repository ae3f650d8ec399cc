package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// mamba2 is Mamba 2 (Mamba-Codestral and others): layers that are a mixer alone.
func mamba2(r *model.Reader) *model.Spec {
	s := r.Decoder()
	mixer := r.Mamba2()
	mixer.ConvBias, mixer.Norm = true, true
	for i := range s.Layers {
		s.Layers[i].Mixer = mixer
	}
	return s
}
