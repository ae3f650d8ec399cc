package model

import (
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/latentgo/latentgo/internal/pool"
)

// logitsPass computes logits from rows of normed residual streams: a pool.Task.
type logitsPass struct {
	l    *Lane
	x    []float32 // [n, width]; nil for the only row of a pass, of which each worker has its own copy
	n    int
	dst  []float32   // [n, vocab]
	outs [][]float32 // where rows of dst are copied to, or nil
	one  bool        // rows get the bits that each gets alone,
	many bool        // or those of many, however few there are
	last kernel.Act
}

// Logits computes the logits after rows from … from+n-1 of the lane's last pass, counted over all its sequences: dst [n,
// vocab].
func (l *Lane) Logits(dst []float32, from, n int) error {
	if l.pass.single() {
		return l.runLogits(nil, dst, 1)
	}
	return l.runLogits(l.exec.shared.h[from*l.model.spec.Width:], dst, n)
}

// Hidden copies rows from … from+n-1 of the lane's last pass's result, the normed residual stream, to dst [n, width].
func (l *Lane) Hidden(dst []float32, from, n int) {
	h := l.exec.shared.h
	if l.pass.single() {
		h = l.exec.workers[0].own.h
	}
	copy(dst[:n*l.model.spec.Width], h[from*l.model.spec.Width:])
}

// LogitsOf computes logits from n rows that Hidden gave: dst [n, vocab], the same bits whatever n is.
func (l *Lane) LogitsOf(dst, hidden []float32, n int) error {
	l.logits.many = true
	defer func() { l.logits.many = false }()
	return l.runLogits(hidden, dst, n)
}

// StepLogits computes the logits after some rows of the lane's last pass, each of which gets the bits that it gets alone:
// out[i] [vocab] after rows[i].
func (l *Lane) StepLogits(out [][]float32, rows []int) error {
	switch {
	case len(rows) == 0:
		return nil
	case l.pass.single():
		return l.runLogits(nil, out[0], 1)
	case len(rows) == 1:
		return l.runLogits(l.exec.shared.h[rows[0]*l.model.spec.Width:], out[0], 1)
	}
	e, o := l.model.spec.Width, &l.logits
	l.picked, l.drawn = sized(&l.picked, len(rows)*e), sized(&l.drawn, len(rows)*l.model.spec.Vocab)
	for i, r := range rows {
		copy(l.picked[i*e:][:e], l.exec.shared.h[r*e:])
	}
	o.outs, o.one = out, true
	err := l.runLogits(l.picked, l.drawn, len(rows))
	o.outs, o.one = nil, false
	return err
}

func (l *Lane) runLogits(x, dst []float32, n int) error {
	o := &l.logits
	o.l, o.x, o.n, o.dst = l, x, n, dst
	r := l.exec.pool.Run(o, nil)
	o.x, o.dst = nil, nil
	if r != nil {
		return &Fault{r}
	}
	return nil
}

// Work is one worker's share: rows of the vocabulary.
func (o *logitsPass) Work(pw *pool.Worker) {
	m := o.l.model
	act := &o.last
	lo, hi := pw.Share(o.n)
	if o.x == nil {
		w := &o.l.exec.workers[pw.ID]
		act, lo, hi = &w.own.last, 0, 1
		act.Reset(w.own.h, 1, m.spec.Width)
	} else {
		if pw.ID == 0 {
			act.Reset(o.x, o.n, m.spec.Width)
			switch {
			case o.one:
				act.Singles(o.n)
			case o.many:
				act.Singles(0)
			}
		}
		pw.Barrier()
	}
	act.Quantize(m.output.ActType(), lo, hi)
	if o.x != nil {
		pw.Barrier()
	}
	vocab := m.output.Rows
	grain := max(16, (vocab/(4*pw.N)+15)&^15)
	for {
		r0, r1, ok := pw.Take(vocab, grain)
		if !ok {
			return
		}
		m.output.Mul(o.dst, vocab, act, r0, r1)
		for t := range o.n {
			o.finish(o.dst[t*vocab:][r0:r1], r0, r1)
			if o.outs != nil {
				copy(o.outs[t][r0:r1], o.dst[t*vocab:][r0:r1])
			}
		}
	}
}

// finish adds the bias, scales and applies the soft cap, where the model has them.
func (o *logitsPass) finish(x []float32, r0, r1 int) {
	if b := o.l.model.bias; b != nil {
		addBias(x, b[r0:r1], 0, 1)
	}
	if f := o.l.model.spec.LogitScale; f != 0 {
		scale(x, f)
	}
	if c := o.l.model.spec.LogitCap; c != 0 {
		for i, v := range x {
			x[i] = c * float32(math.Tanh(float64(v/c)))
		}
	}
}
