package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// hrmText is HRM-Text: a stack of layers and a slower one that run in turn over the same tokens. Norms have no weights,
// and attention is gated. The file counts as layers all that run, and has the weights of two stacks.
func hrmText(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	a := attention(r, s, model.RopeOptions{Halves: true})
	setDense(r, s, model.GatedFFN{})
	s.EmbedScale, s.Norm.Bare, s.OutputNorm = float32(r.Float("embedding_scale", 0)), true, model.NoNorm
	most := len(s.Layers)
	c := model.Cycles{
		Stack: r.Size("hrm.layers_per_stack", -1, 1, most), Low: r.Size("hrm.l_cycles", -1, 1, most), High: r.Size("hrm.h_cycles", -1, 1, most),
	}
	if c.Layers() != most {
		r.Fail("block_count", "%d layers are not %d times a stack of %d layers %d times and another once", most, c.High, c.Stack, c.Low)
		return s
	}
	for i := range a {
		a[i].Gate = model.GateSigmoid
		s.Layers[i].Repeats, s.Layers[i].OwnScales = i-c.Block(i), true
	}
	setMixers(s, a)
	s.Copies = c
	return s
}
