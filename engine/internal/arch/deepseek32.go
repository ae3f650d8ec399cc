package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// deepseek32 is DeepSeek V3.2: deepseek2 with an indexer that picks the tokens that are attended to.
func deepseek32(r *model.Reader) *model.Spec {
	s := deepseek2Like(r, model.RopeOptions{MLA: true, YarnLog: true})
	halves := s.Ropes[0]
	halves.Halves = true
	s.Ropes = append(s.Ropes, halves)
	return sparse(r, s, model.Indexer{Rope: 1, Eps: 1e-6}, nil)
}

// glmDSA is GLM 5: as DeepSeek V3.2, but the indexer rotates pairs, and from 5.2 on most layers share what the one
// before picked.
func glmDSA(r *model.Reader) *model.Spec {
	s := deepseek2Like(r, model.RopeOptions{MLA: true, YarnLog: true})
	const longContext = 1 << 20
	own := ownIndexers(r, s, func(i int) bool { return s.Context < longContext || i < 2 || i%4 == 2 })
	return sparse(r, s, model.Indexer{}, own)
}

// ownIndexers reads which layers have an indexer of their own; def tells where the file does not. The others share what
// the one before picked.
func ownIndexers(r *model.Reader, s *model.Spec, def func(i int) bool) []bool {
	const key = "attention.indexer.types"
	own := make([]bool, len(s.Layers))
	for i := range own {
		own[i] = def(i)
	}
	if r.Has(key) {
		own = r.LayerFlags(key, len(own), true)
	}
	if !own[0] {
		r.Fail(key, "layer 0 has none before it to share an indexer with")
	}
	return own
}

// sparse gives a model like deepseek2 indexers like x, in layers that have one of their own: all where own is nil.
func sparse(r *model.Reader, s *model.Spec, x model.Indexer, own []bool) *model.Spec {
	rope, eps := x.Rope, x.Eps
	x = r.Indexer(s.Ropes[0].Dims)
	x.Rope, x.Eps = rope, eps
	if r.Err() != nil {
		return s
	}
	for i := range s.Layers {
		a := s.Layers[i].Mixer.(model.MLA)
		if a.Index = x; own != nil {
			a.Index.Shares = !own[i]
		}
		s.Layers[i].Mixer = a
		switch f := s.Layers[i].FFN.(type) {
		case model.GatedFFN:
			f.Scales = true
			s.Layers[i].FFN = f
		case model.Experts:
			f.Scales, f.SharedScales = true, true
			s.Layers[i].FFN = f
		}
	}
	require(s, []string{"blk.*.attn_q_a.weight", "blk.*.attn_k_b.weight"})
	return s
}
