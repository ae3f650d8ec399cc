package arch

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// plamo is PLaMo 13B: llama with attention and network side by side behind one norm.
func plamo(r *model.Reader) *model.Spec {
	s := r.Decoder()
	rope(r, s, model.RopeOptions{Halves: true, Full: true})
	uniform(r, s, model.Attention{}, swiglu)
	parallel(s)
	require(s, untied)
	return s
}

// plamo2 is PLaMo 2 and 2.1: state spaces with channels in heads, attention in the layers with key/value heads, whose
// heads have norms with weights of their own, and norms behind both parts.
func plamo2(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	heads, widths, mixer := r.HybridHeads(s), r.FFNWidths(s), r.HeadedMamba(s)
	o := model.RopeOptions{Halves: true}
	for i, g := range heads {
		l := &s.Layers[i]
		l.PostNorm, l.Mixer, l.FFN = true, mixer, model.GatedFFN{Width: widths[i], Fused: true}
		if g.KVHeads > 0 {
			s.Ropes = []attn.RopeConfig{r.Rope(s, g.KeySize, o)}
			l.Mixer = model.Attention{Geometry: g, Scale: model.ScoreScale(g.ValueSize), EachNorm: model.HeadRMSNorm, Bare: true}
		}
	}
	return s
}

// plamo3 is PLaMo 3: norms on query and key heads, norms behind attention and network, and layers with a window, which
// have a position embedding of their own.
func plamo3(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	o := model.RopeOptions{Halves: true}
	a := attention(r, s, o)
	window, local := r.Windows(s, 8)
	sliding := r.WindowRope(s, a[0].KeySize, o)
	sliding.Base = r.Positive("rope.freq_base_swa", 10000)
	s.Ropes = append(s.Ropes, sliding)
	for i, n := range r.FFNWidths(s) {
		a[i].QKNorm, a[i].Bare = true, true
		if local[i] {
			a[i].Window, a[i].Rope = window, 1
		}
		s.Layers[i].PostNorm, s.Layers[i].FFN = true, model.GatedFFN{Width: n, Fused: true}
	}
	setMixers(s, a)
	require(s, []string{"blk.*.attn_qkv.weight"})
	return s
}
