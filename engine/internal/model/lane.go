package model

import (
	"errors"
	"sync/atomic"
	"time"
)

// Lane computes passes of a model, one at a time. While a pass is paused another lane may run some: each has buffers of
// its own. The workers are the model's: lanes take turns.
type Lane struct {
	model *Model
	exec  *executor

	pass   pass // reused, so that a step does not allocate
	rows   []Rows
	logits logitsPass
	picked []float32 // rows of StepLogits
	drawn  []float32 // logits of StepLogits
}

// NewLane returns another lane.
func (m *Model) NewLane() *Lane { return &Lane{model: m, exec: newExecutor(m, m.exec.pool)} }

// Release gives the buffers of large passes back.
func (l *Lane) Release() { l.exec.release() }

// ErrCancelled is returned by a pass whose cancel flag was set before its last layer.
var ErrCancelled = errors.New("cancelled")

// Run appends each of rows to its sequence in one pass: prompts and single tokens of different sequences together,
// together at most BatchSize. The tokens must be in the vocabulary, a sequence may occur once. cancel, which may be
// nil, ends the pass after a layer.
//
// What a sequence computes, but for rows of Any kind, depends neither on the others nor, of a prompt, on how it is cut
// into passes, to the bit, where the model is Shareable.
//
// On an error no sequence has grown. Logits of the rows can be had until the lane's next pass.
func (l *Lane) Run(rows []Rows, cancel *atomic.Bool) error {
	if err := l.Begin(rows); err != nil {
		return err
	}
	return l.finish(cancel)
}

// finish runs what is left of a pass.
func (l *Lane) finish(cancel *atomic.Bool) error {
	done, err := l.Continue(cancel, 0)
	if done || err != nil {
		return err
	}
	l.Abandon()
	return ErrCancelled
}

// Begin readies what Run runs in one go: Continue does, in parts, after each of which other lanes may run passes of other
// sequences. A pass that is not to be continued is to be abandoned.
func (l *Lane) Begin(rows []Rows) error { return l.begin(rows, l.model.layers, nil) }

func (l *Lane) begin(rows []Rows, layers []*Layer, b *Probe) error {
	p := &l.pass
	if err := p.gather(l, rows, b == nil); err != nil {
		return err
	}
	p.layers, p.next, p.done, p.probe, p.alwaysExpand = layers, 0, false, b, b != nil
	l.rows = append(l.rows[:0], rows...)
	p.start()
	return nil
}

// Continue runs layers of the pass and reports whether they were the last. It ends before, after a layer, when stop,
// which may be nil, is set: by others, or by itself after about length, unless that is 0. On an error the pass is over.
func (l *Lane) Continue(stop *atomic.Bool, length time.Duration) (done bool, err error) {
	l.pass.slice.begin(stop, length)
	if r := l.exec.pool.Run(&l.pass, stop); r != nil {
		l.Abandon()
		return false, &Fault{r}
	}
	if !l.pass.done {
		return false, nil
	}
	for _, r := range l.rows {
		r.Seq.length += len(r.Tokens)
	}
	clear(l.rows)
	return true, nil
}

// Abandon ends a pass before its last layer: no sequence has grown.
func (l *Lane) Abandon() {
	for _, r := range l.rows {
		r.Seq.forget()
	}
	clear(l.rows)
}

// slice is a part of a pass that ends after some time.
type slice struct {
	stop  *atomic.Bool
	end   time.Time // zero: only others set stop
	layer time.Time // when the last layer began
	took  time.Duration
}

func (s *slice) begin(stop *atomic.Bool, length time.Duration) {
	s.stop, s.end, s.layer = stop, time.Time{}, time.Time{}
	if length > 0 {
		s.end = time.Now().Add(length)
	}
}

// next sets stop before the layer that ends nearest to the slice's end, taking as long as the last one.
func (s *slice) next() {
	if s.end.IsZero() {
		return
	}
	now := time.Now()
	if !s.layer.IsZero() {
		s.took = now.Sub(s.layer)
	}
	s.layer = now
	if now.Add(s.took * 3 / 2).After(s.end) {
		s.stop.Store(true)
	}
}
