package model

import (
	"slices"

	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/latentgo/latentgo/internal/pool"
)

// pass is one forward pass of rows of one or several sequences through a range of layers: a pool.Task. Its result is
// the normed residual stream, from which logits computes logits.
type pass struct {
	*executor
	model        *Model
	ids          []int32 // per row, unless a probe brings the residual stream
	segments     []segment
	pos          []int // per row: its position
	steps        int   // the first rows: each a decode step of its sequence, computed as if it were alone
	exact        bool  // rows get the same bits whoever else is in the pass
	layers       []*Layer
	next         int // the first of them that is still to run
	done         bool
	slice        slice  // of Lane.Continue
	probe        *Probe // nil for an ordinary pass
	alwaysExpand bool   // compressed layers expand their rows however few tokens there are
}

// segment are rows at … at+n-1: n tokens of a sequence, the first of them at position pos.
type segment struct {
	seq        *Sequence
	at, n, pos int
	step       bool // attends as a decode step does
}

// state returns what layer l, or its part of a pair of mixers, remembers of the segment's sequence.
func (s *segment) state(l *Layer) State {
	st := s.seq.states[l.state]
	if b, ok := st.(*bothStates); ok {
		return b[l.part]
	}
	return st
}

// store is state for attention.
func (s *segment) store(l *Layer) *attention.Store { return s.state(l).(store).Store }

// start readies buffers, states and position tables before the workers start.
func (p *pass) start() {
	n, longest := len(p.pos), 0
	p.grow(n)
	for _, s := range p.segments {
		longest = max(longest, s.pos+s.n)
		s.seq.advance(s.pos, s.n)
	}
	p.reserve(longest)
	p.picks.grow(n, longest, p.most)
	if !p.single() {
		for _, s := range p.expanded {
			s.Grow(longest)
		}
		if slices.ContainsFunc(p.segments, func(s segment) bool { return s.seq.format >= attention.Q4 }) {
			for _, s := range p.wide {
				s.Grow(n + attention.WideSize)
			}
		}
	}
	for i, r := range p.ropes {
		d := r.rope.Dims()
		for _, s := range p.segments {
			rope := r.of(s.seq)
			for t := s.at; t < s.at+s.n; t++ {
				rope.Table(p.tables[i][t*d:][:d], p.pos[t])
			}
		}
	}
}

// Work is one worker's share of the pass.
func (p *pass) Work(pw *pool.Worker) {
	w := p.worker(pw)
	if p.probe != nil {
		p.probeLayer(w)
		p.end(w, w.Stopped())
		return
	}
	if p.next == 0 {
		p.embed(w)
		p.embedLayers(w)
		p.spreadStreams(w)
		if c := p.model.copies; c != nil {
			c.spread(p, w)
		}
	}
	for i, l := range p.layers[p.next:] {
		if w.ID == 0 {
			p.slice.next()
		}
		p.layer(w, l)
		if w.Stopped() {
			p.pause(w, i+1)
			return
		}
	}
	p.joinStreams(w)
	if c := p.model.copies; c != nil {
		c.join(p, w)
	}
	if n := p.model.norm; n != nil {
		p.normRows(w.h, w.x, n, w.lo, w.hi)
	} else {
		copy(w.h[w.lo*p.width:w.hi*p.width], w.x[w.lo*p.width:])
	}
	p.end(w, false)
}

// pause notes that n more layers are done. All workers have begun: they have met since.
func (p *pass) pause(w *worker, n int) {
	if w.ID == 0 {
		p.next += n
	}
}

// end notes that the pass is done, unless it was stopped.
func (p *pass) end(w *worker, stopped bool) {
	if w.ID == 0 {
		p.done = !stopped
	}
}

// single reports whether this pass is a decode step of one sequence.
func (p *pass) single() bool { return len(p.pos) == 1 && p.steps == 1 }

