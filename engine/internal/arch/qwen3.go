package arch

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// qwen3 is the dense Qwen 3: no biases, RMS norm on each query and key head.
func qwen3(r *model.Reader) *model.Spec {
	s := qwen3Attention(r)
	r.NoExperts()
	widths := r.FFNWidths(s)
	s.Classifier = qwen3Reranker()
	for i := range s.Layers {
		s.Layers[i].FFN = model.GatedFFN{Width: widths[i], Scales: true}
	}
	return s
}

// qwen3Attention is what the dense models and those with experts share.
func qwen3Attention(r *model.Reader) *model.Spec {
	s := r.Decoder()
	heads := r.Heads(s)
	s.Ropes = []attn.RopeConfig{r.Rope(s, heads[0].KeySize, model.RopeOptions{Halves: true})}
	for i := range s.Layers {
		s.Layers[i].Mixer = model.Attention{Geometry: heads[i], Scale: model.ScoreScale(heads[i].KeySize), QKNorm: true}
	}
	return s
}

// qwen3Reranker is the head of Qwen3-Reranker: probabilities of yes and no after the last token.
func qwen3Reranker() *model.Classifier {
	return &model.Classifier{Pooling: model.PoolLast, Softmax: true}
}
