package arch

import (
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// What most families share.

// attention reads grouped-query attention with one position embedding and scores divided by the root of the key size.
func attention(r *model.Reader, s *model.Spec, o model.RopeOptions) []model.Attention {
	heads := r.Heads(s)
	s.Ropes = []attn.RopeConfig{r.Rope(s, heads[0].KeySize, o)}
	out := make([]model.Attention, len(heads))
	for i, g := range heads {
		out[i] = model.Attention{Geometry: g, Scale: model.ScoreScale(g.KeySize)}
	}
	return out
}

// setMixers gives each layer its attention.
func setMixers(s *model.Spec, a []model.Attention) {
	for i := range s.Layers {
		s.Layers[i].Mixer = a[i]
	}
}

// setDense gives each layer a gated network like f, of the width that the file tells.
func setDense(r *model.Reader, s *model.Spec, f model.GatedFFN) {
	for i, n := range r.FFNWidths(s) {
		f.Width = n
		s.Layers[i].FFN = f
	}
}

// mixtures reads the mixture of each layer of an architecture that has them in any case.
func mixtures(r *model.Reader, s *model.Spec) []model.Experts {
	mix := r.Experts(s)
	if mix == nil {
		r.Fail("expert_count", "a mixture of experts needs some")
		return make([]model.Experts, len(s.Layers))
	}
	return mix
}

// leadingDense reads how many layers have a gated network before those with experts begin.
func leadingDense(r *model.Reader, s *model.Spec) int {
	return min(r.Size("leading_dense_block_count", 0, 0, math.MaxInt32), len(s.Layers))
}

// setExperts gives layers from first on their mixture, the others keep what they have.
func setExperts(s *model.Spec, mix []model.Experts, first int) {
	for i := first; i < len(s.Layers); i++ {
		s.Layers[i].FFN = mix[i]
	}
}

// requireChoiceBiases makes the bias that experts are chosen by required where there are experts.
func requireChoiceBiases(s *model.Spec) {
	for i, l := range s.Layers {
		if m, ok := l.FFN.(model.Experts); ok && m.Bias {
			s.Required = append(s.Required, model.LayerName(i, "exp_probs_b.bias"))
		}
	}
}

// ropeTensors says which tensors may divide frequencies: LongRoPE's where the file names it, otherwise Llama 3's.
func ropeTensors(r *model.Reader, s *model.Spec) {
	long := r.Text("rope.scaling.type", "") == "longrope"
	s.RopeFactors, s.LongRope = !long, long && r.HasLongRope()
}
