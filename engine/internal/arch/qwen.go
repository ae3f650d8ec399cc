package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// qwen is Qwen 1: Llama's block with biases on queries, keys and values. Its files give the width of the network twice
// over.
func qwen(r *model.Reader) *model.Spec {
	s := r.Decoder()
	rope(r, s, model.RopeOptions{Halves: true, Full: true})
	uniform(r, s, model.Attention{}, func(width int) model.FFNSpec { return swiglu(width / 2) })
	require(s, fusedBiases, untied)
	return s
}
