package arch

import (
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// What files of Gemma 3n don't tell, as in llama.cpp.
const (
	gemma3nOwn       = 20 // layers with keys and values of their own
	gemma3nEmbedding = 256
	gemma3nSparse    = 10        // layers with sparse networks
	gemma3nDeviation = 1.6448534 // the 95th percentile of the normal distribution
	gemma3nCap       = 30
)

// gemma3n is Gemma 3n (E2B, E4B): Gemma 3 with a residual stream in four copies, norms on values, embeddings of its own
// in each layer, and keys and values that the layers from the 21st on share.
func gemma3n(r *model.Reader) *model.Spec {
	s := r.Decoder()
	r.NoExperts()
	s.LogitCap, s.EmbedScale = gemma3nCap, float32(math.Sqrt(float64(s.Width)))
	s.LayerEmbedding, s.AltUp = gemma3nEmbedding, model.AltUp{Streams: 4, Laurel: 64}
	heads, widths := r.Heads(s), r.FFNWidths(s)
	window, local := r.Windows(s, 5)
	if window == 0 {
		r.Fail("attention.sliding_window", "Gemma 3n has one")
	}
	size := heads[0].KeySize
	global, sliding := r.Rope(s, size, model.RopeOptions{Halves: true}), r.WindowRope(s, size, model.RopeOptions{Halves: true})
	sliding.Base = r.Positive("rope.freq_base_swa", 10000)
	s.Ropes = []attn.RopeConfig{global, sliding}
	for i := range s.Layers {
		a := model.Attention{Geometry: heads[i], Scale: 1, QKNorm: true, ValueNorm: true}
		if local[i] {
			a.Window, a.Rope = window, 1
		}
		f := model.GatedFFN{Width: widths[i], Activation: model.GELU}
		if i < gemma3nSparse {
			f.Sparse = gemma3nDeviation
		}
		s.Layers[i] = model.LayerSpec{PostNorm: true, Mixer: a, FFN: f}
	}
	shareKeysValues(r, s, gemma3nOwn)
	return s
}
