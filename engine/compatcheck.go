package engine

import (
	"fmt"
	"slices"
)

// checkCompat tells, before any work, what keeps a model from being written for llama.cpp in the shapes of plan: the error
// wraps ErrUnsupported and names the one property that architecture deepseek2 has no place for.
func (m *Model) checkCompat(plan []latentShape) error {
	h := m.h
	obstacle := firstTrue(h.obstacles())
	for i := range m.w.layers {
		if obstacle != "" {
			break
		}
		if o := firstTrue(m.w.layers[i].obstacles()); o != "" {
			obstacle = fmt.Sprintf("%s (layer %d)", o, i)
		}
	}
	switch {
	case obstacle != "":
	case m.w.bias != nil:
		obstacle = "a bias of the output"
	case m.w.output.scale != 1:
		obstacle = "a scale of the output's weights"
	default:
		obstacle = firstTrue(h.planObstacles(plan))
	}
	if obstacle == "" {
		return nil
	}
	return fmt.Errorf("%s: llama.cpp's latent attention, architecture deepseek2, can't express %s; convert it to this program's own form: %w",
		m.file.Name(), obstacle, ErrUnsupported)
}

// obstacle is a property that a model may have.
type obstacle struct {
	there bool
	what  string
}

// firstTrue returns the first obstacle that is there, "" when none is.
func firstTrue(list []obstacle) string {
	i := slices.IndexFunc(list, func(o obstacle) bool { return o.there })
	if i < 0 {
		return ""
	}
	return list[i].what
}

// obstacles are properties of the whole model.
func (h *hparams) obstacles() []obstacle {
	differ := func(list []int) bool {
		return slices.ContainsFunc(list, func(n int) bool { return n != list[0] })
	}
	return []obstacle{
		{h.arch.mla, "a model that has latent attention of its own"},
		{h.latent != nil, "a model that is compressed already"},
		{h.rope.Factors != nil, "RoPE frequencies of their own (tensor rope_freqs.weight)"},
		{h.rope.Yarn, "YaRN (key rope.scaling.type)"},
		{slices.Contains(h.local, true), "a sliding window (key attention.sliding_window)"},
		{h.arch.gelu, "GELU in the feed-forward part"},
		{h.arch.scaleEmbed, "embeddings that are multiplied by √width"},
		{h.finalCap != 0, "soft-capped logits (key final_logit_softcapping)"},
		{h.tempScale != 0, "queries that grow with their position (key attention.temperature_scale)"},
		{differ(h.heads) || differ(h.kvHeads), "numbers of heads that differ between layers (key attention.head_count)"},
		{differ(h.ff), "feed-forward parts of different widths (key feed_forward_length)"},
	}
}

// obstacles are properties of a layer.
func (l *layer) obstacles() []obstacle {
	scaled := slices.ContainsFunc([]linear{l.q, l.k, l.v, l.o, l.gate, l.up, l.down}, func(w linear) bool {
		return w.Matrix != nil && w.scale != 1
	})
	return []obstacle{
		{l.qNorm != nil || l.kNorm != nil, "norms of queries and keys (attn_q_norm, attn_k_norm)"},
		{l.qBias != nil || l.kBias != nil || l.vBias != nil, "biases of queries, keys and values (attn_q.bias, attn_k.bias, attn_v.bias)"},
		{l.oBias != nil, "a bias of the attention's output (attn_output.bias)"},
		{l.gateBias != nil || l.upBias != nil || l.downBias != nil, "biases of the feed-forward part"},
		{l.postAttnNorm != nil || l.postFFNNorm != nil, "norms behind attention and feed-forward part"},
		{l.moe != nil, "a mixture of experts around grouped-query attention"},
		{scaled, "weights with a scale of their own (tensors named .scale)"},
	}
}

// planObstacles are properties of the compression.
func (h *hparams) planObstacles(plan []latentShape) []obstacle {
	s := plan[0]
	return []obstacle{
		{slices.ContainsFunc(plan, func(o latentShape) bool { return o.l == 0 }), "a layer that is left exact"},
		{slices.ContainsFunc(plan, func(o latentShape) bool { return o != s }), "layers with rows of different sizes"},
		{s.blocks != 1, fmt.Sprintf("%d rows per token and layer, only one", s.blocks)},
		{s.r == 0, "rows without rotated values"},
		{s.r > h.rope.Dims, fmt.Sprintf("%d rotated values, at most the model's %d, one pair per frequency", s.r, h.rope.Dims)},
	}
}
