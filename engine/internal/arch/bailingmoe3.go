package arch

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// bailingmoe3 is Ling 3: Kimi Delta Attention with a bounded decay, in some layers latent attention whose heads are
// gated, and behind the first layers experts beside a network for all tokens, clamped.
func bailingmoe3(r *model.Reader) *model.Spec {
	s := r.Decoder()
	heads := r.Sizes("attention.head_count", len(s.Layers), nil, 0, model.MaxWidth)[0]
	kv := r.Sizes("attention.head_count_kv", len(s.Layers), nil, 0, model.MaxWidth)
	k, a := r.KDA(heads), kimiAttention(r, s, heads)
	k.Direct = true
	if k.Bound = gateBound(r); k.Bound == 0 || !r.Flag("kda.safe_gate", true) {
		r.Fail("kda.gate_lower_bound", "%v: the decay has a bound below 0", k.Bound)
	}
	a.QueryRank, a.Gate, a.Bare = r.Size("attention.q_lora_rank", 0, 0, model.MaxWidth), model.GateSigmoid, true
	s.Ropes = []attn.RopeConfig{r.Rope(s, a.KeySize, model.RopeOptions{})}
	sections(r, s)
	deltaOrLatent(s, kv, k, a)
	dense, widths, mix := leadingDense(r, s), r.FFNWidths(s), sigmoidMixtures(r, s)
	limits, shared := r.Floats("swiglu_clamp_exp", len(kv)), r.Floats("swiglu_clamp_shexp", len(kv))
	for i := range s.Layers {
		m := mix[i]
		m.Limit, m.SharedLimit, m.Shared = limits[i], shared[i], r.SharedWidth(max(r.SharedCount(m.Width), m.Width))
		if s.Layers[i].FFN = m; i < dense {
			s.Layers[i].FFN = model.GatedFFN{Width: widths[i], Limit: shared[i]}
		}
	}
	requireChoiceBiases(s)
	return s
}