// worker returns what a worker computes norms on: its own copy of the only row, or its share of many.
func (p *pass) worker(pw *pool.Worker) *worker {
	w := &p.workers[pw.ID]
	w.Worker = pw
	if p.single() {
		w.activations, w.lo, w.hi = &w.own, 0, 1
	} else {
		w.activations = &p.shared
		w.lo, w.hi = w.Share(len(p.pos))
	}
	return w
}

// sync is a barrier where workers share rows.
func (p *pass) sync(w *worker) {
	if !p.single() {
		w.Barrier()
	}
}

// reset points an activation at n rows of x, once for all who share it. A barrier follows before it is quantised.
func (p *pass) reset(w *worker, a *kernel.Act, x []float32, width int) {
	if w.ID == 0 || p.single() {
		p.batch(a, x, len(p.pos), width, p.steps)
	}
}

// batch points an activation at n rows of x, of which the first are steps.
func (p *pass) batch(a *kernel.Act, x []float32, n, width, steps int) {
	a.Reset(x, n, width)
	if p.exact {
		a.Singles(steps)
	}
}

// table returns the cosines and sines of row t for a position embedding.
func (p *pass) table(rope, t int) []float32 {
	d := p.ropes[rope].rope.Dims()
	return p.tables[rope][t*d:][:d]
}

func (p *pass) embed(w *worker) {
	e := p.width
	for t := w.lo; t < w.hi; t++ {
		p.model.Embed(w.x[t*e:][:e], w.h[t*e:][:e], p.ids[t], p.pos[t])
	}
}

// quantize brings the worker's rows into the types wanted and waits for the other rows.
func (p *pass) quantize(w *worker, a *kernel.Act, types []kernel.ActType) {
	for _, t := range types {
		a.Quantize(t, w.lo, w.hi)
	}
	p.sync(w)
}

// projection is a matrix and where its product goes, [rows, m.Rows].
type projection struct {
	m   Linear
	dst []float32
}

// rows returns those of the product, 0 without a matrix.
func (o *projection) rows() int {
	if o.m.Matrix == nil {
		return 0
	}
	return o.m.Rows
}

// project multiplies a by the matrices that are there; the rows of all are shared out among the workers.
func (p *pass) project(w *worker, a *kernel.Act, out ...projection) {
	total := 0
	for _, o := range out {
		total += o.rows()
	}
	grain := p.grain(w, total)
	pieces := 0
	for _, o := range out {
		pieces += (o.rows() + grain - 1) / grain
	}
	for {
		i, _, ok := w.Take(pieces, 1)
		if !ok {
			return
		}
		for _, o := range out {
			n := (o.rows() + grain - 1) / grain
			if i < n {
				o.m.Mul(o.dst, o.m.Rows, a, i*grain, min(o.m.Rows, (i+1)*grain))
				break
			}
			i -= n
		}
	}
}

// fewTokens is up to how many a pass waits for memory more than for products.
const fewTokens = 16

// grain returns how many rows a worker takes at a time. One token reads weights as fast as memory gives them, which
// wants long runs: a worker's whole share at once (a sixth of it at a time lost a quarter of the speed). A few tokens
// want half of that, many compute, and want whole panels, few enough that none waits long at the end.
func (p *pass) grain(w *worker, rows int) int {
	if p.single() {
		return (max(16, rows/w.N) + 15) &^ 15
	}
	align := p.model.embed.Align()
	if len(p.pos) <= fewTokens {
		return max(align, rows/w.N/2/align*align)
	}
	return max(align, min(p.model.embed.Piece(), rows/w.N/4/align*align))
}

// addBias adds bias to each of rows lo … hi-1 of x; nil adds nothing.
func addBias(x, bias []float32, lo, hi int) {
	n := len(bias)
	for t := lo; n > 0 && t < hi; t++ {
		row := x[t*n:][:n]
		for i, b := range bias {
			row[i] += b
		}
	}
}
