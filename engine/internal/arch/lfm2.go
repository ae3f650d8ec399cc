package arch

import (
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// lfm2 is Liquid's LFM2: gated short convolutions, and grouped-query attention with norms on query and key heads in
// some layers.
func lfm2(r *model.Reader) *model.Spec {
	s := lfm2Mixers(r)
	r.NoExperts()
	for i, w := range r.FFNWidths(s) {
		s.Layers[i].FFN = model.GatedFFN{Width: w}
	}
	if window := r.Size("attention.sliding_window", 0, 0, math.MaxInt32); window > 0 {
		for i, l := range s.Layers {
			if a, ok := l.Mixer.(model.Attention); ok {
				a.Window = window
				s.Layers[i].Mixer = a
			}
		}
	}
	return s
}

// lfm2Mixers is what the dense models and those with experts share.
func lfm2Mixers(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.OutputNorm = "token_embd_norm"
	s.Dense = true
	heads := r.HybridHeads(s)
	conv := model.ShortConv{Size: r.Size("shortconv.l_cache", -1, 2, 64)}
	for i, g := range heads {
		if g.KVHeads == 0 {
			s.Layers[i].Mixer = conv
			continue
		}
		if len(s.Ropes) == 0 {
			s.Ropes = []attn.RopeConfig{r.Rope(s, g.KeySize, model.RopeOptions{Halves: true})}
		}
		s.Layers[i].Mixer = model.Attention{Geometry: g, Scale: model.ScoreScale(g.KeySize), QKNorm: true}
	}
	return s
}
