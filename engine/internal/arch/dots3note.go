package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// dots3note is dots 3: DeepSeek V3.2's attention to tokens that an indexer picks, and in the other layers latent
// attention in a window, with sizes and a position embedding of its own; heads are gated, and so is nothing else.
func dots3note(r *model.Reader) *model.Spec {
	s := r.Decoder()
	a := deepseek2Attention(r, s, model.RopeOptions{})
	local := windowedLatent(r, s, a)
	for i := range a {
		a[i].Scale, a[i].Temperature = model.ScoreScale(a[i].KeySize), model.Temperature{}
		a[i].KNorm, a[i].Gate = true, model.GateSigmoid
	}
	s = sparse(r, deepseekExperts(r, s, a), model.Indexer{Rope: 2, Eps: 1e-6}, nil)
	for i := range s.Layers {
		if m, ok := s.Layers[i].Mixer.(model.MLA); ok && local[i] {
			m.Index = model.Indexer{}
			s.Layers[i].Mixer = m
		}
	}
	requireChoiceBiases(s)
	return s
}

// windowedLatent reads the sizes of layers with a window, whose position embedding is the second, and tells which
// layers they are. The third, of the indexers in the others, is the first with halves as pairs.
func windowedLatent(r *model.Reader, s *model.Spec, a []model.MLA) []bool {
	const pattern, types, key = "attention.sliding_window_pattern", "attention.indexer.types", "attention.key_length_mla_swa"
	near, halves := s.Ropes[0], s.Ropes[0]
	near.Base, halves.Halves = r.Positive("rope.freq_base_swa", 0), true
	s.Ropes = append(s.Ropes, near, halves)
	window := r.Size("attention.sliding_window", -1, 1, 1<<31-1)
	local, indexed := r.LayerFlags(pattern, len(a), false), r.LayerFlags(types, len(a), false)
	size, value := r.Size(key, -1, 1, model.MaxWidth), r.Size("attention.value_length_mla_swa", -1, 1, model.MaxWidth)
	rank := r.Size("attention.kv_lora_rank_swa", -1, 1, model.MaxWidth)
	for i := range a {
		if local[i] == indexed[i] {
			r.Fail(types, "layer %d: an indexer is where there is no window", i)
		}
		if a[i].R >= size {
			r.Fail(key, "%d values, of which RoPE rotates %d", size, a[i].R)
		}
		if local[i] {
			a[i].Window, a[i].Rope, a[i].KeySize, a[i].ValueSize, a[i].L = window, 1, size, value, rank
		}
	}
	return local
}
