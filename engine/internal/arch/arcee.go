package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// arcee is Arcee's AFM: llama whose network has no gate, and the square of ReLU.
func arcee(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.RopeFactors = true
	rope(r, s, model.RopeOptions{Full: true})
	uniform(r, s, model.Attention{}, func(width int) model.FFNSpec {
		return model.PlainFFN{Width: width, Activation: model.ReLUSquared}
	})
	return s
}
