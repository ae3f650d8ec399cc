package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// grovemoe is GroveMoE (33B-A3B): Qwen 3's attention and experts whose groups share small ones.
func grovemoe(r *model.Reader) *model.Spec {
	const perGroup = "experts_per_group"
	s := qwen3Attention(r)
	mix := mixtures(r, s)
	per := r.Size(perGroup, -1, 1, model.MaxWidth)
	if mix[0].Count%per != 0 {
		r.Fail(perGroup, "%d experts can't be in groups of %d", mix[0].Count, per)
	}
	width := r.Size("expert_chunk_feed_forward_length", 0, 0, model.MaxWidth)
	if width == 0 {
		width = s.Geometry(0).KeySize
	}
	factor := float32(r.Positive("expert_group_scale", 0))
	for i := range s.Layers {
		mix[i].Normed = true
		s.Layers[i].FFN = model.GroupedExperts{Experts: mix[i], PerGroup: per, Width: width, Factor: factor}
	}
	return s
}
