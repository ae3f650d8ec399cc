package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// gptneox is GPT-NeoX, Pythia, RedPajama and Dolly: most files run attention and network in parallel, each with a layer
// norm.
func gptneox(r *model.Reader) *model.Spec {
	const side = "use_parallel_residual"
	s := r.LayerNormDecoder()
	rope(r, s, model.RopeOptions{Halves: true})
	uniform(r, s, model.Attention{OutputBias: true}, plain(model.GELU))
	require(s, normBiases, networkBiases, fusedBiases, untied)
	if !r.Has(side) {
		r.Fail(side, "missing: it says whether attention and feed-forward network run in parallel")
	}
	for i := range s.Layers {
		s.Layers[i].Parallel = r.Flag(side, false)
	}
	return s
}
