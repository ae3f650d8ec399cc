package arch

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// mimo2 is Xiaomi's MiMo V2: layers with a window, which may have sinks, have a position embedding of their own; what
// attention gives may be multiplied by a factor. The layers with experts are those that the file has a router for.
func mimo2(r *model.Reader) *model.Spec {
	s := r.Decoder()
	heads := r.Heads(s)
	o := model.RopeOptions{Halves: true}
	sliding := r.WindowRope(s, heads[0].KeySize, o)
	sliding.Base = r.Positive("rope.freq_base_swa", 10000)
	s.Ropes = []attn.RopeConfig{r.Rope(s, heads[0].KeySize, o), sliding}
	r.Need("attention.sliding_window", "attention.sliding_window_pattern")
	window, local := r.Windows(s, 0)
	scale := float32(r.Float("attention.value_scale", 0))
	setDense(r, s, model.GatedFFN{})
	mix := mixtures(r, s)
	for i, g := range heads {
		a := model.Attention{Geometry: g, Scale: model.ScoreScale(g.KeySize), OutputScale: scale, Bare: true}
		a.Sinks = r.HasTensor(model.LayerName(i, "attn_sinks.weight"))
		if local[i] {
			a.Window, a.Rope = window, 1
		}
		s.Layers[i].Mixer = a
		if r.HasTensor(model.LayerName(i, "ffn_gate_inp.weight")) {
			mix[i].Sigmoid, mix[i].Bias, mix[i].Normed = true, true, true
			s.Layers[i].FFN = mix[i]
			s.Unused = append(s.Unused, denseTensors(i)...) // which files may have beside
		}
	}
	require(s, untied)
	return s
}

// denseTensors names what a gated network of layer i has.
func denseTensors(i int) []string {
	var out []string
	for _, matrix := range []string{"ffn_gate", "ffn_up", "ffn_down"} {
		for _, kind := range []string{".weight", ".scale", ".input_scale"} {
			out = append(out, model.LayerName(i, matrix+kind))
		}
	}
	return out
}
