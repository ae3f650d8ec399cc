package model

import "github.com/latentgo/latentgo/internal/kernel"

// GroupedExperts is GroveMoE's mixture of experts (arXiv 2508.07785): each group of neighbours shares a small expert,
// its adjugate. With y what the experts give for h, the adjugates of the groups that the chosen experts are in run as
// llama.cpp has them, on y, and a group of several chosen experts counts as often:
//
//	y + Factor · Σ_{e chosen} w_{e/PerGroup} · adjugate_{e/PerGroup}(y)
//
// where w_g is the router's probability of expert g, divided by the sum of these.
type GroupedExperts struct {
	Experts  Experts
	PerGroup int // experts of a group
	Width    int // of an adjugate
	Factor   float32
}

// groupedExperts is that with its weights.
type groupedExperts struct {
	spec               GroupedExperts
	experts, adjugates *experts
}

func (s GroupedExperts) load(ld *Loader, i int) ffn {
	name := func(n string) string { return LayerName(i, n) }
	m := &groupedExperts{spec: s, experts: s.Experts.load(ld, i).(*experts)}
	a := Experts{Count: s.Experts.Count / s.PerGroup, Used: s.Experts.Used, Width: s.Width}
	m.adjugates = &experts{spec: a}
	m.adjugates.loadNetworks(ld, name, "_chexps")
	if ld.err == nil {
		m.adjugates.types = actTypes(m.adjugates.gate[0], m.adjugates.up[0])
	}
	return m
}

func (m *groupedExperts) include(e *executor) {
	m.experts.include(e)
	m.adjugates.include(e)
	e.most.same = max(e.most.same, min(m.spec.PerGroup, m.spec.Experts.Used))
	e.most.both = e.width
}

func (m *groupedExperts) inputs() []kernel.ActType { return m.experts.inputs() }

func (m *groupedExperts) bias() []float32 { return nil }

func (m *groupedExperts) bytes() int { return m.experts.bytes() + m.adjugates.bytes() }

func (m *groupedExperts) run(p *pass, w *worker, l *Layer) {
	m.experts.run(p, w, l)
	e := p.width
	copy(w.h[w.lo*e:w.hi*e], p.o[w.lo*e:])
	lo, hi := w.Share(len(p.pos))
	for t := lo; t < hi; t++ {
		copy(p.firstMixed[t*e:][:e], p.o[t*e:])
		m.group(&p.experts, t)
	}
	p.reset(w, &w.in, w.h, e)
	w.Barrier()
	p.quantize(w, &w.in, m.adjugates.types)
	m.adjugates.mix(p, w)
	for t := lo; t < hi; t++ {
		o := p.o[t*e:][:e]
		scale(o, m.spec.Factor)
		addScaled(o, p.firstMixed[t*e:], 1)
	}
	w.Barrier()
}

// group makes row t's choice of experts one of groups, with their weights. Where there are fewer groups than experts of
// a token the last of its experts count for nothing.
func (m *groupedExperts) group(x *expertBuffers, t int) {
	k, n := m.spec.Experts.Used, m.spec.Experts.Count
	ids, weights, probs := x.ids[t*k:][:k], x.weights[t*k:][:k], x.logits[t*n:][:n]
	sum := float32(0)
	for i, e := range ids {
		ids[i], weights[i] = e/int32(m.spec.PerGroup), 0
		if i < m.adjugates.spec.Count {
			weights[i] = probs[ids[i]]
			sum += weights[i]
		}
	}
	scale(weights, m.spec.Experts.Scale/max(sum, minWeights))
}
