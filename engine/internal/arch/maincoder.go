package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// maincoder is Maincoder: llama with norms on query and key heads behind RoPE.
func maincoder(r *model.Reader) *model.Spec {
	s := r.Decoder()
	rope(r, s, model.RopeOptions{Full: true})
	uniform(r, s, model.Attention{QKNorm: true, NormRotated: true}, swiglu)
	return s
}
