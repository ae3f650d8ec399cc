package arch

import (
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// afmoe is Arcee's Trinity: gated attention with norms on query and key heads, of which every fourth layer has no
// positions and the others mostly a window, sandwich norms, and behind some dense layers experts beside a network for
// all tokens.
func afmoe(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.EmbedScale = float32(math.Sqrt(float64(s.Width)))
	a := gated(r, s, model.GateSigmoid, 4, false)
	s.Ropes = append(s.Ropes, model.NoPosition())
	for i := range a {
		if s.Layers[i].PostNorm = true; i%4 == 3 {
			a[i].Rope = 2
		}
	}
	sigmoidExperts(r, s, a, 0)
	requireChoiceBiases(s)
	return s
}

// gated is attention of which the outputs of heads are gated, in a window in all but one of every so many layers, the
// first or the last, with a position embedding of its own.
func gated(r *model.Reader, s *model.Spec, gate model.Gate, every int, first bool) []model.Attention {
	a := attention(r, s, model.RopeOptions{Halves: true})
	local := s.Ropes[0]
	local.Base = r.Positive("rope.freq_base_swa", local.Base)
	s.Ropes = append(s.Ropes, local)
	window := r.Window(0)
	for i, l := range r.LocalLayers(s, window, every, first) {
		if a[i].Gate = gate; l {
			a[i].Window, a[i].Rope = window, 1
		}
	}
	return a
}

// laguna is Poolside's Laguna: attention gated by a softplus, plain RoPE in layers with a window and YaRN in the
// others, and behind some dense layers experts beside a network for all tokens.
func laguna(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.OutputScale = false
	a := gated(r, s, model.GateSoftplus, 4, true)
	s.Ropes[1] = attn.RopeConfig{Halves: true, Dims: windowDims(r, s, a), Base: s.Ropes[1].Base, Scale: 1, Magnitude: 1}
	for i := range a {
		a[i].QKNorm = true
	}
	setMixers(s, a)
	setDense(r, s, model.GatedFFN{})
	mix := sigmoidMixtures(r, s)
	for i := range mix {
		width := mix[i].Width
		mix[i].Shared = r.SharedWidth(width * r.Size("expert_shared_count", 1, 0, model.MaxWidth/max(width, 1)))
	}
	setExperts(s, mix, leadingDense(r, s))
	requireChoiceBiases(s)
	return s
}

// windowDims reads how many values of a head rotate in layers with a window.
func windowDims(r *model.Reader, s *model.Spec, a []model.Attention) int {
	const key = "rope.dimension_count_swa"
	n := r.Size(key, s.Ropes[0].Dims, 2, a[0].KeySize)
	if n%2 != 0 {
		r.Fail(key, "%d is odd", n)
	}
	return n
}

// spark25 is Spark 2.5: attention gated by head, in most layers in a window, and GELU.
func spark25(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.OutputScale = false
	if r.NoExperts(); !r.Has("attention.sliding_window") || !r.Has("attention.sliding_window_pattern") {
		r.Fail("attention.sliding_window_pattern", "Spark needs it and attention.sliding_window")
	}
	a := gated(r, s, model.GateSigmoid, 0, false)
	s.Ropes[1].Dims = windowDims(r, s, a)
	setMixers(s, a)
	setDense(r, s, model.GatedFFN{Activation: model.GELU})
	return s
}
