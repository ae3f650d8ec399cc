package model

import (
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
)

// GatedFFN is the gated feed-forward network W_down · (act(W_gate · h) ⊙ W_up · h).
type GatedFFN struct {
	Width      int
	Activation Activation
	Bias       bool // where the file has them
	// Scales says that scale tensors of the three matrices count, for their biases too: (W·x + b)·s. llama.cpp ignores
	// them in some architectures, and the same file should give the same text in both.
	Scales    bool
	DownScale bool // so does that of W_down alone
	Fused     bool // W_gate and W_up are one tensor, ffn_up, gates first
	// Sparse lets through only gates that lie so many standard deviations above their mean, and what of them is above;
	// 0 lets all through.
	Sparse  float32
	SubNorm bool // norm on the hidden values, before W_down: ffn_sub_norm
	// Limit clamps what SiLU gives to it, and up-projections to ±it; 0 clamps nothing.
	Limit     float32
	LimitGate bool // Limit clamps gates before SiLU instead of what that gives
	Soft      SoftLimits
}

// SoftLimits replace SiLU by one that stays within them, and bound up-projections too (SiTU, in Kimi K3): a gate g and
// its up-projection u give Gate·tanh(g/Gate)·σ(g) · Up·tanh(u/Up). An Up of 0 leaves u as it is; the zero value is SiLU.
type SoftLimits struct {
	Gate, Up float32
}

// mul computes gate = that of gate and up.
func (s *SoftLimits) mul(gate, up []float32) {
	bound := func(v, limit float32) float32 { return limit * float32(math.Tanh(float64(v/limit))) }
	for i, v := range gate {
		u := up[i]
		if s.Up > 0 {
			u = bound(u, s.Up)
		}
		gate[i] = bound(v, s.Gate) * sigmoidOf(v) * u
	}
}

// gatedFFN is a gated network with its weights.
type gatedFFN struct {
	act              Activation
	sparse, limit    float32
	limitGate        bool
	soft             SoftLimits
	gate, up         Linear // [ff, width]
	gateBias, upBias []float32
	types            []kernel.ActType
	downProjection
}

func (s GatedFFN) load(ld *Loader, i int) ffn {
	name := func(n string) string { return LayerName(i, n) }
	f := &gatedFFN{}
	f.loadMatrices(ld, name, s, "ffn_gate", "ffn_up", "ffn_down")
	if s.SubNorm {
		f.sub = ld.norm(name("ffn_sub_norm"), s.Width)
	}
	if s.Bias && ld.err == nil {
		f.gateBias = ld.vector(name("ffn_gate.bias"), s.Width, false)
		f.upBias = ld.vector(name("ffn_up.bias"), s.Width, false)
		f.downBias = ld.vector(name("ffn_down.bias"), ld.spec.Width, false)
		scale(f.gateBias, f.gate.Scale)
		scale(f.upBias, f.up.Scale)
		scale(f.downBias, f.down.Scale)
	}
	return f
}

func (f *gatedFFN) loadMatrices(ld *Loader, name func(string) string, s GatedFFN, gate, up, down string) {
	f.act, f.sparse, f.limit, f.limitGate, f.soft = s.Activation, s.Sparse, s.Limit, s.LimitGate, s.Soft
	if s.Fused {
		if both := ld.linear(name(up), 2*s.Width, ld.spec.Width, s.Scales); ld.err == nil {
			f.gate, f.up = both.rows(0, s.Width), both.rows(s.Width, s.Width)
		}
	} else {
		f.gate = ld.linear(name(gate), s.Width, ld.spec.Width, s.Scales)
		f.up = ld.linear(name(up), s.Width, ld.spec.Width, s.Scales)
	}
	f.down = ld.linear(name(down), ld.spec.Width, s.Width, s.Scales || s.DownScale)
	if ld.err == nil {
		f.types, f.downTypes = actTypes(f.gate, f.up), actTypes(f.down)
	}
}

func (f *gatedFFN) include(e *executor) { e.most.ff = max(e.most.ff, f.gate.Rows) }

func (f *gatedFFN) inputs() []kernel.ActType { return f.types }

func (f *gatedFFN) bytes() int { return matrixBytes(f.gate.Matrix, f.up.Matrix, f.down.Matrix) }

func (f *gatedFFN) run(p *pass, w *worker, _ *Layer) {
	f.hidden(p, w)
	f.normHidden(p, w)
	f.project(p, w)
}

