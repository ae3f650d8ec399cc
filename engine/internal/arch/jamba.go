package arch

import (
	"fmt"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// jamba is AI21's Jamba: Mamba 1 with norms in most layers, attention without positions in those with key/value heads,
// and experts in the layers that have a router.
func jamba(r *model.Reader) *model.Spec {
	s := r.Decoder()
	heads, widths, mixer, mix := r.HybridHeads(s), r.FFNWidths(s), r.Mamba(), r.Experts(s)
	mixer.Norms = true
	s.Ropes = []attn.RopeConfig{model.NoPosition()}
	for i, g := range heads {
		l := &s.Layers[i]
		if l.Mixer = mixer; g.KVHeads > 0 {
			l.Mixer = model.Attention{Geometry: g, Scale: model.ScoreScale(g.KeySize)}
		}
		l.FFN = model.GatedFFN{Width: widths[i]}
		if mix != nil && r.HasTensor(fmt.Sprintf("blk.%d.ffn_gate_inp.weight", i)) {
			mix[i].Width = widths[i]
			l.FFN = mix[i]
		}
	}
	return s
}
