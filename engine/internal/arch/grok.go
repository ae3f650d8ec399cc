package arch

import (
	"math"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// grok is Grok 1 and 2: norms before and behind attention and network, soft-capped scores, and experts in every layer,
// in Grok 2 beside a dense network. Older files name no factors.
func grok(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.EmbedScale = float32(r.Positive("embedding_scale", 78.38367176906169))
	s.LogitScale = float32(r.Positive("logit_scale", 1/math.Sqrt(3)))
	s.LogitCap = float32(r.Float("final_logit_softcapping", 0))
	if f := r.Float("rope.scaling.yarn_ext_factor", -1); f >= 0 && f != 1 || r.Float("rope.scaling.yarn_attn_factor", 1) != 1 {
		r.Refuse("YaRN with a range or a magnitude of its own (yarn_ext_factor, yarn_attn_factor)")
	}
	a := attention(r, s, model.RopeOptions{Halves: true, Full: true, YarnRange: true, BetaFast: 8})
	scale, limit := r.Positive("attention.output_scale", 0.08838834764831845), r.Positive("attn_logit_softcapping", 30)
	mix, widths := mixtures(r, s), r.FFNWidths(s)
	expert := r.Sizes("expert_feed_forward_length", len(a), widths, 0, model.MaxWidth)
	for i := range a {
		has := func(name string) bool { return r.HasTensor(model.LayerName(i, name)) }
		a[i].Scale, a[i].ScoreCap, a[i].OutputBias = float32(scale), float32(limit), true
		m, l := mix[i], &s.Layers[i]
		m.Normed, m.Activation = true, model.GELU
		if m.Width = expert[i]; m.Width == 0 {
			m.Width = widths[i]
		}
		if has("ffn_up.weight") {
			m.Shared, m.SharedDense, m.OutputScale = widths[i], true, math.Sqrt2/2
		}
		l.PostNorm, l.MixerPostNorm, l.FFN = true, "attn_output_norm", m
		if has("layer_output_norm.weight") {
			l.FFNPostNorm = "layer_output_norm"
		}
	}
	setMixers(s, a)
	return s
}