// hidden computes act(W_gate·h) ⊙ W_up·h, p.gate [rows, ff].
func (f *gatedFFN) hidden(p *pass, w *worker) {
	ff := f.gate.Rows
	if f.sparse != 0 {
		f.hiddenSparse(p, w)
		return
	}
	grain := p.grain(w, ff)
	for {
		r0, r1, ok := w.Take(ff, grain)
		if !ok {
			break
		}
		f.gate.Mul(p.gate, ff, &w.in, r0, r1)
		f.up.Mul(p.up, ff, &w.in, r0, r1)
		for t := range p.pos {
			f.activate(p.gate[t*ff:][r0:r1], p.up[t*ff:][r0:r1], r0, r1)
		}
	}
	w.Barrier()
}

// hiddenSparse is hidden with gates that depend on all of a row.
func (f *gatedFFN) hiddenSparse(p *pass, w *worker) {
	ff := f.gate.Rows
	p.project(w, &w.in, projection{f.gate, p.gate}, projection{f.up, p.up})
	w.Barrier()
	lo, hi := w.Share(len(p.pos))
	for t := lo; t < hi; t++ {
		gate := p.gate[t*ff:][:ff]
		cut(gate, f.sparse)
		f.activate(gate, p.up[t*ff:][:ff], 0, ff)
	}
	w.Barrier()
}

// cut makes of x what lies more than so many standard deviations above its mean.
func cut(x []float32, deviations float32) {
	mean := meanOf(x)
	sum := 0.0
	for _, v := range x {
		d := float64(v - mean)
		sum += d * d
	}
	least := mean + deviations*float32(math.Sqrt(sum/float64(len(x)-1)))
	for i, v := range x {
		x[i] = max(v-least, 0)
	}
}

// activate computes gate = act(gate) ⊙ up for values r0 … r1-1 of one row.
func (f *gatedFFN) activate(gate, up []float32, r0, r1 int) {
	if f.gateBias != nil {
		addBias(gate, f.gateBias[r0:r1], 0, 1)
	}
	if f.upBias != nil {
		addBias(up, f.upBias[r0:r1], 0, 1)
	}
	if f.soft.Gate != 0 {
		f.soft.mul(gate, up)
		return
	}
	if f.limitGate {
		clampAbove(gate, f.limit)
	}
	f.act.mulLimited(gate, up, f.limit)
}

// mulLimited is mul with a GatedFFN's limit.
func (a Activation) mulLimited(gate, up []float32, limit float32) {
	if limit == 0 {
		a.mul(gate, up)
		return
	}
	for i, v := range gate {
		gate[i] = min(v*sigmoidOf(v), limit) * min(max(up[i], -limit), limit)
	}
}

// clampAbove clamps x to at most limit; 0 clamps nothing.
func clampAbove(x []float32, limit float32) {
	for i, v := range x {
		if limit != 0 {
			x[i] = min(v, limit)
		}
	}
}

// mul computes gate = act(gate) ⊙ up, and may change up.
func (a Activation) mul(gate, up []float32) {
	switch a {
	case SiLU:
		kernel.SiLUMul(gate, gate, up)
	case GELU:
		kernel.GELUMul(gate, gate, up)
	case ClampedSiLU:
		const limit, alpha = 7, 1.702
		for i, v := range gate {
			gate[i] = min(v, limit) * alpha
			up[i] = (min(max(up[i], -limit), limit) + 1) * (1 / alpha)
		}
		kernel.SiLUMul(gate, gate, up)
	default:
		a.apply(gate, nil)
		for i, v := range up[:len(gate)] {
			gate[i] *= v
		}
	}
}

// downProjection is what networks end with: W_down of the hidden values, p.gate [rows, ff].
type downProjection struct {
	down      Linear // [width, ff]
	downBias  []float32
	downTypes []kernel.ActType
	sub       *normWeights // on the hidden values, or nil
}

func (d *downProjection) lower() Linear { return d.down }

func (d *downProjection) bias() []float32 { return d.downBias }

func (d *downProjection) project(p *pass, w *worker) {
	p.probe.hidden(p, w, p.gate)
	if !p.probe.ends(StageHidden) {
		d.quantizeHidden(p, w)
		p.project(w, &w.ffn, projection{d.down, p.o})
		w.Barrier()
	}
}

// normHidden norms the hidden values where there is a norm. It ends with a barrier then.
func (d *downProjection) normHidden(p *pass, w *worker) {
	if d.sub == nil {
		return
	}
	ff := d.down.Cols
	lo, hi := w.Share(len(p.pos))
	for t := lo; t < hi; t++ {
		row := p.gate[t*ff:][:ff]
		d.sub.apply(row, row)
	}
	w.Barrier()
}

// quantizeHidden readies the hidden values, w.ffn, for W_down.
func (d *downProjection) quantizeHidden(p *pass, w *worker) {
	p.reset(w, &w.ffn, p.gate, d.down.Cols)
	p.sync(w)
	p.quantize(w, &w.ffn, d.downTypes)
}
