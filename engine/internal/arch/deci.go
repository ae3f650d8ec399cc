package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// deci is Nvidia's Llama Nemotron (Super 49B, Ultra 253B) and DeciLM: Llama with layers of several widths, of which
// some are only a network.
func deci(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	heads := r.Sizes("attention.head_count", len(s.Layers), nil, 0, model.MaxWidth)
	shapes, widths := r.HybridHeads(s), r.Sizes("feed_forward_length", len(s.Layers), nil, 0, model.MaxWidth)
	size := 0
	for i, g := range shapes {
		size = max(size, g.KeySize)
		switch {
		case heads[i] > 0 && g.KVHeads == 0:
			r.Refuse("layer %d: attention that is only a matrix (0 in key %q)", i, "deci.attention.head_count_kv")
		case heads[i] > 0 && widths[i] == 0:
			r.Refuse("layer %d: attention without a network (0 in key %q), which llama.cpp leaves out", i, "deci.feed_forward_length")
		case heads[i] > 0:
			s.Layers[i].Mixer = model.Attention{Geometry: g, Scale: model.ScoreScale(g.KeySize), OutputBias: true}
		default:
			s.Layers[i].MixerNorm = model.NoNorm
		}
		if widths[i] > 0 {
			s.Layers[i].FFN = model.GatedFFN{Width: widths[i], Bias: true}
		}
	}
	if size == 0 {
		r.Fail("attention.head_count_kv", "no layer attends")
		size = 2
	}
	s.Ropes = append(s.Ropes, r.Rope(s, size, model.RopeOptions{Full: true}))
	ropeTensors(r, s)
	return s
}
