package model

import (
	"cmp"

	"github.com/latentgo/latentgo/internal/kernel"
)

// latentExperts are the projections around experts that work on fewer values than the residual stream has.
type latentExperts struct {
	down, up        Linear       // [latent, width], [width, latent]
	norm            *normWeights // on what the experts give, or nil
	inputs, upTypes []kernel.ActType
}

// latentExperts loads that of a mixture, nil for none.
func (ld *Loader) latentExperts(s *Experts, name func(string) string) *latentExperts {
	if s.Latent == 0 {
		return nil
	}
	prefix := cmp.Or(s.LatentName, "ffn_routed")
	m := &latentExperts{
		down: ld.linear(name(prefix+"_down"), s.Latent, ld.spec.Width, false),
		up:   ld.linear(name(prefix+"_up"), ld.spec.Width, s.Latent, false),
	}
	if s.LatentName == "" && ld.has(name("ffn_routed_norm.weight")) {
		m.norm = ld.norm(name("ffn_routed_norm"), s.Latent)
	}
	if ld.err == nil {
		m.upTypes = actTypes(m.up)
	}
	return m
}

// bytes returns the size of the matrices; m may be nil.
func (m *latentExperts) bytes() int {
	if m == nil {
		return 0
	}
	return matrixBytes(m.down.Matrix, m.up.Matrix)
}

// lower computes what goes into the experts, p.experts.low and in their types p.experts.latent. It ends with a barrier.
func (m *latentExperts) lower(p *pass, w *worker) {
	if m == nil {
		return
	}
	p.project(w, &w.in, projection{m.down, p.experts.low})
	w.Barrier()
	m.quantize(p, w, p.experts.low, m.inputs)
}

// quantize brings rows of few values into the types given. It ends with a barrier.
func (m *latentExperts) quantize(p *pass, w *worker, x []float32, types []kernel.ActType) {
	act := &p.experts.latent
	if w.ID == 0 {
		p.batch(act, x, len(p.pos), m.down.Rows, p.steps)
	}
	w.Barrier()
	lo, hi := w.Share(len(p.pos))
	for _, t := range types {
		act.Quantize(t, lo, hi)
	}
	w.Barrier()
}

// raise computes p.o of what the experts give, p.experts.sums, and of the hidden values of what every token runs, where
// there is such a network. It ends with a barrier.
func (m *latentExperts) raise(p *pass, w *worker, shared sharedFFN) {
	x, n, e := &p.experts, m.down.Rows, p.width
	lo, hi := w.Share(len(p.pos))
	for t := lo; m.norm != nil && t < hi; t++ {
		row := x.sums[t*n:][:n]
		m.norm.apply(row, row)
	}
	m.quantize(p, w, x.sums, m.upTypes)
	grain := p.grain(w, e)
	for {
		r0, r1, ok := w.Take(e, grain)
		if !ok {
			break
		}
		m.up.Mul(p.o, e, &x.latent, r0, r1)
		if shared == nil {
			continue
		}
		shared.lower().Mul(x.part, e, &w.ffn, r0, r1)
		for t := range p.pos {
			addScaled(p.o[t*e:][r0:r1], x.part[t*e+r0:], 1)
		}
	}
	w.Barrier()
}
