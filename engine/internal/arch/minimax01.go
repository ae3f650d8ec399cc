package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// minimax01 is MiniMax-Text-01 and MiniMax-M1: linear attention in most layers, experts in all, and a residual stream
// that goes on from the normed input of each part.
func minimax01(r *model.Reader) *model.Spec {
	s := r.Decoder()
	a := attention(r, s, model.RopeOptions{Halves: true})
	linear := r.RecurrentLayers(s, 8)
	mix, widths := mixtures(r, s), r.FFNWidths(s)
	residual := float32(r.Positive("residual_scale", 0))
	for i := range s.Layers {
		l := &s.Layers[i]
		l.NormedResidual, l.Mixer = residual, a[i]
		if linear[i] {
			l.Mixer = r.Lightning(s, i, a[i].Geometry)
		}
		mix[i].Width, mix[i].Normed = widths[i], true
		l.FFN = mix[i]
	}
	return s
}
