package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// hyV3 is Tencent's Hy3: Qwen 3's attention, and in layers that have a router experts beside a network for all tokens.
func hyV3(r *model.Reader) *model.Spec {
	s := r.Decoder()
	a := attention(r, s, model.RopeOptions{Halves: true, Full: true})
	setDense(r, s, model.GatedFFN{Scales: true})
	mix := sigmoidMixtures(r, s)
	for i := range a {
		a[i].QKNorm = true
		m := &mix[i]
		m.BareBias, m.Fused, m.Scales, m.SharedScales = true, true, true, true
		if m.Shared = r.SharedWidth(m.Width); r.HasTensor(model.LayerName(i, "ffn_gate_inp.weight")) {
			s.Layers[i].FFN = *m
			for _, n := range []string{"ffn_gate", "ffn_up", "ffn_down"} { // which llama.cpp's generator writes
				n = model.LayerName(i, n)
				s.Unused = append(s.Unused, n+".weight", n+".scale", n+".input_scale")
			}
		}
	}
	setMixers(s, a)
	return s
}
