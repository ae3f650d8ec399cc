package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// refact is Refact 1.6B: Llama's block with ALiBi in place of RoPE. Biases behind attention and network may be in its
// files and don't count, as in llama.cpp.
func refact(r *model.Reader) *model.Spec {
	s := r.Decoder()
	noRope(s)
	uniform(r, s, model.Attention{ALiBi: bloomALiBi}, swiglu)
	s.Unused = append(s.Unused, "rope_freqs.weight")
	for i := range s.Layers {
		for _, n := range []string{"attn_output.bias", "ffn_gate.bias", "ffn_up.bias", "ffn_down.bias"} {
			s.Unused = append(s.Unused, model.LayerName(i, n))
		}
	}
	return s
}
