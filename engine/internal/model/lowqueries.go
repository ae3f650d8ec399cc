package model

import "github.com/latentgo/latentgo/internal/kernel"

// lowQueries is the projection of queries: one matrix, or two of a low rank with a norm between,
//
//	q = W_q · h, or W_q_b · norm(W_q_a · h)
type lowQueries struct {
	qA, q Linear // [rank, width], nil when there is one matrix; [heads·size, …]
	qNorm []float32
	eps   float32
	lowQ  []kernel.ActType // in which what is between is wanted
}

// queries loads the projection of queries of so many values in all; a rank of 0 means one matrix.
func (ld *Loader) queries(name func(string) string, n, rank int) lowQueries {
	m := lowQueries{eps: ld.spec.Eps}
	if rank == 0 || ld.has(name("attn_q.weight")) {
		m.q = ld.linear(name("attn_q"), n, ld.spec.Width, false)
		return m
	}
	m.qA = ld.linear(name("attn_q_a"), rank, ld.spec.Width, false)
	m.qNorm = ld.vector(name("attn_q_a_norm.weight"), rank, true)
	m.q = ld.linear(name("attn_q_b"), n, rank, false)
	if ld.err == nil {
		m.lowQ = actTypes(m.q)
	}
	return m
}

// ofInput is the matrix that the layer's input is multiplied by, to p.q.
func (m *lowQueries) ofInput() Linear {
	if m.qA.Matrix != nil {
		return m.qA
	}
	return m.q
}

func (m *lowQueries) includeQueries(e *executor) {
	e.most.q = max(e.most.q, m.q.Rows)
	if m.qA.Matrix != nil {
		e.most.q, e.most.low = max(e.most.q, m.qA.Rows), max(e.most.low, m.qA.Rows)
	}
}

// raise computes the queries from their low-rank form in p.q, and what else is made of that. It ends with a barrier
// where there is one.
func (m *lowQueries) raise(p *pass, w *worker, more projection) {
	if m.qA.Matrix == nil {
		return
	}
	rank := m.qA.Rows
	for t := w.lo; t < w.hi; t++ {
		norm(w.low[t*rank:][:rank], p.q[t*rank:][:rank], m.qNorm, m.eps)
	}
	p.reset(w, &w.lowQ, w.low, rank)
	p.sync(w)
	p.quantize(w, &w.lowQ, m.lowQ)
	if p.single() {
		w.Barrier() // all have read p.q
	}
	p.project(w, &w.lowQ, projection{m.q, p.q}, more)
	w.Barrier()
}
