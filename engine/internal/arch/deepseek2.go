package arch

import (
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// deepseek2 is DeepSeek V2 and V3, and what has their shape (GLM-4.7-Flash, Kimi K2): latent attention of its own,
// after some dense layers a mixture of experts beside a network for all tokens. Conversions for llama.cpp have it too,
// without experts.
func deepseek2(r *model.Reader) *model.Spec { return deepseek2Like(r, model.RopeOptions{MLA: true}) }

// deepseek2Like are deepseek2 and its descendants, which differ in their position embedding.
func deepseek2Like(r *model.Reader, o model.RopeOptions) *model.Spec {
	s := r.Decoder()
	return deepseekExperts(r, s, deepseek2Attention(r, s, o))
}

// deepseekExperts gives a model's layers their attention, and networks: dense ones, then mixtures.
func deepseekExperts(r *model.Reader, s *model.Spec, a []model.MLA) *model.Spec {
	widths := r.FFNWidths(s)
	dense := min(r.Size("leading_dense_block_count", 0, 0, math.MaxInt32), len(s.Layers))
	mix := r.Experts(s)
	if mix == nil && dense < len(s.Layers) {
		r.Fail("leading_dense_block_count", "%d of %d layers are dense, and there are no experts for the others", dense, len(s.Layers))
	}
	if mix != nil { // always there, unlike in other architectures
		r.Sizes("expert_feed_forward_length", len(s.Layers), nil, 1, model.MaxWidth)
	}
	if r.Err() != nil {
		return s
	}
	for i := range s.Layers {
		s.Layers[i].Mixer = a[i]
		if i < dense {
			s.Layers[i].FFN = model.GatedFFN{Width: widths[i]}
			continue
		}
		m := mix[i]
		m.Bias, m.Fused = true, true
		m.Shared = m.Width * r.Size("expert_shared_count", 0, 0, model.MaxWidth/m.Width)
		r.Gating(&m, isGLM(s))
		m.Normed, m.Scale = r.Flag("expert_weights_norm", false), r.ExpertScale()
		s.Layers[i].FFN = m
	}
	return s
}

// isGLM recognises GLM-4.7-Flash, whose first files don't name the gating function.
func isGLM(s *model.Spec) bool {
	return (len(s.Layers) == 47 || len(s.Layers) == 48) && s.Vocab == 154880
}

// deepseek2Attention reads the attention of all layers. In older files keys and values are not split into their parts.
func deepseek2Attention(r *model.Reader, s *model.Spec, o model.RopeOptions) []model.MLA {
	const key, value = "attention.key_length_mla", "attention.value_length_mla"
	heads := r.Heads(s)
	a := model.MLA{
		KeySize: heads[0].KeySize, ValueSize: heads[0].ValueSize,
		QueryRank: r.Size("attention.q_lora_rank", 0, 0, model.MaxWidth),
		L:         r.Size("attention.kv_lora_rank", -1, 1, model.MaxWidth),
		Split:     r.Size(key, 0, 0, model.MaxWidth) > 0,
	}
	if a.Split {
		a.KeySize, a.ValueSize = r.Size(key, -1, 1, model.MaxWidth), r.Size(value, -1, 1, model.MaxWidth)
	}
	rope := r.Rope(s, a.KeySize, o)
	s.Ropes = []attn.RopeConfig{rope}
	if a.R = rope.Dims; a.R > a.KeySize || a.R == a.KeySize && a.Split {
		r.Fail("rope.dimension_count", "%d leaves nothing of a key of %d", a.R, a.KeySize)
	}
	a.Scale = r.MLAScale(rope, a.KeySize)
	if a.Temperature.Scale = r.Float("attention.temperature_scale", 0); a.Temperature.Scale != 0 {
		a.Temperature.Floor = r.Size("attention.temperature_length", -1, 1, math.MaxInt32)
	}
	out := make([]model.MLA, len(heads))
	for i := range out {
		out[i] = a
		out[i].Heads, out[i].KVHeads = heads[i].Heads, heads[i].KVHeads
	}
	return out
}
