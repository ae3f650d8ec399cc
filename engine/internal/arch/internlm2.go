package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// internlm2 is InternLM 2 to 3: llama.
func internlm2(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	setMixers(s, attention(r, s, model.RopeOptions{Full: true}))
	setDense(r, s, model.GatedFFN{})
	require(s, untied)
	return s
}
