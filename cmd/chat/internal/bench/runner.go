package bench

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/latentgo/latentgo/engine"
)

// warmTokens are the tokens that warm up before the first repetition of a row.
const warmTokens = 16

// Runner measures a model's cases one at a time. Close it.
type Runner struct {
	ctx    context.Context
	m      *engine.Model
	room   int // tokens of a session
	list   []*sequence
	report func(tokens int)
	mem    runtime.MemStats
}

// NewRunner returns a runner whose sessions hold room tokens; report is called with the tokens of each piece of work
// that is done, outside of what is measured, and may be nil.
func NewRunner(ctx context.Context, m *engine.Model, room int, report func(tokens int)) (*Runner, error) {
	if report == nil {
		report = func(int) {}
	}
	r := &Runner{ctx: ctx, m: m, room: room, report: report}
	if err := r.open(1); err != nil {
		return nil, err
	}
	if err := r.list[0].fill(ctx, min(warmTokens, room), func(int) {}); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Close closes the sessions.
func (r *Runner) Close() {
	for _, q := range r.list {
		_ = q.s.Close()
	}
}

// open makes sessions until there are n.
func (r *Runner) open(n int) error {
	for len(r.list) < n {
		s, err := r.m.NewSession(&engine.SessionOptions{Context: r.room})
		if err != nil {
			return err
		}
		ids := randomIDs(r.room, r.m.Info().Vocab, len(r.list))
		r.list = append(r.list, &sequence{s: s, ids: ids})
	}
	return nil
}

// Session returns the first sequence's session.
func (r *Runner) Session() *engine.Session { return r.list[0].s }

// Once measures a case: tokens per second of all its sequences together, and of decode the heap allocations during its
// steps. warm does a little of the same before, so that nothing has to wake up or to grow in what counts.
func (r *Runner) Once(c Case, warm bool) (rate float64, allocs uint64, err error) {
	if err := r.open(c.Sequences); err != nil {
		return 0, 0, err
	}
	list := r.list[:c.Sequences]
	if err := r.fill(list, c.Depth); err != nil {
		return 0, 0, err
	}
	work := func(n int) error { return list[0].prompt(r.ctx, n) }
	if c.Kind == Decode {
		work = func(n int) error { return r.steps(list, n) }
	}
	if warm {
		if err := errors.Join(work(min(c.Tokens, warmTokens)), r.fill(list, c.Depth)); err != nil {
			return 0, 0, err
		}
	}
	before := r.mallocs()
	start := time.Now()
	err = work(c.Tokens)
	seconds := time.Since(start).Seconds()
	allocs = r.mallocs() - before
	n := c.Tokens * c.Sequences
	r.report(n)
	return float64(n) / seconds, allocs, err
}

// fill brings all sequences to a depth.
func (r *Runner) fill(list []*sequence, depth int) error {
	for _, q := range list {
		if err := q.fill(r.ctx, depth, r.report); err != nil {
			return err
		}
	}
	return nil
}

// steps decodes n tokens in each sequence, all at the same time.
func (r *Runner) steps(list []*sequence, n int) error {
	if len(list) == 1 {
		return list[0].steps(r.ctx, n)
	}
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i, q := range list {
		wg.Go(func() { errs[i] = q.steps(r.ctx, n) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// mallocs returns how many heap objects the program has allocated so far.
func (r *Runner) mallocs() uint64 {
	runtime.ReadMemStats(&r.mem)
	return r.mem.Mallocs
}
