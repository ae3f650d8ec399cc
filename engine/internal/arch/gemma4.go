package arch

import (
	"math"
	"slices"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// gemma4 is Gemma 4: Gemma 3's layers with heads of another size where they attend in a window, norms on values, and in
// some models an embedding of its own in each layer, keys and values that the last layers share (E2B, E4B), or experts
// beside the network (26B-A4B).
func gemma4(r *model.Reader) *model.Spec {
	s := r.Decoder()
	s.LogitCap = float32(r.Float("final_logit_softcapping", 30))
	s.LayerEmbedding = r.Size("embedding_length_per_layer_input", -1, 0, model.MaxWidth)
	window, local := r.Windows(s, 0)
	if !r.Has("attention.sliding_window") || !r.Has("attention.sliding_window_pattern") {
		r.Fail("attention.sliding_window_pattern", "Gemma 4 needs it and attention.sliding_window")
	}
	gemma4Attention(r, s, window, local)
	gemma4Networks(r, s)
	return s
}

// gemma4Attention gives each layer its attention.
func gemma4Attention(r *model.Reader, s *model.Spec, window int, local []bool) {
	heads := r.Heads(s)
	size := heads[0].KeySize
	inWindow := r.Size("attention.key_length_swa", size, 1, model.MaxWidth)
	if v := r.Size("attention.value_length_swa", heads[0].ValueSize, 1, model.MaxWidth); v != inWindow || heads[0].ValueSize != size {
		r.Fail("attention.value_length_swa", "keys and values have one size in Gemma 4")
	}
	s.Ropes = []attn.RopeConfig{r.Rope(s, size, model.RopeOptions{Halves: true}), gemma4Window(r, s, inWindow)}
	s.FactorDims = size
	if s.RopeFactors = slices.Contains(local, false); s.RopeFactors {
		s.Required = []string{"rope_freqs.weight"}
	}
	for i := range s.Layers {
		a := model.Attention{Geometry: heads[i], Scale: 1, QKNorm: true, ValueNorm: true, KeyValues: true}
		if local[i] {
			a.KeySize, a.ValueSize, a.Window, a.Rope = inWindow, inWindow, window, 1
		}
		s.Layers[i].Mixer = a
	}
	shareKeysValues(r, s, len(s.Layers)-r.Size("attention.shared_kv_layers", 0, 0, len(s.Layers)))
}

// gemma4Window is the position embedding of layers that attend in a window.
func gemma4Window(r *model.Reader, s *model.Spec, size int) attn.RopeConfig {
	c := attn.RopeConfig{Halves: true, Scale: 1, Magnitude: r.AttnFactor(), OrigContext: s.Context}
	c.Base = r.Positive("rope.freq_base_swa", 10000)
	if c.Dims = r.Size("rope.dimension_count_swa", size, 1, size); c.Dims%2 != 0 {
		r.Fail("rope.dimension_count_swa", "%d is odd", c.Dims)
	}
	return c
}

// shareKeysValues lets layers from own on attend to the keys and values of the last two before them: those with a
// window to the first of the two, the others to the second.
func shareKeysValues(r *model.Reader, s *model.Spec, own int) {
	if own < len(s.Layers) && own < 2 {
		r.Fail("attention.shared_kv_layers", "%d of %d layers have no keys and values of their own, at least 2 must", len(s.Layers)-own, len(s.Layers))
	}
	for i := own; i < len(s.Layers) && r.Err() == nil; i++ {
		a := s.Layers[i].Mixer.(model.Attention)
		from := own - 1
		if a.Window > 0 {
			from--
		}
		if g := s.Geometry(from); g != a.Geometry {
			r.Fail("attention.shared_kv_layers", "layer %d has attention of another shape than layer %d, whose keys and values it shares", i, from)
		}
		a.Shares = i - from
		s.Layers[i].Mixer = a
	}
}

// gemma4Networks gives each layer its network, with experts beside it where the file has them.
func gemma4Networks(r *model.Reader, s *model.Spec) {
	s.EmbedScale = float32(math.Sqrt(float64(s.Width)))
	widths, mix := r.FFNWidths(s), r.Experts(s)
	for i := range s.Layers {
		l := &s.Layers[i]
		l.PostNorm, l.OutputScale = true, true
		dense := model.GatedFFN{Width: widths[i], Activation: model.GELU, Scales: true}
		if l.FFN = dense; mix == nil || !r.HasTensor(model.LayerName(i, "ffn_gate_inp.weight")) {
			continue
		}
		m := mix[i]
		m.Activation, m.Normed, m.Scales, m.Fused = model.GELU, true, true, true
		l.FFN = model.NormedExperts{Dense: dense, Experts: m}
	}
}
