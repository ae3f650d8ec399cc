package engine

import (
	"math"

	"github.com/latentgo/latentgo/internal/pool"
)

// logitsPass computes logits from the normed residual stream that a pass left: a pool.Task.
type logitsPass struct {
	p      *pass
	lo, hi int       // tokens of the pass
	dst    []float32 // [hi-lo, vocab]
}

// Work is one worker's share: rows of the vocabulary.
func (o *logitsPass) Work(w *pool.Worker) {
	p, e := o.p, o.p.h.embed
	ln := &p.shared
	if p.single() {
		ln = &p.private[w.ID]
	}
	n := o.hi - o.lo
	if w.ID == 0 || p.single() {
		ln.last.Reset(ln.h[o.lo*e:], n, e)
	}
	p.sync(w)
	lo, hi := 0, n
	if !p.single() {
		lo, hi = w.Share(n)
	}
	ln.last.Quantize(p.w.output.ActType(), lo, hi)
	p.sync(w)
	vocab := p.w.output.Rows
	grain := max(16, (vocab/(4*w.N)+15)&^15)
	for {
		r0, r1, ok := w.Take(vocab, grain)
		if !ok {
			return
		}
		p.w.output.Mul(o.dst, vocab, &ln.last, r0, r1)
		for t := range n {
			o.finish(o.dst[t*vocab:][r0:r1], r0, r1)
		}
	}
}

// finish adds the bias and applies the soft cap, where the model has them.
func (o *logitsPass) finish(x []float32, r0, r1 int) {
	if b := o.p.w.bias; b != nil {
		addBias(x, b[r0:r1], 0, 1)
	}
	if c := o.p.h.finalCap; c != 0 {
		for i, v := range x {
			x[i] = c * float32(math.Tanh(float64(v/c)))
		}
	}
}
