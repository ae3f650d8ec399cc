package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// talkie is Talkie 13B: Llama's block with norms that have no weights, queries whose heads have a gain, and embeddings
// that every layer adds. Norms of heads follow RoPE, which without weights is the same as before it.
func talkie(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.Norm, s.EmbedUnit, s.OutputScale = model.NormSpec{Bare: true}, true, false
	s.LogitScale = neededLogitScale(r)
	rope(r, s, model.RopeOptions{Halves: true, Full: true})
	uniform(r, s, model.Attention{EachNorm: model.HeadGain}, func(width int) model.FFNSpec {
		return model.GatedFFN{Width: width, DownScale: true}
	})
	for i := range s.Layers {
		s.Layers[i].EmbedSkip = true
	}
	require(s, untied)
	return s
}
