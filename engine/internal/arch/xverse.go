package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// xverse is XVERSE: Llama's block without Llama's options.
func xverse(r *model.Reader) *model.Spec {
	s := r.Decoder()
	rope(r, s, model.RopeOptions{Full: true})
	uniform(r, s, model.Attention{}, swiglu)
	require(s, untied)
	return s
}
