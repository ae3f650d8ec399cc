package model

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// Gate says whether attention is gated: what a head finds is multiplied by σ(W_gate · h) before W_O, or softplus of it.
type Gate uint8

// The gates.
const (
	NoGate        Gate = iota
	GateOfQueries      // the rows of W_gate are behind those of the same head's query
	GateSigmoid        // W_gate is attn_gate, of a value for each head or for each value that heads find
	GateSoftplus
)

// loadGate loads W_gate.
func (a *projections) loadGate(ld *Loader, name func(string) string) {
	g := a.spec.Geometry
	switch a.spec.Gate {
	case NoGate:
	case GateOfQueries:
		if ld.err == nil {
			a.splitGate()
		}
	default:
		a.gate = ld.gate(name("attn_gate"), g)
	}
}

// gate loads the projection of gates, one for each head or for each value that heads find, as the file has it.
func (ld *Loader) gate(name string, g attn.Geometry) Linear {
	rows := g.Heads * g.ValueSize
	if t, err := ld.tensor(name + ".weight"); err == nil && sameShape(t.Shape, []int{ld.spec.Width, g.Heads}) {
		rows = g.Heads
	}
	return ld.linear(name, rows, ld.spec.Width, false)
}

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

// applyGate multiplies the heads' outputs by the gates.
func (a *projections) applyGate(p *pass, w *worker) {
	p.gateHeads(w, a.gate, a.gateBias, a.spec.Gate, a.spec.Heads*a.spec.ValueSize)
}

// gateHeads multiplies the outputs of all heads by their gates, the projection p.gates: the worker's rows, or its own
// copy of the only one.
func (p *pass) gateHeads(w *worker, gate Linear, bias []float32, kind Gate, all int) {
	if gate.Matrix == nil {
		return
	}
	n := gate.Rows
	e := sized(&w.mix.tmp, n)
	for t := w.lo; t < w.hi; t++ {
		copy(e, p.gates[t*n:][:n])
		addBias(e, bias, 0, 1)
		heads := w.heads[t*all:][:all]
		if kind == GateSoftplus {
			for i, v := range e {
				scale(heads[i*all/n:(i+1)*all/n], softplus(v))
			}
			continue
		}
		vek32.MulNumber_Inplace(e, -1)
		kernel.ExpSum(e, e, 0)
		vek32.AddNumber_Inplace(e, 1)
		for i, f := range e[:n%all] { // of whole heads
			scale(heads[i*all/n:(i+1)*all/n], 1/f)
		}
		if n == all {
			vek32.Div_Inplace(heads, e)
		}
	}
}
