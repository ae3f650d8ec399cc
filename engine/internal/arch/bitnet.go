package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// bitnet is BitNet b1.58: Llama's layers with norms before W_O and W_down, mostly with weights of three values (TQ1_0,
// TQ2_0).
func bitnet(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.Tied = true
	rope(r, s, model.RopeOptions{Halves: true})
	uniform(r, s, model.Attention{SubNorm: true}, func(width int) model.FFNSpec {
		return model.GatedFFN{Width: width, SubNorm: true, Scales: true}
	})
	return s
}
