package arch

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// llama is Llama 1 to 3, Mistral 7B, SmolLM and all that was trained in their shape; with experts, Mixtral.
func llama(r *model.Reader) *model.Spec {
	return llamaLike(r, model.RopeOptions{Full: true}, model.Temperature{})
}

// llamaLike are llama and its descendants, which differ in their position embedding.
func llamaLike(r *model.Reader, o model.RopeOptions, t model.Temperature) *model.Spec {
	s := r.Decoder()
	heads, widths := r.Heads(s), r.FFNWidths(s)
	s.Ropes = []attn.RopeConfig{r.Rope(s, heads[0].KeySize, o)}
	s.RopeFactors = true
	if t.Scale != 0 {
		t.Floor = max(s.Ropes[0].OrigContext, 1)
	}
	mix := r.Experts(s)
	for i := range s.Layers {
		s.Layers[i].Mixer = model.Attention{
			Geometry: heads[i], Scale: model.ScoreScale(heads[i].KeySize), OutputBias: true, Temperature: t,
		}
		s.Layers[i].FFN = model.GatedFFN{Width: widths[i], Bias: true, Scales: true}
		if mix != nil { // Mixtral's experts are as wide as a dense network is
			mix[i].Width, mix[i].Normed, mix[i].Scales = widths[i], true, true
			s.Layers[i].FFN = mix[i]
		}
	}
	return s
}
