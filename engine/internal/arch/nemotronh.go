package arch

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// nemotronH is Nvidia's Nemotron H and Nemotron 3: every layer is either Mamba 2, attention without positions, or a
// network without a gate, which may be a mixture of experts. Layers with a feed-forward length are networks, others
// with key/value heads attention.
func nemotronH(r *model.Reader) *model.Spec {
	s := nemotronNorms(r)
	widths := r.Sizes("feed_forward_length", len(s.Layers), nil, 0, model.MaxWidth)
	heads, mixer := r.HybridHeads(s), r.Mamba2()
	mixer.Norm = true
	s.Ropes = []attn.RopeConfig{model.NoPosition()}
	mix := nemotronExperts(r, s)
	for i, g := range heads {
		l := &s.Layers[i]
		switch {
		case widths[i] > 0:
			l.FFNNorm = "attn_norm"
			if l.FFN = (model.PlainFFN{Width: widths[i], Activation: model.ReLUSquared, Bias: true, Scales: true}); mix != nil {
				l.FFN = mix[i]
			}
		case g.KVHeads > 0:
			l.Mixer = model.Attention{Geometry: g, Scale: model.ScoreScale(g.KeySize), OutputBias: true}
		default:
			l.Mixer = mixer
		}
	}
	requireChoiceBiases(s)
	return s
}

// nemotronNorms is Decoder; the epsilon of RMS norms has either name.
func nemotronNorms(r *model.Reader) *model.Spec {
	if r.Has("attention.layer_norm_rms_epsilon") {
		return r.Decoder()
	}
	s := r.LayerNormDecoder()
	s.Norm = model.NormSpec{}
	return s
}

// nemotronExperts returns the mixture of each layer, nil in a dense model.
func nemotronExperts(r *model.Reader, s *model.Spec) []model.Experts {
	latent := r.Size("moe_latent_size", 0, 0, model.MaxWidth)
	mix := r.Experts(s)
	shared := r.SharedWidth(0)
	for i := range mix {
		m := &mix[i]
		m.Shared, m.SharedScales, m.Scales, m.Plain, m.Activation = shared, true, true, true, model.ReLUSquared
		m.Latent, m.LatentName = latent, "ffn_latent"
		m.Bias, m.Sigmoid, m.Normed, m.Scale = true, true, r.Flag("expert_weights_norm", false), r.ExpertScale()
	}
	return mix
}
