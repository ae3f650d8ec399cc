package arch

import (
	"slices"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// uniform gives every layer attention like a, in the shape that the file has, and the feed-forward network of its
// width. Scores are divided by √(key size) unless a says otherwise.
func uniform(r *model.Reader, s *model.Spec, a model.Attention, network func(width int) model.FFNSpec) {
	r.NoExperts()
	heads, widths := r.Heads(s), r.FFNWidths(s)
	for i := range s.Layers {
		b := a
		b.Geometry = heads[i]
		if b.Scale == 0 {
			b.Scale = model.ScoreScale(heads[i].KeySize)
		}
		s.Layers[i].Mixer, s.Layers[i].FFN = b, network(widths[i])
	}
}

// swiglu is the gated network of Llama, without biases.
func swiglu(width int) model.FFNSpec { return model.GatedFFN{Width: width} }

// plain returns a network without a gate, with biases where the file has them.
func plain(act model.Activation) func(width int) model.FFNSpec {
	return func(width int) model.FFNSpec { return model.PlainFFN{Width: width, Activation: act, Bias: true} }
}

// rope makes RoPE the only position embedding.
func rope(r *model.Reader, s *model.Spec, o model.RopeOptions) {
	s.Ropes = []attn.RopeConfig{r.Rope(s, r.Heads(s)[0].KeySize, o)}
}

// noRope leaves queries and keys unrotated.
func noRope(s *model.Spec) { s.Ropes = []attn.RopeConfig{model.NoPosition()} }

// Tensors that are optional in general and that files of some architectures must have.
var (
	normBiases    = []string{"output_norm.bias", "blk.*.attn_norm.bias", "blk.*.ffn_norm.bias"}
	networkBiases = []string{"blk.*.attn_output.bias", "blk.*.ffn_up.bias", "blk.*.ffn_down.bias"}
	fusedBiases   = []string{"blk.*.attn_qkv.weight", "blk.*.attn_qkv.bias"}
	untied        = []string{"output.weight"}
)

// require makes tensors of several lists required.
func require(s *model.Spec, lists ...[]string) {
	for _, l := range lists {
		s.Required = append(slices.Clip(s.Required), l...)
	}
}

// parallel makes attention and feed-forward network of every layer share one norm and run side by side.
func parallel(s *model.Spec) {
	for i := range s.Layers {
		s.Layers[i].Parallel, s.Layers[i].FFNNorm = true, "attn_norm"
	}
}
