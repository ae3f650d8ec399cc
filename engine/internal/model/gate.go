package model

import (
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// Gated attention: what a head finds is multiplied by σ(W_gate · h) before W_O. In files the rows of W_gate are behind
// those of the same head's query.

// splitGate takes the gates out of the queries' projection and bias.
func (a *projections) splitGate() {
	g := a.spec.Geometry
	parts := a.q.regroup(g.Heads, g.KeySize, g.KeySize)
	a.q, a.gate = parts[0], parts[1]
	if bias := a.qBias; bias != nil {
		a.qBias, a.gateBias = nil, nil
		for ; len(bias) > 0; bias = bias[2*g.KeySize:] {
			a.qBias = append(a.qBias, bias[:g.KeySize]...)
			a.gateBias = append(a.gateBias, bias[g.KeySize:2*g.KeySize]...)
		}
	}
}

// applyGate multiplies the heads' outputs by the gates: the worker's rows, or its own copy of the only one.
func (a *projections) applyGate(p *pass, w *worker) {
	if a.gate.Matrix == nil {
		return
	}
	n := a.gate.Rows
	e := sized(&w.mix.tmp, n)
	for t := w.lo; t < w.hi; t++ {
		copy(e, p.gates[t*n:][:n])
		addBias(e, a.gateBias, 0, 1)
		vek32.MulNumber_Inplace(e, -1)
		kernel.ExpSum(e, e, 0)
		vek32.AddNumber_Inplace(e, 1)
		vek32.Div_Inplace(w.heads[t*n:][:n], e)
	}
}
