package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// nanbeige is Nanbeige 4: llama, whose layers may run several times over, each time with keys and values of their own
// and with the model's last norm between.
func nanbeige(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.RopeFactors = true
	a := attention(r, s, model.RopeOptions{})
	n, loops := len(s.Layers), r.Loops(s)
	scale, widths := float32(r.Float("attention.scale", 0)), r.FFNWidths(s)
	r.NoExperts()
	for i := range n {
		if a[i].OutputBias = true; scale != 0 {
			a[i].Scale = scale
		}
		s.Layers[i].Mixer, s.Layers[i].FFN = a[i], model.GatedFFN{Width: widths[i], Bias: true, Scales: true}
	}
	s.Repeat(loops)
	for i := n - 1; i < len(s.Layers)-1 && !r.Flag("skip_loop_final_norm", false); i += n {
		s.Layers[i].StreamNorm = "output_norm"
	}
	return s
}
