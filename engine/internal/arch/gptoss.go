package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// gptoss is OpenAI's gpt-oss: every layer a mixture with biases and clamped gates, attention with a sink per head and
// in every other layer a window.
func gptoss(r *model.Reader) *model.Spec {
	s := r.Decoder()
	a := attention(r, s, model.RopeOptions{Halves: true, Full: true})
	r.Need("attention.sliding_window")
	window, local := r.Windows(s, 2)
	sliding := slidingRope(r, s)
	mix := mixtures(r, s)
	for i := range a {
		a[i].OutputBias, a[i].Sinks = true, true
		if local[i] {
			a[i].Window, a[i].Rope = window, sliding
		}
		mix[i].Chosen, mix[i].Biases, mix[i].Activation = true, true, model.ClampedSiLU
		s.Layers[i].FFNNorm = "post_attention_norm"
	}
	setMixers(s, a)
	setExperts(s, mix, 0)
	require(s, untied, []string{"blk.*.attn_output.bias"})
	return s
}
