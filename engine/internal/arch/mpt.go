package arch

import (
	"math"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// mpt is MPT: ALiBi or learned position embeddings, layer norms, clamped queries, keys and values, a network without a
// gate.
func mpt(r *model.Reader) *model.Spec {
	s := r.LayerNormDecoder()
	s.Positions = r.HasTensor("position_embd.weight")
	noRope(s)
	a := model.Attention{OutputBias: true, ALiBi: alibi(r), Clamp: clampQKV(r)}
	uniform(r, s, a, func(width int) model.FFNSpec {
		return model.PlainFFN{Width: width, Activation: model.GELU, Bias: true, Divisors: true}
	})
	require(s, []string{"blk.*.attn_qkv.weight"})
	for i := range s.Layers { // norms of keys count only beside those of queries
		name := func(n string) string { return model.LayerName(i, n) }
		if !r.HasTensor(name("attn_q_norm.weight")) {
			s.Unused = append(s.Unused, name("attn_k_norm.weight"), name("attn_k_norm.bias"))
		}
	}
	return s
}

// alibi reads the largest bias of ALiBi, 0 for none.
func alibi(r *model.Reader) float32 { return notNegative(r, "attention.max_alibi_bias") }

// clampQKV reads to what queries, keys and values are clamped, 0 for nothing.
func clampQKV(r *model.Reader) float32 { return notNegative(r, "attention.clamp_kqv") }

func notNegative(r *model.Reader, key string) float32 {
	v := float32(r.Float(key, 0))
	if v < 0 || math.IsInf(float64(v), 0) {
		r.Fail(key, "%v is negative or no number", v)
		return 0
	}
	return v
}
