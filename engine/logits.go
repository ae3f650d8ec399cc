package engine

import (
	"math"

	"github.com/latentgo/latentgo/internal/pool"
)

// logitsPass computes logits from normed rows of the residual stream: a pool.Task.
type logitsPass struct {
	p    *pass
	rows []float32 // [n, width]
	dst  []float32 // [n, vocab]
}

// Work is one worker's share: rows of the vocabulary. Each worker quantises a single row for itself.
func (o *logitsPass) Work(w *pool.Worker) {
	p, e := o.p, o.p.h.embed
	n := len(o.rows) / e
	ln, lo, hi := &p.private[w.ID], 0, n
	if n > 1 {
		ln = &p.shared
		lo, hi = w.Share(n)
	}
	if w.ID == 0 || n == 1 {
		ln.last.Reset(o.rows, n, e)
	}
	if n > 1 {
		w.Barrier()
	}
	ln.last.Quantize(p.w.output.Form(), lo, hi)
	if n > 1 {
		w.Barrier()
	}
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
