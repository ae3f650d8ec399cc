package arch

import (
	"math"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// hunyuanDense is Tencent's Hunyuan with a dense network: norms on query and key heads behind RoPE, whose base grows
// with a factor for long contexts.
func hunyuanDense(r *model.Reader) *model.Spec {
	s := hunyuanAttention(r)
	r.NoExperts()
	if alpha := r.Float("rope.scaling.alpha", 0); alpha > 0 {
		d := float64(s.Geometry(0).KeySize)
		s.Ropes[0].Base *= math.Pow(alpha, d/(d-2))
	}
	sections(r, s)
	setDense(r, s, model.GatedFFN{})
	return s
}

// hunyuanMoE is Hunyuan with experts in every layer, beside a network for all tokens.
func hunyuanMoE(r *model.Reader) *model.Spec {
	s := hunyuanAttention(r)
	mix := mixtures(r, s)
	for i, n := range r.FFNWidths(s) {
		mix[i].Width, mix[i].Shared, mix[i].Normed = n, r.SharedWidth(n), true
	}
	setExperts(s, mix, 0)
	return s
}

func hunyuanAttention(r *model.Reader) *model.Spec {
	s := r.Decoder()
	a := attention(r, s, model.RopeOptions{Halves: true, Full: true})
	for i := range a {
		a[i].QKNorm, a[i].NormRotated = true, true
	}
	setMixers(s, a)
	return s
}
