package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// euroBERT is EuroBERT: Llama's layers, whose tokens see those behind them too.
func euroBERT(r *model.Reader) *model.Spec {
	s := r.RMSEncoder(false)
	rope(r, s, model.RopeOptions{Halves: true})
	uniform(r, s, model.Attention{Both: true}, swiglu)
	return s
}

// neoBERT is NeoBERT: the same with fused matrices.
func neoBERT(r *model.Reader) *model.Spec {
	s := r.RMSEncoder(false)
	s.OutputNorm, s.Classifier = "enc.output_norm", &model.Classifier{Pooling: model.PoolFirst}
	rope(r, s, model.RopeOptions{})
	uniform(r, s, model.Attention{Both: true}, func(width int) model.FFNSpec {
		return model.GatedFFN{Width: width, Fused: true}
	})
	require(s, []string{"blk.*.attn_qkv.weight"})
	return s
}
