package arch

import (
	"math"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// gemma is Gemma 1: GELU, and embeddings scaled by √width.
func gemma(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	s.EmbedScale = float32(math.Sqrt(float64(s.Width)))
	setMixers(s, attention(r, s, model.RopeOptions{Halves: true}))
	setDense(r, s, model.GatedFFN{Activation: model.GELU})
	return s
}
