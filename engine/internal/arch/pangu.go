package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// pangu is Pangu Embedded: llama with biases in attention.
func pangu(r *model.Reader) *model.Spec {
	s := r.Decoder()
	rope(r, s, model.RopeOptions{Halves: true, Full: true})
	ropeTensors(r, s)
	uniform(r, s, model.Attention{OutputBias: true}, swiglu)
	require(s, []string{"blk.*.attn_output.bias"})
	return s
}
