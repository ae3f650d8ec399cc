package arch

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// cogvlm is the text part of CogVLM: Llama's block, whose second set of weights is for images.
func cogvlm(r *model.Reader) *model.Spec {
	s := r.Decoder()
	size := r.Heads(s)[0].KeySize
	s.Ropes = []attn.RopeConfig{r.PlainRope(s, size, model.RopeOptions{Halves: true, Full: true})}
	s.Ropes[0].Base = 10000 // whatever the file says
	uniform(r, s, model.Attention{Bare: true}, swiglu)
	require(s, []string{"blk.*.attn_qkv.weight"})
	s.Unused = append(s.Unused, "rope_freqs.weight")
	for i := range s.Layers {
		for _, n := range []string{"attn_qkv", "attn_output", "gate", "down", "up"} {
			s.Unused = append(s.Unused, model.LayerName(i, "vis_"+n+".weight"))
		}
	}
	return s
}
