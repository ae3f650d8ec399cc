package arch

import (
	"cmp"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// granite is IBM's Granite 3 and 4 with attention in every layer: llama with factors of embeddings, scores, residuals
// and logits. rope.scaling.finetuned says whether positions are embedded at all.
func granite(r *model.Reader) *model.Spec {
	s := graniteLike(r)
	if !r.Flag("rope.scaling.finetuned", true) {
		s.Ropes[0] = model.NoPosition()
	}
	return s
}

// granitemoe is Granite with experts, beside which there may be a network for all tokens.
func granitemoe(r *model.Reader) *model.Spec { return graniteLike(r) }

func graniteLike(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.EmbedScale = float32(r.Float("embedding_scale", 0))
	s.LogitScale = float32(1 / r.Positive("logit_scale", 0))
	residual := float32(r.Float("residual_scale", 0))
	a := attention(r, s, model.RopeOptions{Full: true})
	ropeTensors(r, s)
	scale := float32(r.Float("attention.scale", 0))
	for i := range a {
		a[i].OutputBias, a[i].Scale = true, cmp.Or(scale, a[i].Scale)
		s.Layers[i].ResidualScale = residual
	}
	setMixers(s, a)
	graniteNetworks(r, s)
	return s
}

// graniteNetworks gives each layer a gated network, or experts where the file has some.
func graniteNetworks(r *model.Reader, s *model.Spec) {
	setDense(r, s, model.GatedFFN{Bias: true})
	mix := r.Experts(s)
	for i := range mix {
		mix[i].Width = r.FFNWidths(s)[i]
		mix[i].Normed, mix[i].Shared = true, r.SharedWidth(0)
		s.Layers[i].FFN = mix[i]
	}
}
