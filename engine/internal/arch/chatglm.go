package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// chatglm is ChatGLM 2 and 3 and GLM 4 of 2024: Llama's block with partial rotation and W_gate and W_up in one tensor.
func chatglm(r *model.Reader) *model.Spec {
	s := r.Decoder()
	rope(r, s, model.RopeOptions{})
	uniform(r, s, model.Attention{}, func(width int) model.FFNSpec { return model.GatedFFN{Width: width, Fused: true} })
	return s
}
