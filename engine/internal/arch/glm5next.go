package arch

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// glm5Next is GLM 5.3: Kimi Delta Attention, in some layers latent attention without positions to pools of tokens that an
// indexer picks, copies of the residual stream that layers mix, and experts beside a network for all tokens, clamped.
func glm5Next(r *model.Reader) *model.Spec {
	s := r.Decoder()
	heads := r.Size("attention.head_count", -1, 1, model.MaxWidth)
	kv := r.Sizes("attention.head_count_kv", len(s.Layers), nil, 0, model.MaxWidth)
	k, a := r.KDA(heads), latentWithoutPositions(r, s, heads)
	k.Negated, k.Bound, k.UnitEps = true, gateBound(r), 1e-6
	x := poolIndexer(r)
	own := r.LayerFlags("attention.indexer.types", len(s.Layers), true)
	s.Copies = hyperConnections(r, model.HyperConnections{
		Post: 2, Sinkhorn: r.Size("hyper_connection.sinkhorn_iterations", -1, 1, 1000),
	})
	limits, shared := swigluLimits(r, len(kv))
	dense, widths, mix, before := leadingDense(r, s), r.FFNWidths(s), sigmoidMixtures(r, s), false
	deltaOrLatent(s, kv, k, a)
	for i := range s.Layers {
		if kv[i] > 0 {
			a.Index = x
			if a.Index.Shares = !own[i]; !own[i] && !before {
				r.Fail("attention.indexer.types", "layer %d has none before it to share an indexer with", i)
			}
			s.Layers[i].Mixer, before = a, true
		}
		m := mix[i]
		m.Limit, m.SharedLimit, m.LimitGate, m.Shared = limits[i], shared[i], true, r.SharedCount(m.Width)
		if s.Layers[i].FFN = m; i < dense {
			s.Layers[i].FFN = model.GatedFFN{Width: widths[i], Limit: shared[i], LimitGate: true}
		}
	}
	require(s, untied)
	requireChoiceBiases(s)
	return s
}

// latentWithoutPositions reads latent attention of which nothing is rotated.
func latentWithoutPositions(r *model.Reader, s *model.Spec, heads int) model.MLA {
	r.Size("rope.dimension_count", -1, 0, 0)
	s.Ropes = []attn.RopeConfig{model.NoPosition()}
	a := model.MLA{
		Heads: heads, KVHeads: heads, Split: true, Bare: true, L: r.Size("attention.kv_lora_rank", -1, 1, model.MaxWidth),
		KeySize: r.Size("attention.key_length_mla", -1, 1, model.MaxWidth), ValueSize: r.Size("attention.value_length_mla", -1, 1, model.MaxWidth),
		QueryRank: r.Size("attention.q_lora_rank", -1, 1, model.MaxWidth),
	}
	a.Scale = model.ScoreScale(a.KeySize)
	return a
}

// poolIndexer reads the shape of indexers of pools.
func poolIndexer(r *model.Reader) model.Indexer {
	const pool, tail = "attention.indexer.kpool", "attention.indexer.kpool_select_tail"
	x := r.Indexer(1)
	x.Eps = float32(r.Float("attention.layer_norm_epsilon", 0))
	if x.Pool = r.Size(pool, -1, 2, 1<<10); x.TopK%x.Pool != 0 {
		r.Fail(pool, "%d tokens don't divide the %d that are picked", x.Pool, x.TopK)
	}
	if !r.Flag(tail, true) {
		r.Refuse("key %q: tokens that don't see the newest ones before them", r.Arch()+"."+tail)
	}
	return x
}

// swigluLimits reads the limits of experts and of the network beside them in each layer.
func swigluLimits(r *model.Reader, layers int) (experts, shared []float32) {
	const beside = "swiglu_clamp_shexp"
	experts = r.Floats("swiglu_clamp_exp", layers)
	if r.Has(beside) {
		return experts, r.Floats(beside, layers)
	}
	return experts, experts
}

// hyperConnections reads how many copies of the residual stream there are, which weigh what h says.
func hyperConnections(r *model.Reader, h model.HyperConnections) model.HyperConnections {
	h.Copies = r.Size("hyper_connection.count", -1, 1, model.MaxCopies)
	r.Need("hyper_connection.epsilon")
	h.Eps = float32(r.Float("hyper_connection.epsilon", 0))
	return h
}
