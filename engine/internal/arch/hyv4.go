package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// hyV4 is Tencent's Hy4: DeepSeek's attention with sinks and gates, in most files to tokens that an indexer picks, and
// copies of the residual stream that layers mix.
func hyV4(r *model.Reader) *model.Spec {
	s := r.Decoder()
	a := deepseek2Attention(r, s, model.RopeOptions{})
	x, own := hyIndexer(r, s)
	limits := r.Floats("swiglu_clamp_exp", len(a))
	for i := range a {
		a[i].Scale, a[i].Temperature = model.ScoreScale(a[i].KeySize), model.Temperature{}
		a[i].Sinks, a[i].Gate, a[i].Bare = true, model.GateSigmoid, true
		if a[i].Index = x; x.TopK > 0 {
			a[i].Index.Shares = !own[i]
		}
	}
	r.Need("hyper_connection.magnitude")
	h := hyperConnections(r, model.HyperConnections{Post: float32(r.Float("hyper_connection.magnitude", 1)), Head: true})
	h.PostEps = h.Eps
	s.Copies = h
	deepseekExperts(r, s, a)
	for i := range s.Layers {
		if m, ok := s.Layers[i].FFN.(model.Experts); ok {
			m.Fused, m.Limit, m.LimitGate = false, limits[i], true
			s.Layers[i].FFN = m
		}
	}
	require(s, untied, []string{"blk.*.attn_q_a.weight", "blk.*.attn_k_b.weight"})
	return s
}

// hyIndexer reads the indexers, which rotate the last values of a head, and which layers have one of their own.
func hyIndexer(r *model.Reader, s *model.Spec) (x model.Indexer, own []bool) {
	if r.Size("attention.indexer.top_k", 0, 0, 1<<31-1) == 0 {
		return x, nil
	}
	x = r.Indexer(s.Ropes[0].Dims + 1)
	x.Eps, x.RotatesEnd = s.Eps, true
	return x, ownIndexers(r, s, func(int) bool { return false })
}
