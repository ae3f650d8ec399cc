package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// apertus is Apertus: norms on query and key heads, and a network without a gate whose activation each layer has
// learned.
func apertus(r *model.Reader) *model.Spec {
	s := r.Decoder()
	rope(r, s, model.RopeOptions{Halves: true, Full: true})
	ropeTensors(r, s)
	uniform(r, s, model.Attention{QKNorm: true, OutputBias: true}, func(width int) model.FFNSpec {
		return model.PlainFFN{Width: width}
	})
	for i, act := range r.XIELUs(s) {
		f := s.Layers[i].FFN.(model.PlainFFN)
		f.XIELU = act
		s.Layers[i].FFN = f
		for _, name := range []string{"attn_q_norm.bias", "attn_k_norm.bias"} { // llama.cpp does not add them
			s.Unused = append(s.Unused, model.LayerName(i, name))
		}
	}
	require(s, untied)
	return s
}
