package model

import (
	"fmt"
	"sync/atomic"
)

// Rows are a sequence's next tokens in a pass.
type Rows struct {
	Seq    *Sequence
	Tokens []int32
	Kind   Kind
}

// Kind says how the tokens of Rows are computed. Sums of a decode step and of a prompt have other orders, and differ in
// rounding.
type Kind uint8

const (
	// Any is what is fastest, which depends on what else is in the pass.
	Any Kind = iota
	// Step is a token that follows by itself. Steps come before other rows. Several tokens are that many steps, one
	// behind the other, each with the bits that it gets in a pass of its own: that checks guesses. It takes a Shareable
	// model.
	Step
	// Prompt is a part of several tokens that follow together.
	Prompt
)

// Fault is a panic of a worker, such as one of a memory map whose file shrank.
type Fault struct{ Value any }

// Error implements error.
func (f *Fault) Error() string { return fmt.Sprint(f.Value) }

// gather makes segments of rows.
func (p *pass) gather(l *Lane, rows []Rows, tokens bool) error {
	m := l.model
	p.executor, p.model = l.exec, m
	p.ids, p.pos, p.segments, p.steps = p.ids[:0], p.pos[:0], p.segments[:0], 0
	p.exact = false
	for _, r := range rows {
		if err := r.Seq.check(m); err != nil {
			return err
		}
		if len(r.Tokens) == 0 {
			continue
		}
		pos := r.Seq.length
		if m.spec.Encoder && pos > 0 {
			return fmt.Errorf("an encoder takes a text as a whole, the sequence has %d tokens: %w", pos, ErrInvalid)
		}
		if err := m.CheckLength(pos + len(r.Tokens)); err != nil {
			return err
		}
		if r.Kind == Step && p.steps != len(p.pos) {
			return fmt.Errorf("a step behind %d rows, %d of them steps: %w", len(p.pos), p.steps, ErrInvalid)
		}
		p.exact = p.exact || r.Kind != Any
		if err := p.segment(m, r, pos); err != nil {
			return err
		}
		for i := range r.Tokens {
			p.pos = append(p.pos, pos+i)
		}
		if tokens || m.perLayer != nil {
			p.ids = append(p.ids, r.Tokens...)
		}
		r.Seq.grow(pos + len(r.Tokens))
	}
	if len(p.pos) == 0 {
		return fmt.Errorf("a pass of no tokens: %w", ErrInvalid)
	}
	if len(p.pos) == 1 && !p.exact {
		p.steps = 1
	}
	if n := len(p.pos); tokens && n > p.executor.batch {
		return fmt.Errorf("%d tokens, at most %d: %w", n, p.executor.batch, errTooMany)
	}
	return nil
}

// segment makes one segment of rows, or one of each of several steps.
func (p *pass) segment(m *Model, r Rows, pos int) error {
	n := len(r.Tokens)
	if r.Kind != Step {
		p.segments = append(p.segments, segment{r.Seq, len(p.pos), n, pos, n == 1 && r.Kind == Any})
		return nil
	}
	if n > 1 && !m.Shareable() {
		return fmt.Errorf("%d steps of a sequence in one pass: its mixers compute them one by one: %w", n, ErrUnsupported)
	}
	for i := range n {
		p.segments = append(p.segments, segment{r.Seq, len(p.pos) + i, 1, pos + i, true})
	}
	p.steps += n
	return nil
}

// RunProbe runs a probe. The rows' sequences grow when it begins before StageHeads. See Run for cancel and errors.
func (m *Model) RunProbe(b *Probe, cancel *atomic.Bool) error {
	if err := m.begin(b.Rows, nil, b); err != nil {
		return err
	}
	return m.finish(cancel)
}

// Parallel calls fn for 0 … n-1 on all workers at once and returns one of the errors.
func (m *Model) Parallel(n int, fn func(i int) error) error { return m.exec.parallel(n, fn) }
