package arch

import (
	"math"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// llama4 is Llama 4 (Scout, Maverick) as a text model. Three layers of four attend within chunks; every fourth has no
// position embedding, and queries that grow with their position instead. In some layers experts, whose weights multiply
// what goes in, are beside a network for all tokens.
func llama4(r *model.Reader) *model.Spec {
	const chunk = 8192
	s := r.Decoder()
	s.RopeFactors = true
	a := attention(r, s, model.RopeOptions{Full: true})
	s.Ropes = append(s.Ropes, model.NoPosition())
	mix := mixtures(r, s)
	if r.Window(chunk) > 0 { // the size is always the same; 0 stands for none
		inChunk := slidingRope(r, s)
		for i, local := range r.LocalLayers(s, chunk, 4, false) {
			if local {
				a[i].Window, a[i].Chunked, a[i].Rope = chunk, true, inChunk
			}
			if (i+1)%4 == 0 {
				a[i].Rope, a[i].Temperature = 1, model.Temperature{Scale: 0.1, Floor: chunk, Offset: 1}
			}
		}
	}
	for i := range a {
		normed := a[i].Rope != 1 && mix[i].Count != 128 // Maverick has 128 experts and no norms
		a[i].QKNorm, a[i].NormRotated, a[i].UnitNorm = normed, normed, normed
	}
	setMixers(s, a)
	setDense(r, s, model.GatedFFN{})
	step := r.Size("interleave_moe_layer_step", -1, 0, math.MaxInt32)
	for i := range mix {
		if step > 0 && (i+1)%step == 0 {
			mix[i].Sigmoid, mix[i].WeighInput, mix[i].Shared = true, true, mix[i].Width
			s.Layers[i].FFN = mix[i]
		}
	}
	return s
}
