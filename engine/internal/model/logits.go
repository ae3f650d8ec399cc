package model

import (
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/latentgo/latentgo/internal/pool"
)

// logitsPass computes logits from rows of normed residual streams: a pool.Task.
type logitsPass struct {
	m    *Model
	x    []float32 // [n, width]; nil for the only row of a pass, of which each worker has its own copy
	n    int
	dst  []float32   // [n, vocab]
	outs [][]float32 // where rows of dst are copied to, or nil
	one  bool        // rows get the bits that each gets alone,
	many bool        // or those of many, however few there are
	last kernel.Act
}

// Logits computes the logits after rows from … from+n-1 of the last pass, counted over all its sequences: dst [n,
// vocab].
func (m *Model) Logits(dst []float32, from, n int) error {
	if m.pass.single() {
		return m.runLogits(nil, dst, 1)
	}
	return m.runLogits(m.exec.shared.h[from*m.spec.Width:], dst, n)
}

// Hidden copies rows from … from+n-1 of the last pass's result, the normed residual stream, to dst [n, width].
func (m *Model) Hidden(dst []float32, from, n int) {
	h := m.exec.shared.h
	if m.pass.single() {
		h = m.exec.workers[0].own.h
	}
	copy(dst[:n*m.spec.Width], h[from*m.spec.Width:])
}

// LogitsOf computes logits from n rows that Hidden gave: dst [n, vocab], the same bits whatever n is.
func (m *Model) LogitsOf(dst, hidden []float32, n int) error {
	m.logits.many = true
	defer func() { m.logits.many = false }()
	return m.runLogits(hidden, dst, n)
}

// StepLogits computes the logits after some rows of the last pass, each of which gets the bits that it gets alone:
// out[i] [vocab] after rows[i].
func (m *Model) StepLogits(out [][]float32, rows []int) error {
	switch {
	case len(rows) == 0:
		return nil
	case m.pass.single():
		return m.runLogits(nil, out[0], 1)
	case len(rows) == 1:
		return m.runLogits(m.exec.shared.h[rows[0]*m.spec.Width:], out[0], 1)
	}
	e, o := m.spec.Width, &m.logits
	m.picked, m.drawn = sized(&m.picked, len(rows)*e), sized(&m.drawn, len(rows)*m.spec.Vocab)
	for i, r := range rows {
		copy(m.picked[i*e:][:e], m.exec.shared.h[r*e:])
	}
	o.outs, o.one = out, true
	err := m.runLogits(m.picked, m.drawn, len(rows))
	o.outs, o.one = nil, false
	return err
}

func (m *Model) runLogits(x, dst []float32, n int) error {
	o := &m.logits
	o.m, o.x, o.n, o.dst = m, x, n, dst
	r := m.exec.pool.Run(o, nil)
	o.x, o.dst = nil, nil
	if r != nil {
		return &Fault{r}
	}
	return nil
}

// Work is one worker's share: rows of the vocabulary.
func (o *logitsPass) Work(pw *pool.Worker) {
	m := o.m
	act := &o.last
	lo, hi := pw.Share(o.n)
	if o.x == nil {
		w := &m.exec.workers[pw.ID]
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
	if b := o.m.bias; b != nil {
		addBias(x, b[r0:r1], 0, 1)
	}
	if f := o.m.spec.LogitScale; f != 0 {
		scale(x, f)
	}
	if c := o.m.spec.LogitCap; c != 0 {
		for i, v := range x {
			x[i] = c * float32(math.Tanh(float64(v/c)))
		}
	}
}
