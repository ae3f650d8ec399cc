package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// phi3 is Phi-3, 3.5 and 4: fused projections, and LongRoPE in the models with long contexts. The window that some
// files name is not used, as in llama.cpp: it is as long as the context that the files without it have.
func phi3(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	s.LongRope = r.HasLongRope()
	setMixers(s, attention(r, s, model.RopeOptions{Halves: true}))
	setDense(r, s, model.GatedFFN{Fused: true})
	return s
}
