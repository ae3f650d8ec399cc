package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// qwen35 is the dense Qwen 3.5 and 3.6, as text models: Qwen 3 Next's mixers with other tensors, and images' positions,
// which are all the same for text.
func qwen35(r *model.Reader) *model.Spec {
	s := qwenHybrid(r, model.DeltaNet{Scales: true})
	r.NoExperts()
	r.Sections(&s.Ropes[0], true)
	for i, w := range r.FFNWidths(s) {
		s.Layers[i].FFN = model.GatedFFN{Width: w, Scales: true}
	}
	return s
}

// qwen35moe is Qwen 3.5 with experts.
func qwen35moe(r *model.Reader) *model.Spec {
	s := qwenHybridExperts(r, model.DeltaNet{Scales: true})
	r.Sections(&s.Ropes[0], true)
	return s
}
