package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// openelm is OpenELM: Llama's layers, each of a width of its own, with norms on query and key heads.
func openelm(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.Tied = true
	require(s, []string{"blk.*.attn_qkv.weight"})
	rope(r, s, model.RopeOptions{Halves: true})
	uniform(r, s, model.Attention{QKNorm: true, Bare: true}, swiglu)
	return s
}
