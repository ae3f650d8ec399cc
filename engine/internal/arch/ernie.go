package arch

import (
	"math"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// ernie4_5 is Baidu's ERNIE 4.5: llama. Keys of experts don't count.
func ernie4_5(r *model.Reader) *model.Spec {
	s := r.Decoder()
	setMixers(s, attention(r, s, model.RopeOptions{Full: true}))
	setDense(r, s, model.GatedFFN{})
	for i := range s.Layers { // files may have it, llama.cpp does not add it
		s.Unused = append(s.Unused, model.LayerName(i, "attn_output.bias"))
	}
	return s
}

// ernie4_5moe is ERNIE 4.5 with experts in some layers, beside a network for all tokens.
func ernie4_5moe(r *model.Reader) *model.Spec {
	s := ernie4_5(r)
	mix, dense := mixtures(r, s), leadingDense(r, s)
	step := r.Size("interleave_moe_layer_step", -1, 1, math.MaxInt32)
	for i := dense; i < len(s.Layers); i++ {
		if (i+1)%step == 0 {
			mix[i].Bias, mix[i].Normed, mix[i].Shared = true, true, r.SharedWidth(0)
			s.Layers[i].FFN = mix[i]
		}
	}
	return s
}

// paddleocr is the text model of PaddleOCR-VL: ERNIE 4.5 with RoPE of halves, as M-RoPE is for text.
func paddleocr(r *model.Reader) *model.Spec {
	s := r.Decoder()
	a := attention(r, s, model.RopeOptions{Halves: true, Full: true})
	r.Sections(&s.Ropes[0], false)
	for i := range a {
		a[i].OutputBias = true
	}
	setMixers(s, a)
	setDense(r, s, model.GatedFFN{})
	return s
}
