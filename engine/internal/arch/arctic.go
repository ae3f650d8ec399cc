package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// arctic is Snowflake Arctic: llama's block with a network as wide as the residual stream, and beside the block experts
// that get its input.
func arctic(r *model.Reader) *model.Spec {
	s := r.Decoder()
	setMixers(s, attention(r, s, model.RopeOptions{Full: true}))
	mix := mixtures(r, s)
	for i, n := range r.FFNWidths(s) {
		mix[i].Width, mix[i].Normed = n, true
		s.Layers[i].FFN, s.Layers[i].Side, s.Layers[i].SideNorm = model.GatedFFN{Width: s.Width}, mix[i], "ffn_norm_exps"
	}
	return s
}
