package arch

import (
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// deepseek4 is DeepSeek V4: attention in a window, in most layers also to pools of 4 tokens, which overlap and of which
// an indexer picks, or of 128; copies of the residual stream that layers mix; and experts beside a network for all
// tokens, in the first layers chosen by the token itself.
func deepseek4(r *model.Reader) *model.Spec {
	s := r.Decoder()
	keepNext(r, s)
	a := deepseek4Attention(r, s)
	s.Copies = hyperConnections(r, model.HyperConnections{
		Post: 2, Head: true, Sinkhorn: r.Size("hyper_connection.sinkhorn_iterations", -1, 1, 1000),
	})
	r.Need("expert_weights_scale", "expert_weights_norm", "swiglu_clamp_exp")
	mix := sigmoidMixtures(r, s)
	limits, shared := swigluLimits(r, len(mix))
	hashed := r.Size("hash_layer_count", -1, 0, math.MaxInt32)
	for i, m := range mix {
		if !m.RootSoftplus {
			r.Refuse("key %q: weights of experts that are not the root of a softplus", r.Arch()+".expert_gating_func")
		}
		m.ByToken, m.Bias = i < hashed, i >= hashed
		m.Limit, m.SharedLimit, m.LimitGate, m.Shared = limits[i], shared[i], true, r.SharedCount(m.Width)
		s.Layers[i] = model.LayerSpec{Mixer: a[i], FFN: m}
		s.Unused = append(s.Unused, model.LayerName(i, "exp_probs_b_vl.bias")) // of images
	}
	require(s, untied, []string{"blk.*.attn_q_a.weight"})
	requireChoiceBiases(s)
	return s
}

// keepNext counts layers for speculative decoding as others where the file has no weights that make them such, as
// llama.cpp does.
func keepNext(r *model.Reader, s *model.Spec) {
	if s.Skipped > 0 && !r.HasTensor(model.LayerName(len(s.Layers), "nextn.eh_proj.weight")) {
		s.Layers, s.Skipped = append(s.Layers, make([]model.LayerSpec, s.Skipped)...), 0
	}
}

// deepseek4Attention reads each layer's attention. The second position embedding is that of layers with pools.
func deepseek4Attention(r *model.Reader, s *model.Spec) []model.PoolAttention {
	const ratios, heads, groups = "attention.compress_ratios", "attention.head_count", "attention.output_group_count"
	g := r.Heads(s)
	far := r.Rope(s, g[0].KeySize, model.RopeOptions{})
	near := r.PlainRope(s, g[0].KeySize, model.RopeOptions{})
	far.Base, far.Magnitude = r.Positive("attention.compress_rope_freq_base", 0), 1
	s.Ropes = []attn.RopeConfig{near, far}
	a := model.PoolAttention{
		Window: r.Size("attention.sliding_window", -1, 1, math.MaxInt32), QueryRank: r.Size("attention.q_lora_rank", -1, 1, model.MaxWidth),
		Groups: r.Size(groups, -1, 1, model.MaxWidth), GroupRank: r.Size("attention.output_lora_rank", -1, 1, model.MaxWidth),
	}
	x := r.Indexer(near.Dims)
	out := make([]model.PoolAttention, len(g))
	for i, tokens := range r.Sizes(ratios, len(g), nil, 0, math.MaxInt32) {
		a.Heads, a.Size = g[i].Heads, g[i].KeySize
		if g[i].KVHeads != 1 || g[i].ValueSize != a.Size {
			r.Fail(heads+"_kv", "layer %d: %d keys of %d and values of %d, want one key that is the value", i, g[i].KVHeads, a.Size, g[i].ValueSize)
		}
		if a.Heads%a.Groups != 0 {
			r.Fail(groups, "layer %d: %d heads can't be in %d groups", i, a.Heads, a.Groups)
		}
		a.Pool, a.Overlap, a.Rope, a.Index = tokens, false, 1, model.Indexer{}
		switch tokens {
		case 0:
			a.Rope = 0
		case 4:
			a.Overlap, a.Index = true, x
		case 128:
		default:
			r.Refuse("key %q: pools of %d tokens", r.Arch()+"."+ratios, tokens)
		}
		out[i] = a
	}
	return out
}
