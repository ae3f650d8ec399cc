package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// olmo is OLMo 1: layer norms without weights, and in some files clamped queries, keys and values.
func olmo(r *model.Reader) *model.Spec {
	s := r.LayerNormDecoder()
	s.Norm = model.NormSpec{Mean: true, Bare: true}
	rope(r, s, model.RopeOptions{Full: true})
	uniform(r, s, model.Attention{Clamp: clampQKV(r)}, swiglu)
	return s
}
