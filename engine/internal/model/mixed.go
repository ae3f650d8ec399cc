package model

import (
	"slices"

	"github.com/latentgo/latentgo/internal/kernel"
)

// What recurrent mixers share: each worker computes some heads or channels of all rows.

// mixScratch is one worker's scratch for recurrent mixers.
type mixScratch struct {
	tmp, ones []float32
	scan      scan
}

// silu sets dst to SiLU of as many values of src, which may be dst.
func (x *mixScratch) silu(dst, src []float32) {
	n := len(dst)
	if len(x.ones) < n {
		x.ones = slices.Repeat([]float32{1}, n)
	}
	kernel.SiLUMul(dst, src[:n], x.ones[:n])
}

// shareAligned returns this worker's part of n channels, in pieces of 16.
func (w *worker) shareAligned(n int) (lo, hi int) {
	lo, hi = w.Share((n + 15) / 16)
	return min(lo*16, n), min(hi*16, n)
}

// includeMixed makes room for rows of n values, the input of a mixer's last projection.
func (e *executor) includeMixed(n int) {
	e.most.heads, e.most.sums = max(e.most.heads, n), max(e.most.sums, n)
}

// mixed returns where all workers write these rows: the activations that they share, or in a decode step a buffer for
// all, of which each takes its own copy (mixedDone).
func (p *pass) mixed(w *worker) []float32 {
	if p.single() {
		return p.sums
	}
	return w.heads
}

// mixedDone waits until the rows are there.
func (p *pass) mixedDone(w *worker, n int) {
	w.Barrier()
	if p.single() {
		copy(w.heads, p.sums[:n])
	}
}

// eachHead hands out heads 0 … n-1 of all segments.
func (p *pass) eachHead(w *worker, n int, run func(seg *segment, h int)) {
	for {
		i, _, ok := w.Take(n*len(p.segments), 1)
		if !ok {
			return
		}
		run(&p.segments[i/n], i%n)
	}
}
