package arch

import (
	"fmt"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// falconH1 is Falcon H1: in every layer grouped-query attention and Mamba 2 side by side.
func falconH1(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	heads, widths, mixer := r.Heads(s), r.FFNWidths(s), r.Mamba2()
	s.Ropes = []attn.RopeConfig{r.Rope(s, heads[0].KeySize, model.RopeOptions{Halves: true})}
	s.Unused = []string{"rope_freqs.weight"} // like the next ones it has no effect in llama.cpp
	for i := range s.Layers {
		s.Unused = append(s.Unused, fmt.Sprintf("blk.%d.attn_output.bias", i))
		s.Layers[i].Mixer = model.Both{
			First:  model.Attention{Geometry: heads[i], Scale: model.ScoreScale(heads[i].KeySize)},
			Second: mixer,
		}
		s.Layers[i].FFN = model.GatedFFN{Width: widths[i], Bias: true}
	}
	return s
}
