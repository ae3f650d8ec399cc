package calibration

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/latentgo/latentgo/engine/internal/convert/activation"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/logprob"
)

// logitValues is how many logits are there at a time.
const logitValues = 1 << 21

// Reference is what a model makes of windows of text, each from an empty cache; a window's first token is not scored.
type Reference struct {
	Perplexity float64
	windows    [][]int32
	hidden     activation.F16 // normed residual streams of all tokens
}

// Measure returns that of a model. progress gets the tokens done now and then. It is an error that wraps
// model.ErrInvalid when the perplexity is not a finite number.
func Measure(ctx context.Context, m *model.Model, windows [][]int32, progress func(done, total int)) (*Reference, error) {
	r := &Reference{windows: windows, hidden: activation.NewF16(Count(windows), m.Spec().Width)}
	p := &scorer{m: m, progress: progress, keep: &r.hidden}
	err := p.run(ctx, windows)
	r.Perplexity = p.perplexity()
	return r, err
}

// Compare measures a model, with a cache in a format, whose logits come from the same matrix on the same text: its perplexity and, in nats, the
// mean divergence KL(reference ‖ m) of what it predicts. Errors are those of Measure.
func (r *Reference) Compare(
	ctx context.Context, m *model.Model, format model.CacheFormat, progress func(done, total int),
) (perplexity, divergence float64, err error) {
	p := &scorer{m: m, format: format, progress: progress, want: &r.hidden}
	err = p.run(ctx, r.windows)
	return p.perplexity(), p.kl / float64(max(p.scored, 1)), err
}

// scorer sums up the negative log-likelihood of windows.
type scorer struct {
	m                   *model.Model
	format              model.CacheFormat
	nll, kl             float64
	done, scored, total int
	keep, want          *activation.F16 // where hidden values go, or those to compare with; or nil
	hidden              []float32
	logits, other, buf  []float32
	cancel              atomic.Bool
	progress            func(done, total int)
}

// run scores all windows.
func (p *scorer) run(ctx context.Context, windows [][]int32) error {
	defer context.AfterFunc(ctx, func() { p.cancel.Store(true) })()
	p.total = Count(windows)
	for _, ids := range windows {
		if err := p.window(ctx, ids); err != nil {
			return err
		}
	}
	if ppl := p.perplexity(); math.IsNaN(ppl+p.kl) || math.IsInf(ppl, 0) {
		return fmt.Errorf("the logits are not finite numbers: %w", model.ErrInvalid)
	}
	return nil
}

func (p *scorer) perplexity() float64 { return math.Exp(p.nll / float64(max(p.scored, 1))) }

// window scores a window.
func (p *scorer) window(ctx context.Context, ids []int32) error {
	seq := p.m.NewSequence(p.format, len(ids))
	for at := 0; at < len(ids); {
		n := min(len(ids)-at, p.m.BatchSize())
		err := p.m.Run([]model.Rows{{Seq: seq, Tokens: ids[at : at+n]}}, &p.cancel)
		if ctx.Err() != nil && (err == nil || errors.Is(err, model.ErrCancelled)) {
			return ctx.Err()
		}
		if err == nil {
			err = p.pass(n, ids[at+1:])
		}
		if err != nil {
			return err
		}
		at += n
	}
	return nil
}

// pass scores the n rows of the last pass; next are the tokens that follow.
func (p *scorer) pass(n int, next []int32) error {
	vocab := p.m.Vocab()
	step := min(n, max(1, logitValues/vocab))
	p.logits, p.buf = resized(p.logits, step*vocab), resized(p.buf, vocab)
	for lo := 0; lo < n; lo += step {
		k := min(step, n-lo)
		if err := p.m.Logits(p.logits, lo, k); err != nil {
			return err
		}
		if err := p.reference(lo, k); err != nil {
			return err
		}
		for t := range k {
			if p.done++; p.done%64 == 0 || p.done == p.total {
				p.progress(p.done, p.total)
			}
			if lo+t < len(next) {
				p.score(t, next[lo+t])
			}
		}
	}
	return nil
}

// reference keeps the hidden values of k rows of the pass from lo on, or computes the logits to compare theirs with.
func (p *scorer) reference(lo, k int) error {
	width, vocab := p.m.Spec().Width, p.m.Vocab()
	p.hidden = resized(p.hidden, k*width)
	switch {
	case p.keep != nil:
		p.m.Hidden(p.hidden, lo, k)
		p.keep.Rows(p.done, k).Save(p.hidden, 0, k)
	case p.want != nil:
		p.want.Rows(p.done, k).Load(p.hidden, 0, k)
		p.other = resized(p.other, k*vocab)
		return p.m.LogitsOf(p.other, p.hidden, k)
	}
	return nil
}

// score scores row t of the logits, whose next token is known.
func (p *scorer) score(t int, next int32) {
	vocab := p.m.Vocab()
	logits := p.logits[t*vocab:][:vocab]
	sum := logprob.Sum(p.buf, logits)
	p.scored++
	p.nll += sum - float64(logits[next])
	if p.want == nil {
		return
	}
	want := p.other[t*vocab:][:vocab]
	wanted := logprob.Sum(p.buf, want) // p.buf is the softmax but for its sum
	mean, total := 0.0, 0.0
	for i, e := range p.buf {
		total += float64(e)
		mean += float64(e) * float64(want[i]-logits[i])
	}
	p.kl += max(mean/total+sum-wanted, 0)
}

func resized(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
