// Package statistics gathers what a conversion has to know of a model's activations: it walks through the layers with
// calibration text, as the model computes it and as the converted model does, and sums up moments and regressions on
// the way.
package statistics

import (
	"context"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/latentgo/latentgo/engine/internal/convert/activation"
	"github.com/latentgo/latentgo/engine/internal/convert/regression"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/pool"
)

// Walk holds two residual streams of the same text at one place of a model: x as the model computes it, y as the
// converted model does. Statistics come from y, targets from x. Each layer takes Moments (where it is compressed),
// Attend, Advance and, unless the feed-forward network is in parallel, FFN and AdvanceFFN, in this order.
type Walk struct {
	m           *model.Model
	width       int
	windows     [][]int32 // of at least two tokens; each starts from an empty cache
	held        int       // windows, the last ones, that nothing is learnt from
	batches     [][]int32 // the same tokens, short windows together
	seenBatches int       // of the windows that are not held
	x, y        activation.F16
	heads       activation.Store // [tokens, heads' values] what W_O gets on y, between Attend and Advance
	scratch     regression.Scratch
	target      []float32 // of a pass: what a projection should give
	other       []float32 // of a pass: rows of y beside those of x
	cancel      atomic.Bool
}

// BatchTokens is how many tokens a pass takes at most: short windows go together, and long ones are cut.
const BatchTokens = 512

// New starts a walk with windows of at least two tokens to learn from, and others, held back, in which the damage of
// each layer is measured (Damage). It is an error when a window is longer than the model has positions.
func New(ctx context.Context, m *model.Model, seen, held [][]int32) (*Walk, error) {
	windows := slices.Concat(seen, held)
	k := &Walk{m: m, width: m.Spec().Width, windows: windows, held: len(held)}
	for i, w := range windows {
		if err := m.CheckLength(len(w)); err != nil {
			return nil, err
		}
		last := len(k.batches) - 1
		if i > 0 && i != len(seen) && k.fits(len(k.batches[last])+len(w)) {
			k.batches[last] = append(slices.Clip(k.batches[last]), w...)
		} else {
			k.batches = append(k.batches, w)
		}
		if i == len(seen) {
			k.seenBatches = len(k.batches) - 1
		}
	}
	if len(held) == 0 {
		k.seenBatches = len(k.batches)
	}
	n := 0
	for _, w := range windows {
		n += len(w)
	}
	k.x, k.y = activation.NewF16(n, k.width), activation.NewF16(n, k.width)
	k.embed()
	return k, ctx.Err()
}

// fits reports whether a pass takes n tokens, which may be more than a window can have with learned positions.
func (k *Walk) fits(n int) bool { return n <= BatchTokens && k.m.CheckLength(n) == nil }

// embed starts both streams.
func (k *Walk) embed() {
	at := 0
	for _, ids := range k.windows {
		x := k.x.Rows(at, len(ids))
		at += len(ids)
		rows := make([]float32, len(ids)*k.width)
		regression.Parallel(k.m.Parallel).Rows(len(ids), func(_, lo, hi int) {
			scratch := make([]float32, k.width)
			for t := lo; t < hi; t++ {
				k.m.Embed(rows[t*k.width:][:k.width], scratch, ids[t], t)
			}
			x.Save(rows, lo, hi)
		})
	}
	k.y.CopyFrom(k.x)
}

// Windows returns the text, what is held back last.
func (k *Walk) Windows() [][]int32 { return k.windows }

// Original returns stream x and Converted y: as many rows as the text has tokens, window after window.
func (k *Walk) Original() activation.F16 { return k.x }

// Converted returns stream y.
func (k *Walk) Converted() activation.F16 { return k.y }

// Longest returns the length of the longest window.
func (k *Walk) Longest() int {
	n := 0
	for _, w := range k.windows {
		n = max(n, len(w))
	}
	return n
}

// piece is a pass's share of the text: tokens at at … at+n-1 of the streams, the first of them at position pos of its
// window.
type piece struct {
	ids  []int32
	pos  int
	held bool
	x, y activation.F16
}

// each calls fn for the windows' pieces, which attention goes through in order.
func (k *Walk) each(ctx context.Context, fn func(p piece) error) error {
	return k.over(ctx, k.windows, len(k.windows)-k.held, fn)
}

// eachToken is each for what a token does by itself, whatever the window: many tokens share the unpacking of a weight.
func (k *Walk) eachToken(ctx context.Context, fn func(p piece) error) error {
	return k.over(ctx, k.batches, k.seenBatches, fn)
}

// over calls fn for the pieces of windows or batches, of which those from seen on are held back.
func (k *Walk) over(ctx context.Context, windows [][]int32, seen int, fn func(p piece) error) error {
	k.cancel.Store(false)
	stop := context.AfterFunc(ctx, func() { k.cancel.Store(true) })
	defer stop()
	at := 0
	for i, ids := range windows {
		for pos, part := range pieced(ids) {
			n := len(part)
			err := fn(piece{part, pos, i >= seen, k.x.Rows(at, n), k.y.Rows(at, n)})
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				return err
			}
			at += n
		}
	}
	return nil
}

// pieced yields a window in pieces of at most BatchTokens tokens, about equally long, and where they begin. None is a
// single token, which would make a decode step.
func pieced(ids []int32) iter.Seq2[int, []int32] {
	return func(yield func(int, []int32) bool) {
		n := (len(ids) + BatchTokens - 1) / BatchTokens
		for i := range n {
			lo, hi := i*len(ids)/n, (i+1)*len(ids)/n
			if !yield(lo, ids[lo:hi]) {
				return
			}
		}
	}
}

// probe runs a probe on a piece of a window; seq remembers the pieces before.
func (k *Walk) probe(p piece, seq *model.Sequence, b *model.Probe) error {
	seq.Truncate(p.pos)
	b.Rows = []model.Rows{{Seq: seq, Tokens: p.ids}}
	return k.m.RunProbe(b, &k.cancel)
}

// sequence returns one that remembers a window of a layer, or with nil one for what tokens do by themselves.
func (k *Walk) sequence(l *model.Layer) *model.Sequence { return k.m.NewProbeSequence(l, k.Longest()) }

// flush adds the rows that wait in normal equations, of which some may be nil.
func (k *Walk) flush(all ...*regression.NormalEquations) {
	k.m.Do(func(w *pool.Worker) {
		for _, e := range all {
			if e != nil {
				e.Flush(w)
			}
		}
	})
}

func resized(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
