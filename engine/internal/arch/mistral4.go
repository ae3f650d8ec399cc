package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// mistral4 is Mistral Large 3 and Small 4: deepseek2 with another magnitude under YaRN.
func mistral4(r *model.Reader) *model.Spec {
	return deepseek2Like(r, model.RopeOptions{MLA: true, YarnLog: true})
}
