package model

import (
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
)

// NormedExperts is Gemma 4's mixture of experts beside a network that every token runs, each with norms of its own.
// From the residual stream x,
//
//	y = post_ffw_norm_1(Dense(ffn_norm(x))) + post_ffw_norm_2(Experts(pre_ffw_norm_2(x)))
//
// and the experts' router gets x / rms(x) · ffn_gate_inp.scale / √width.
type NormedExperts struct {
	Dense   GatedFFN
	Experts Experts
}

// normedExperts is that with its weights.
type normedExperts struct {
	dense                              *gatedFFN
	experts                            *experts
	densePost, expertsPre, expertsPost *normWeights
	router                             *normWeights
}

func (s NormedExperts) load(ld *Loader, i int) ffn {
	s.Experts.RouteInput, s.Experts.BareRouter = true, true
	m := &normedExperts{
		dense:       s.Dense.load(ld, i).(*gatedFFN),
		experts:     s.Experts.load(ld, i).(*experts),
		densePost:   ld.layerNorm(i, "post_ffw_norm_1"),
		expertsPre:  ld.layerNorm(i, "pre_ffw_norm_2"),
		expertsPost: ld.layerNorm(i, "post_ffw_norm_2"),
	}
	m.router = &normWeights{weight: ld.vector(LayerName(i, "ffn_gate_inp.scale"), ld.spec.Width, true), eps: ld.spec.Eps}
	scale(m.router.weight, float32(1/math.Sqrt(float64(ld.spec.Width))))
	return m
}

func (m *normedExperts) include(e *executor) {
	m.dense.include(e)
	m.experts.include(e)
	e.most.both = e.width
}

func (m *normedExperts) inputs() []kernel.ActType { return m.dense.inputs() }

func (m *normedExperts) bias() []float32 { return nil }

func (m *normedExperts) bytes() int { return m.dense.bytes() + m.experts.bytes() }

func (m *normedExperts) run(p *pass, w *worker, l *Layer) {
	m.dense.run(p, w, l)
	e := p.width
	lo, hi := w.Share(len(p.pos))
	for t := lo; t < hi; t++ {
		m.densePost.apply(p.firstMixed[t*e:][:e], p.o[t*e:][:e])
	}
	p.input(w, m.router, m.experts.routerTypes)
	p.project(w, &w.in, projection{m.experts.router, p.experts.logits})
	w.Barrier()
	p.input(w, m.expertsPre, m.experts.inputs())
	m.experts.run(p, w, l)
	for t := lo; t < hi; t++ {
		o := p.o[t*e:][:e]
		m.expertsPost.apply(o, o)
		addScaled(o, p.firstMixed[t*e:], 1)
	}
	w.Barrier()
}
