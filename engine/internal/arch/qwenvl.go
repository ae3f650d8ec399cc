package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// Qwen's vision models as text models: text has one position, with which M-RoPE is RoPE. What vision adds is in another
// file.

// qwen2vl is Qwen 2 VL and 2.5 VL. llama.cpp does not read the epsilon, and may write 0.
func qwen2vl(r *model.Reader) *model.Spec {
	r.ZeroEpsilon = true
	s := qwen2(r)
	s.OutputBias, s.Unused = false, []string{"output.bias"} // llama.cpp does not add it
	r.Sections(&s.Ropes[0], false)
	return s
}

// qwen3vl is Qwen 3 VL.
func qwen3vl(r *model.Reader) *model.Spec {
	s := qwen3Attention(r)
	r.NoExperts()
	r.Sections(&s.Ropes[0], true)
	s.Classifier = qwen3Reranker()
	setDense(r, s, model.GatedFFN{})
	return s
}

// qwen3vlmoe is Qwen 3 VL with experts.
func qwen3vlmoe(r *model.Reader) *model.Spec {
	s := qwen3Attention(r)
	r.Sections(&s.Ropes[0], true)
	mix := mixtures(r, s)
	for i := range mix {
		mix[i].Normed = true
	}
	setExperts(s, mix, 0)
	return s
}
