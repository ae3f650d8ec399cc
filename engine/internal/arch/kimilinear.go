package arch

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// kimiLinear is Kimi Linear: Kimi Delta Attention, in every fourth layer latent attention without positions, and behind
// the first layers DeepSeek's mixtures of experts.
func kimiLinear(r *model.Reader) *model.Spec {
	s := r.Decoder()
	heads := r.Sizes("attention.head_count", len(s.Layers), nil, 0, model.MaxWidth)[0]
	kv := r.Sizes("attention.head_count_kv", len(s.Layers), nil, 0, model.MaxWidth)
	k := r.KDA(heads)
	a := kimiAttention(r, s, heads)
	dense, widths := leadingDense(r, s), r.FFNWidths(s)
	mix := mixtures(r, s)
	deltaOrLatent(s, kv, k, a)
	for i := range s.Layers {
		if s.Layers[i].FFN = (model.GatedFFN{Width: widths[i]}); i < dense {
			continue
		}
		m := mix[i]
		m.Bias, m.Normed, m.Scale = true, true, r.ExpertScale()
		r.Gating(&m, true)
		m.Shared = max(r.SharedCount(m.Width), m.Width)
		s.Layers[i].FFN = m
	}
	requireChoiceBiases(s)
	require(s, untied)
	return s
}

// deltaOrLatent makes layers with key/value heads a, the others k.
func deltaOrLatent(s *model.Spec, kv []int, k model.KDA, a model.MLA) {
	for i := range s.Layers {
		if s.Layers[i].Mixer = k; kv[i] > 0 {
			s.Layers[i].Mixer = a
			continue
		}
		for _, n := range []string{"attn_q.bias", "attn_k.bias", "attn_v.bias"} { // which llama.cpp's generator writes
			s.Unused = append(s.Unused, model.LayerName(i, n))
		}
	}
}

// kimiAttention reads the latent attention.
func kimiAttention(r *model.Reader, s *model.Spec, heads int) model.MLA {
	a := model.MLA{
		Heads: heads, KVHeads: heads, Split: true, L: r.Size("attention.kv_lora_rank", -1, 1, model.MaxWidth),
		KeySize: r.Size("attention.key_length_mla", -1, 2, model.MaxWidth), ValueSize: r.Size("attention.value_length_mla", -1, 1, model.MaxWidth),
	}
	if a.R = r.Size("rope.dimension_count", -1, 1, model.MaxWidth); a.R%2 != 0 || a.R >= a.KeySize {
		r.Fail("rope.dimension_count", "%d is odd or leaves nothing of a key of %d", a.R, a.KeySize)
		a.R = 2
	}
	a.Scale = model.ScoreScale(a.KeySize)
	s.Ropes = []attn.RopeConfig{{Dims: a.R, Base: 1, Fixed: true}}
	return a
}
