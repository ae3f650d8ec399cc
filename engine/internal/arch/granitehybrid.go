package arch

import (
	"cmp"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// graniteHybrid is IBM's Granite 4 H: Mamba 2 in most layers and attention in the others, which have key/value heads,
// with Granite's factors of embeddings, scores, residuals and logits. rope.scaling.finetuned says whether positions are
// embedded at all.
func graniteHybrid(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.EmbedScale = float32(r.Float("embedding_scale", 0))
	if f := r.Float("logit_scale", 0); f != 0 {
		s.LogitScale = float32(1 / f)
	}
	residual, scale := float32(r.Float("residual_scale", 0)), float32(r.Float("attention.scale", 0))
	mixer := r.Mamba2()
	mixer.Norm = true
	for i, g := range r.HybridHeads(s) {
		l := &s.Layers[i]
		l.ResidualScale = residual
		if l.Mixer = mixer; g.KVHeads > 0 {
			if s.Ropes == nil {
				s.Ropes = []attn.RopeConfig{r.Rope(s, g.KeySize, model.RopeOptions{})}
			}
			l.Mixer = model.Attention{Geometry: g, Scale: cmp.Or(scale, model.ScoreScale(g.KeySize)), OutputBias: true}
		}
	}
	s.RopeFactors = len(s.Ropes) > 0
	if s.RopeFactors && !r.Flag("rope.scaling.finetuned", true) {
		s.Ropes[0] = model.NoPosition()
		s.RopeFactors, s.Unused = false, []string{"rope_freqs.weight"}
	}
	graniteNetworks(r, s)
	return s
}
