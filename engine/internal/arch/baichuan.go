package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// baichuan is Baichuan 1 and 2: Llama's block with RoPE (7B, 32 layers) or ALiBi (13B, 40 layers).
func baichuan(r *model.Reader) *model.Spec {
	s := r.Decoder()
	var a model.Attention
	switch n := len(s.Layers); {
	case n == 32:
		rope(r, s, model.RopeOptions{Full: true})
	case n == 40:
		noRope(s)
		a.ALiBi = bloomALiBi
	default:
		r.Fail("block_count", "%d: 32 layers have RoPE, 40 have ALiBi, others are not known", n)
	}
	uniform(r, s, a, swiglu)
	require(s, untied)
	return s
}
