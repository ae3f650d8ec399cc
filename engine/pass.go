package engine

import (
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/pool"
	"github.com/latentgo/latentgo/quant"
)

// pass is one forward pass of a session's next tokens through all layers: a pool.Task. Its result is the normed residual
// stream, from which logits computes logits.
type pass struct {
	*runner
	ids    []int32
	pos    int // position of ids[0]
	stores []*attn.Store
}

// prepare readies buffers and position tables before the workers start.
func (p *pass) prepare() {
	n := len(p.ids)
	p.grow(n)
	p.reserve(p.pos + n)
	if !p.single() {
		for _, s := range p.wide {
			s.Grow(p.pos + n)
		}
	}
	for _, s := range p.stores {
		s.Expect(p.pos, n)
	}
	for i, rope := range p.ropes {
		if rope == nil {
			continue
		}
		d := rope.Dims()
		for t := range n {
			rope.Table(p.tables[i][t*d:][:d], p.pos+t)
		}
	}
}

// Work is one worker's share of the pass.
func (p *pass) Work(w *pool.Worker) {
	ln, lo, hi := p.lane(w)
	p.embed(ln, lo, hi)
	for i := range p.w.layers {
		l := &p.w.layers[i]
		p.bind(w, ln, l, i)
		p.attention(w, ln, l, i, lo, hi)
		p.feedForward(w, ln, l, lo, hi)
		if w.Stopped() {
			return
		}
	}
	p.rmsNorm(ln.h, ln.x, p.w.norm, lo, hi)
}

// single reports whether this pass is a decode step.
func (p *pass) single() bool { return len(p.ids) == 1 }

// rows returns the normed rows that the finished pass left for tokens lo … hi-1 of it.
func (p *pass) rows(lo, hi int) []float32 {
	h := p.shared.h
	if p.single() {
		h = p.private[0].h
	}
	return h[lo*p.h.embed : hi*p.h.embed]
}

// lane returns what the worker computes norms on: its own copy of the only token, or its share of many.
func (p *pass) lane(w *pool.Worker) (ln *lane, lo, hi int) {
	if p.single() {
		return &p.private[w.ID], 0, 1
	}
	lo, hi = w.Share(len(p.ids))
	return &p.shared, lo, hi
}

// bind points the lane's activations at the buffers, in this layer's row lengths.
func (p *pass) bind(w *pool.Worker, ln *lane, l *layer, i int) {
	if w.ID == 0 || p.single() {
		n := len(p.ids)
		ln.in.Reset(ln.h, n, p.h.embed)
		ln.out.Reset(ln.att, n, l.geo.Heads*l.geo.ValueSize)
		ln.ffn.Reset(p.gate, n, p.h.ff[i])
		if l.lat != nil && l.lat.native != nil {
			ln.lowIn.Reset(ln.low, n, p.h.mla.q)
		}
	}
	p.sync(w)
}

// sync is a barrier where workers share rows.
func (p *pass) sync(w *pool.Worker) {
	if !p.single() {
		w.Barrier()
	}
}

func (p *pass) embed(ln *lane, lo, hi int) {
	e := p.h.embed
	for t := lo; t < hi; t++ {
		row := ln.x[t*e:][:e]
		p.w.embed.Row(row, int(p.ids[t]))
		if p.h.arch.scaleEmbed {
			scale(row, float32(math.Sqrt(float64(e))))
		}
	}
}

// rmsNorm writes x / rms(x) · weight for rows lo … hi-1.
func (p *pass) rmsNorm(dst, x, weight []float32, lo, hi int) {
	e := p.h.embed
	for t := lo; t < hi; t++ {
		norm(dst[t*e:][:e], x[t*e:][:e], weight, p.h.eps)
	}
}

// norm is RMS norm of one vector; dst may be x.
func norm(dst, x, weight []float32, eps float32) {
	f := float32(1 / math.Sqrt(float64(quant.SumSquares(x)/float32(len(x))+eps)))
	weight, dst = weight[:len(x)], dst[:len(x)]
	for i, v := range x {
		dst[i] = v * f * weight[i]
	}
}

// quantize brings rows lo … hi-1 into the forms wanted and waits for the other rows.
func (p *pass) quantize(w *pool.Worker, a *quant.Act, forms []quant.Form, lo, hi int) {
	for _, f := range forms {
		a.Quantize(f, lo, hi)
	}
	p.sync(w)
}

// project multiplies a by up to three matrices; the rows of all are shared out among the workers.
func (p *pass) project(w *pool.Worker, a *quant.Act, out ...projection) {
	total := 0
	for _, o := range out {
		total += o.m.Rows
	}
	grain := p.grain(w, total)
	pieces := 0
	for _, o := range out {
		pieces += (o.m.Rows + grain - 1) / grain
	}
	for {
		i, _, ok := w.Take(pieces, 1)
		if !ok {
			return
		}
		for _, o := range out {
			n := (o.m.Rows + grain - 1) / grain
			if i < n {
				o.m.Mul(o.dst, o.m.Rows, a, i*grain, min(o.m.Rows, (i+1)*grain))
				break
			}
			i -= n
		}
	}
}

// projection is a matrix and where its product goes, [tokens, rows].
type projection struct {
	m   linear
	dst []float32
}

// grain returns how many rows a worker takes at a time. One token reads weights as fast as memory gives them, which wants
// long runs: a worker's whole share at once (a sixth of it at a time lost a quarter of the speed). Prompts compute, and
// want whole panels, few enough that none waits long.
func (p *pass) grain(w *pool.Worker, rows int) int {
	if p.single() {
		return (max(16, rows/w.N) + 15) &^ 15
	}
	return p.w.embed.Align()
}

// addBias adds bias to each row of x; nil adds nothing.
func addBias(x, bias []float32, lo, hi int) {
	n := len(bias)
	for t := lo; n > 0 && t < hi; t++ {
		row := x[t*n:][:n]
		for i, b := range bias {
			row[i] += b
		}
	}
}

func scale(x []float32, f float32) {
	for i := range x {
		x[i] *= f
	}
}

// addTo adds rows lo … hi-1 of a block's result to the residual stream, with the block's bias and post-norm where there are any.
func (p *pass) addTo(ln *lane, bias, post []float32, lo, hi int) {
	e := p.h.embed
	for t := lo; t < hi; t++ {
		o := p.o[t*e:][:e]
		if bias != nil || post != nil {
			o = ln.h[t*e:][:e]
			copy(o, p.o[t*e:])
			addBias(o, bias, 0, 1)
		}
		if post != nil {
			norm(o, o, post, p.h.eps)
		}
		x := ln.x[t*e:][:e]
		for i, v := range o {
			x[i] += v
		}
	}
}
