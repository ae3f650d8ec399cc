package arch

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// museGlimmer is Muse Glimmer: normed embeddings, gated attention, of which three layers of four have a window and RoPE
// and the others no positions, and sandwich norms with an epsilon of their own behind both parts.
func museGlimmer(r *model.Reader) *model.Spec {
	const postEpsilon, logitCap = 1e-8, 30
	s := r.Decoder()
	s.EmbedUnit = true
	s.LogitScale, s.LogitCap = neededLogitScale(r), float32(r.Float("final_logit_softcapping", logitCap))
	uniform(r, s, model.Attention{QKNorm: true, Gate: model.GateSigmoid}, swiglu)
	local := r.WindowRope(s, s.Geometry(0).KeySize, model.RopeOptions{})
	local.Base = r.Positive("rope.freq_base_swa", local.Base)
	s.Ropes = []attn.RopeConfig{local, model.NoPosition()}
	r.Positive("attention.sliding_window", 0)
	window, windowed := r.Windows(s, 4)
	for i := range s.Layers {
		l := &s.Layers[i]
		l.PostNorm, l.PostEps = true, postEpsilon
		a := l.Mixer.(model.Attention)
		if a.Rope = 1; windowed[i] {
			a.Window, a.Rope = window, 0
		}
		l.Mixer = a
	}
	require(s, untied)
	return s
}

// neededLogitScale reads the factor of logits where a file must have one.
func neededLogitScale(r *model.Reader) float32 {
	if !r.Has("logit_scale") {
		r.Fail("logit_scale", "missing: logits are multiplied by it")
	}
	return float32(r.Float("logit_scale", 0))
}
