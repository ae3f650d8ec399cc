package calibration

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
)

// logitValues is how many logits are there at a time.
const logitValues = 1 << 21

// Perplexity returns that of a model on windows of text, each from an empty cache; a window's first token is not
// scored. progress gets the tokens done now and then. It is an error that wraps model.ErrInvalid when it is not a
// finite number.
func Perplexity(ctx context.Context, m *model.Model, windows [][]int32, progress func(done, total int)) (float64, error) {
	var cancel atomic.Bool
	defer context.AfterFunc(ctx, func() { cancel.Store(true) })()
	p := &scorer{m: m, total: Count(windows), cancel: &cancel, progress: progress}
	for _, ids := range windows {
		if err := p.window(ctx, ids); err != nil {
			return 0, err
		}
	}
	ppl := math.Exp(p.nll / float64(p.total-len(windows)))
	if math.IsNaN(ppl) || math.IsInf(ppl, 0) {
		return 0, fmt.Errorf("the logits are not finite numbers: %w", model.ErrInvalid)
	}
	return ppl, nil
}

// scorer sums up the negative log-likelihood of windows.
type scorer struct {
	m           *model.Model
	nll         float64
	done, total int
	logits, buf []float32
	cancel      *atomic.Bool
	progress    func(done, total int)
}

// window scores a window.
func (p *scorer) window(ctx context.Context, ids []int32) error {
	seq := p.m.NewSequence(attention.F16, len(ids))
	for at := 0; at < len(ids); {
		n := min(len(ids)-at, p.m.BatchSize())
		err := p.m.Run([]model.Rows{{Seq: seq, Tokens: ids[at : at+n]}}, p.cancel)
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
		for t := range k {
			if p.done++; p.done%64 == 0 || p.done == p.total {
				p.progress(p.done, p.total)
			}
			if lo+t < len(next) {
				logits := p.logits[t*vocab:][:vocab]
				p.nll += logSum(p.buf, logits) - float64(logits[next[lo+t]])
			}
		}
	}
	return nil
}

// logSum is ln Σ e^x. buf is room for as many.
func logSum(buf, x []float32) float64 {
	peak := vek32.Max(x)
	return float64(peak) + math.Log(float64(kernel.ExpSum(buf, x, peak)))
}

func resized(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
