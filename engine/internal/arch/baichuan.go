package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// baichuan is Baichuan 1 and 2: Llama's block with RoPE (7B, 32 layers) or ALiBi (13B, 40 layers). Like llama.cpp it
// takes a model of another depth, of which there is none but tests, for one without positions.
func baichuan(r *model.Reader) *model.Spec {
	s := r.Decoder()
	var a model.Attention
	noRope(s)
	switch len(s.Layers) {
	case 32:
		rope(r, s, model.RopeOptions{Full: true})
	case 40:
		a.ALiBi = bloomALiBi
	}
	uniform(r, s, a, swiglu)
	require(s, untied)
	return s
}
