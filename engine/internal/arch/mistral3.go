package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// mistral3 is Mistral Small 3 and Ministral 3: llama with YaRN of its own range, and queries that grow with their
// position.
func mistral3(r *model.Reader) *model.Spec {
	t := model.Temperature{Scale: r.Float("attention.temperature_scale", 0)}
	return llamaLike(r, model.RopeOptions{YarnRange: true, YarnLog: true}, t)
}
