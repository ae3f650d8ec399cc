package arch

import (
	"math"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// bert is BERT and what has its shape (bge, e5, MiniLM, GTE, mxbai): token types, learned position embeddings, norms on
// the residual stream behind attention and network, a network without a gate.
func bert(r *model.Reader) *model.Spec {
	s := bertLike(r)
	s.Positions, s.Classifier = true, &model.Classifier{Pooling: model.PoolFirst}
	noRope(s)
	uniform(r, s, model.Attention{OutputBias: true, Both: true}, plain(model.GELU))
	return s
}

// nomicBERT is nomic-embed-text 1 and 1.5: BERT with RoPE and a gated network. Biases of the network don't count, as in
// llama.cpp.
func nomicBERT(r *model.Reader) *model.Spec {
	s := bertLike(r)
	rope(r, s, model.RopeOptions{Halves: true})
	uniform(r, s, model.Attention{OutputBias: true, Both: true}, swiglu)
	for i := range s.Layers {
		s.Unused = append(s.Unused, model.LayerName(i, "ffn_up.bias"), model.LayerName(i, "ffn_down.bias"))
	}
	return s
}

// jinaBERT is jina-embeddings 2: BERT with ALiBi and a network with a GELU gate, in a tensor of its own or in that of
// ffn_up.
func jinaBERT(r *model.Reader) *model.Spec {
	s := bertLike(r)
	s.Classifier = &model.Classifier{Pooling: model.PoolFirst}
	noRope(s)
	uniform(r, s, model.Attention{OutputBias: true, Both: true, ALiBi: bloomALiBi}, func(width int) model.FFNSpec {
		return model.GatedFFN{Width: width, Activation: model.GELU, Bias: true, Fused: !r.HasTensor("blk.0.ffn_gate.weight")}
	})
	for i := range s.Layers { // jina-embeddings 2 for code norms all query heads together, and all key heads
		a := s.Layers[i].Mixer.(model.Attention)
		a.WholeNorm = r.HasTensor(model.LayerName(i, "attn_q_norm.weight"))
		s.Layers[i].Mixer = a
	}
	require(s, []string{"token_types.weight", "blk.*.attn_output.bias", "blk.*.ffn_down.bias"})
	return s
}

// jinaBERT3 is jina-embeddings 3: BERT with RoPE.
func jinaBERT3(r *model.Reader) *model.Spec {
	s := bertLike(r)
	rope(r, s, model.RopeOptions{Halves: true})
	uniform(r, s, model.Attention{OutputBias: true, Both: true}, plain(model.GELU))
	return s
}

// nomicBERTMoE is nomic-embed-text 2: BERT with RoPE, and experts in every n-th layer, the second of n.
func nomicBERTMoE(r *model.Reader) *model.Spec {
	s := bertLike(r)
	rope(r, s, model.RopeOptions{Halves: true})
	every := r.Size("moe_every_n_layers", -1, 0, math.MaxInt32)
	heads, widths, mix := r.Heads(s), r.FFNWidths(s), mixtures(r, s)
	for i := range s.Layers {
		s.Layers[i].Mixer = model.Attention{Geometry: heads[i], Scale: model.ScoreScale(heads[i].KeySize), OutputBias: true, Both: true}
		s.Layers[i].FFN = plain(model.GELU)(widths[i])
		if every > 0 && i%every == 1 {
			mix[i].Width, mix[i].Plain, mix[i].Activation = widths[i], true, model.GELU
			s.Layers[i].FFN = mix[i]
		}
	}
	return s
}

// bertLike is what they share.
func bertLike(r *model.Reader) *model.Spec {
	s := r.Encoder()
	s.TokenTypes, s.EmbedNorm, s.OutputNorm = true, true, model.NoNorm
	s.Required = []string{"token_embd_norm.bias", "blk.*.attn_output_norm.bias", "blk.*.layer_output_norm.bias"}
	for i := range s.Layers {
		s.Layers[i].NoPreNorm, s.Layers[i].SumNorms = true, true
	}
	return s
}
