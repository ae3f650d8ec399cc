package arch

import (
	"math"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// minicpm is MiniCPM 1 and 2: llama with factors of embeddings, residuals and logits as Granite has them. Older files
// don't name them.
func minicpm(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.EmbedScale = float32(r.Float("embedding_scale", 12))
	s.LogitScale = float32(1 / r.Positive("logit_scale", 256/float64(s.Width)))
	residual := float32(r.Float("residual_scale", 1.4/math.Sqrt(float64(len(s.Layers)))))
	a := attention(r, s, model.RopeOptions{Full: true})
	ropeTensors(r, s)
	for i := range a {
		a[i].OutputBias, s.Layers[i].ResidualScale = true, residual
	}
	setMixers(s, a)
	graniteNetworks(r, s)
	return s
}

// minicpm3 is MiniCPM 3: DeepSeek's attention with LongRoPE, and MiniCPM's factors.
func minicpm3(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	s.EmbedScale, s.LogitScale = 12, 256/float32(max(s.Width, 1))
	for i, a := range deepseek2Attention(r, s, model.RopeOptions{Halves: true}) {
		if a.QueryRank == 0 {
			r.Fail("attention.q_lora_rank", "MiniCPM 3 has queries of low rank")
		}
		a.Split, a.Scale = false, model.ScoreScale(max(a.KeySize, 1))
		s.Layers[i].Mixer, s.Layers[i].ResidualScale = a, float32(1.4/math.Sqrt(float64(len(s.Layers))))
	}
	s.LongRope = r.HasLongRope()
	setDense(r, s, model.GatedFFN{})
	return s
}
