package model

import "github.com/latentgo/latentgo/internal/kernel"

// PlainFFN is the feed-forward network without a gate, W_down · act(W_up · h).
type PlainFFN struct {
	Width      int
	Activation Activation
	Bias       bool // where the file has them
	Scales     bool // scale tensors of the matrices count, for their biases too: (W·x + b)·s
	XIELU      XIELU
	Divisors   bool // ffn.act.scales, where the file has it: hidden values are divided by them (AWQ)
}

// plainFFN is such a network with its weights.
type plainFFN struct {
	act      Activation
	xielu    XIELU
	up       Linear // [ff, width]
	upBias   []float32
	divisors []float32
	types    []kernel.ActType
	downProjection
}

func (s PlainFFN) load(ld *Loader, i int) ffn {
	name := func(n string) string { return LayerName(i, n) }
	f := &plainFFN{}
	f.loadMatrices(ld, name, s, "ffn_up", "ffn_down")
	if s.Bias && ld.err == nil {
		f.upBias = ld.vector(name("ffn_up.bias"), s.Width, false)
		f.downBias = ld.vector(name("ffn_down.bias"), ld.spec.Width, false)
		scale(f.upBias, f.up.Scale)
		scale(f.downBias, f.down.Scale)
	}
	if s.Divisors {
		f.divisors = ld.vector(name("ffn.act.scales"), s.Width, false)
	}
	return f
}

func (f *plainFFN) loadMatrices(ld *Loader, name func(string) string, s PlainFFN, up, down string) {
	f.act, f.xielu = s.Activation, s.XIELU
	f.up = ld.linear(name(up), s.Width, ld.spec.Width, s.Scales)
	f.down = ld.linear(name(down), ld.spec.Width, s.Width, s.Scales)
	if ld.err == nil {
		f.types, f.downTypes = actTypes(f.up), actTypes(f.down)
	}
}

func (f *plainFFN) include(e *executor) { e.most.ff = max(e.most.ff, f.up.Rows) }

func (f *plainFFN) inputs() []kernel.ActType { return f.types }

func (f *plainFFN) bytes() int { return matrixBytes(f.up.Matrix, f.down.Matrix) }

func (f *plainFFN) run(p *pass, w *worker, _ *Layer) {
	f.hidden(p, w)
	f.project(p, w)
}

// hidden computes act(W_up·h), p.gate [rows, ff].
func (f *plainFFN) hidden(p *pass, w *worker) {
	ff := f.up.Rows
	grain := p.grain(w, ff)
	for {
		r0, r1, ok := w.Take(ff, grain)
		if !ok {
			break
		}
		f.up.Mul(p.gate, ff, &w.in, r0, r1)
		for t := range p.pos {
			f.activate(p.gate[t*ff:][r0:r1], p.up[t*ff:][r0:r1], r0, r1)
		}
	}
	w.Barrier()
}

// activate applies bias, activation and divisors to hidden values r0 … r1-1 of one row.
func (f *plainFFN) activate(x, scratch []float32, r0, r1 int) {
	if f.upBias != nil {
		addBias(x, f.upBias[r0:r1], 0, 1)
	}
	if f.xielu != (XIELU{}) {
		f.xielu.apply(x, scratch)
	} else {
		f.act.apply(x, scratch)
	}
	if f.divisors != nil {
		for i, d := range f.divisors[r0:r1] {
			x[i] /= d
		}
	}
}

// apply computes x = act(x); scratch has the length of x.
func (a Activation) apply(x, scratch []float32) {
	switch a {
	case ReLU:
		for i, v := range x {
			x[i] = max(v, 0)
		}
	case ReLUSquared:
		for i, v := range x {
			v = max(v, 0)
			x[i] = v * v
		}
	default:
		for i := range scratch {
			scratch[i] = 1
		}
		a.mul(x, scratch)
	}
}
