package arch

import (
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// gemma3 is Gemma 3: sandwich norms, norms on query and key heads, GELU, embeddings scaled by √width, and five layers
// of six that attend in a sliding window, with a position embedding of their own.
func gemma3(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.LogitCap = float32(r.Float("final_logit_softcapping", 0))
	gemma3Layers(r, s)
	return s
}

// gemmaEmbedding is EmbeddingGemma: Gemma 3 whose tokens see those behind them too, in a window to either side.
func gemmaEmbedding(r *model.Reader) *model.Spec {
	s := r.RMSEncoder(true)
	r.Need("attention.sliding_window")
	gemma3Layers(r, s)
	s.Tied, s.Unused = true, []string{"output.weight"}
	for i := range s.Layers {
		a := s.Layers[i].Mixer.(model.Attention)
		if a.Both = true; a.Window > 0 {
			a.Window = a.Window/2 + 1
		}
		s.Layers[i].Mixer = a
	}
	return s
}

// gemma3Layers is what they share.
func gemma3Layers(r *model.Reader, s *model.Spec) {
	r.NoExperts()
	s.EmbedScale = float32(math.Sqrt(float64(s.Width)))
	s.Dense = true
	heads, widths := r.Heads(s), r.FFNWidths(s)
	size := heads[0].KeySize
	scale := model.ScoreScale(size)
	if len(s.Layers) == 62 { // the 27B model divides by the residual width per head
		scale = model.ScoreScale(s.Width / max(heads[0].Heads, 1))
	}
	global := r.Rope(s, size, model.RopeOptions{Halves: true})
	sliding := r.WindowRope(s, size, model.RopeOptions{Halves: true})
	sliding.Base = r.Positive("rope.freq_base_swa", 10000)
	s.Ropes = []attn.RopeConfig{global, sliding}
	window, local := r.Windows(s, 6)
	for i := range s.Layers {
		a := model.Attention{Geometry: heads[i], Scale: scale, QKNorm: true}
		if local[i] {
			a.Window, a.Rope = window, 1
		}
		s.Layers[i] = model.LayerSpec{PostNorm: true, Mixer: a, FFN: model.GatedFFN{Width: widths[i], Activation: model.GELU}}
	}
}
