package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// mamba is Mamba 1 and Falcon Mamba, which norms what the state space depends on: layers that are a mixer alone.
func mamba(r *model.Reader) *model.Spec {
	s := r.Decoder()
	mixer := r.Mamba()
	mixer.BareNorms = r.Flag("ssm.dt_b_c_rms", false)
	for i := range s.Layers {
		s.Layers[i].Mixer = mixer
	}
	return s
}
