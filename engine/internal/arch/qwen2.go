package arch

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// qwen2 is Qwen 2 and 2.5: biases on queries, keys and values.
func qwen2(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	s.OutputBias = true
	heads, widths := r.Heads(s), r.FFNWidths(s)
	s.Ropes = []attn.RopeConfig{r.Rope(s, heads[0].KeySize, model.RopeOptions{Halves: true})}
	for i := range s.Layers {
		s.Layers[i].Mixer = model.Attention{Geometry: heads[i], Scale: model.ScoreScale(heads[i].KeySize)}
		s.Layers[i].FFN = model.GatedFFN{Width: widths[i]}
	}
	return s
}
