package arch

import (
	"math"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// modernBERT is ModernBERT and granite-embedding R2: norms before attention and network, RoPE, a gated network, and two
// layers of three that attend in a window to either side.
func modernBERT(r *model.Reader) *model.Spec {
	s := r.Encoder()
	s.Norm.Bias, s.EmbedNorm = false, true
	const mean = 1 // value of the key, which llama.cpp's writer leaves out for it
	s.Classifier = &model.Classifier{Pooling: model.PoolFirst, GELU: true}
	if r.Uint("classifier.pooling_type", mean) == mean {
		s.Classifier.Pooling = model.PoolMean
	}
	act := modernActivation(r)
	rope(r, s, model.RopeOptions{Halves: true})
	window := r.Size("attention.sliding_window", 0, 0, math.MaxInt32)
	local := r.LocalLayers(s, window, 3, true)
	sliding := r.WindowRope(s, r.Heads(s)[0].KeySize, model.RopeOptions{Halves: true})
	sliding.Base = r.Positive("rope.freq_base_swa", 10000)
	s.Ropes = append(s.Ropes, sliding)
	uniform(r, s, model.Attention{Both: true}, func(width int) model.FFNSpec {
		return model.GatedFFN{Width: width, Activation: act, Fused: true}
	})
	for i := range s.Layers {
		a := s.Layers[i].Mixer.(model.Attention)
		if local[i] {
			a.Window, a.Rope = window/2+1, 1
		}
		s.Layers[i].Mixer = a
	}
	if !r.HasTensor("blk.0.attn_norm.weight") {
		s.Layers[0].MixerNorm = model.NoNorm
	}
	require(s, []string{"blk.*.attn_qkv.weight"})
	return s
}

// modernActivation reads the activation of ModernBERT's gates.
func modernActivation(r *model.Reader) model.Activation {
	const key = "hidden_activation"
	switch act := r.Text(key, "gelu"); act {
	case "gelu", "geglu":
		return model.GELU
	case "silu", "swish", "swiglu":
		return model.SiLU
	case "reglu":
		return model.ReLU
	default:
		r.Refuse("key %q: activation %q", key, act)
		return model.GELU
	}
}
