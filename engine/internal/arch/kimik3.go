package arch

import (
	"math"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// kimiK3 is Kimi K3: Kimi Linear's mixers, with gates on latent attention; a residual stream that attends to what it was
// in layers before; experts that work on fewer values; and activations that stay within limits.
func kimiK3(r *model.Reader) *model.Spec {
	s := r.Decoder()
	heads := r.Sizes("attention.head_count", len(s.Layers), nil, 0, model.MaxWidth)[0]
	kv := r.Sizes("attention.head_count_kv", len(s.Layers), nil, 0, model.MaxWidth)
	k, a := r.KDA(heads), kimiAttention(r, s, heads)
	k.OneGate, k.Negated, k.Bound = true, true, gateBound(r)
	a.QueryRank, a.Bare = r.Size("attention.q_lora_rank", 0, 0, model.MaxWidth), true
	deltaOrLatent(s, kv, k, a)
	dense, widths, mix := leadingDense(r, s), r.FFNWidths(s), sigmoidMixtures(r, s)
	r.Need("activation.situ_linear_beta")
	soft := model.SoftLimits{
		Gate: float32(r.Positive("activation.situ_beta", 0)), Up: max(0, float32(r.Float("activation.situ_linear_beta", 0))),
	}
	latent, width := r.Size("expert_latent_length", 0, 0, model.MaxWidth), max(r.SharedCount(mix[0].Width), mix[0].Width)
	for i := range s.Layers {
		l, m := &s.Layers[i], mix[i]
		if b, ok := l.Mixer.(model.MLA); ok && r.HasTensor(model.LayerName(i, "attn_gate.weight")) {
			b.Gate = model.GateSigmoid
			l.Mixer = b
		}
		if m.Soft, m.Latent = soft, latent; r.HasTensor(model.LayerName(i, "ffn_gate_shexp.weight")) {
			m.Shared = width
		}
		if l.FFN = m; i < dense {
			l.FFN = model.GatedFFN{Width: widths[i], Soft: soft}
		}
	}
	if n := r.Size("attn_res.block_size", -1, 0, math.MaxInt32); n > 0 {
		s.Copies = model.DepthAttention{Block: n}
	}
	require(s, untied)
	requireChoiceBiases(s)
	return s
}

// gateBound reads the bound of logarithms of decays, 0 for none.
func gateBound(r *model.Reader) float32 {
	const key = "kda.gate_lower_bound"
	b := float32(r.Float(key, 0))
	if r.Has(key) && b >= 0 {
		r.Fail(key, "%v: the decay has a bound below 0", b)
	}
	return b
}
