package arch

import (
	"math"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// commandR is Command R and R+, and Aya 23: attention and network in parallel behind one layer norm without bias, and
// logits multiplied by a factor. R+ norms query and key heads.
func commandR(r *model.Reader) *model.Spec {
	const firstNormed = 64 // layers from which on there are norms of queries and keys
	s := cohere(r)
	s.LogitScale = float32(r.Float("logit_scale", 0))
	a := model.Attention{}
	if len(s.Layers) >= firstNormed {
		a.EachNorm = model.HeadLayerNorm
	}
	uniform(r, s, a, swiglu)
	return s
}

// cohere2 is Command R7B, Command A and Aya Expanse: three layers of four attend in a sliding window with RoPE, the
// others to all tokens without.
func cohere2(r *model.Reader) *model.Spec {
	s := cohere(r)
	s.Ropes = append(s.Ropes, model.NoPosition())
	s.LogitScale = neededLogitScale(r)
	r.Size("attention.sliding_window", -1, 1, math.MaxInt32)
	window, local := r.Windows(s, 4)
	uniform(r, s, model.Attention{}, func(width int) model.FFNSpec { return model.GatedFFN{Width: width, Scales: true} })
	for i := range s.Layers {
		a := s.Layers[i].Mixer.(model.Attention)
		if local[i] {
			a.Window = window
		} else {
			a.Rope = 1
		}
		s.Layers[i].Mixer = a
	}
	return s
}

// cohere is what both share.
func cohere(r *model.Reader) *model.Spec {
	s := r.LayerNormDecoder()
	s.Norm.Bias = false
	s.Tied = true
	rope(r, s, model.RopeOptions{})
	parallel(s)
	return s
}

// cohere2moe is Command A with experts: cohere2's layers, the first ones dense and with RoPE in any case.
func cohere2moe(r *model.Reader) *model.Spec {
	s := cohereNorms(r)
	s.LogitScale, s.OutputScale = neededLogitScale(r), false
	r.Size("attention.sliding_window", -1, 1, math.MaxInt32)
	a := attention(r, s, model.RopeOptions{Full: true})
	s.Ropes = append(s.Ropes, model.NoPosition())
	setDense(r, s, model.GatedFFN{Scales: true})
	mix, dense, window := sigmoidMixtures(r, s), leadingDense(r, s), r.Window(0)
	for i, local := range r.LocalLayers(s, window, 4, true) {
		switch {
		case local:
			a[i].Window = window
		case i >= dense:
			a[i].Rope = 1
		}
		m := &mix[i]
		m.Bias, m.Fused, m.Scales, m.SharedScales = false, true, true, true
		if n := r.SharedCount(m.Width); n > 0 {
			m.Shared, m.OutputScale = r.SharedWidth(n), 0.5
		}
	}
	setMixers(s, a)
	setExperts(s, mix, dense)
	parallel(s)
	return s
}

// cohereNorms is a decoder with RMS norms, or layer norms without bias where there is only their epsilon.
func cohereNorms(r *model.Reader) *model.Spec {
	if r.Float("attention.layer_norm_rms_epsilon", 0) != 0 {
		return r.Decoder()
	}
	s := r.LayerNormDecoder()
	s.Norm.Bias = false
	return s
}
