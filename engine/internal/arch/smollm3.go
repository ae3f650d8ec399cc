package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// smollm3 is SmolLM 3: llama whose every fourth layer has no position embedding.
func smollm3(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	a := attention(r, s, model.RopeOptions{Full: true})
	s.Ropes = append(s.Ropes, model.NoPosition())
	for i := range a {
		if (i+1)%4 == 0 {
			a[i].Rope = 1
		}
	}
	setMixers(s, a)
	setDense(r, s, model.GatedFFN{})
	return s
}
