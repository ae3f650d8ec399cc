package calibration

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime/debug"
	"sync/atomic"

	"github.com/latentgo/latentgo/engine/internal/convert/activation"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
)

// GenerateOptions say what a model is to write.
type GenerateOptions struct {
	Seed   uint64
	Tokens int // at least so many in all
	Window int // tokens of a window, at least 2
	Prefix int // each document starts with so many tokens drawn evenly from the vocabulary; 0: with a seed prompt
	// Hidden, when not nil, gets the model's result for each token, window after window: normed residual streams.
	Hidden      *activation.Q8
	Temperature float64 // of what is drawn; 0 means 1
}

const (
	maxBatch  = 64 // windows written at once
	cacheSize = 2  // bytes of a cached value
)

// Generate lets a model write windows of text, sampled at a temperature, that start with several kinds of documents
// (see prompts.go) or with tokens that nobody chose. Windows are written in batches: a pass gives each one more token,
// so that weights are read once for all of them. The same seed gives the same text, whatever the number of workers.
func Generate(
	ctx context.Context, m *model.Model, lang Language, o GenerateOptions, progress func(done, total int),
) ([][]int32, error) {
	defer debug.FreeOSMemory() // of the windows' caches
	n := max((o.Tokens+o.Window-1)/o.Window, 2)
	g := &generator{m: m, lang: lang, o: o, total: n * o.Window, progress: progress}
	g.prompts = newPrompts(ctx, lang, m.Vocab(), o.Prefix)
	if o.Hidden != nil {
		*o.Hidden = activation.NewQ8(g.total, m.Spec().Width)
	}
	batch := batchSize(m, o.Window)
	for rounds := (n + batch - 1) / batch; rounds > 0; rounds-- {
		left := n - len(g.done)
		if err := g.round(ctx, max((left+rounds-1)/rounds, 2)); err != nil {
			return nil, err
		}
	}
	return g.done[:n], nil
}

// batchSize returns how many windows are written at once: many are fast, but their caches take memory, as much as the
// weights at most.
func batchSize(m *model.Model, window int) int {
	cache := 0
	for _, l := range m.Spec().Layers {
		if a, ok := l.Mixer.(model.Attention); ok {
			cache += cacheSize * a.KVHeads * (a.KeySize + a.ValueSize) * window
		}
	}
	return max(2, min(maxBatch, int(m.File().Size())/max(cache, 1)))
}

// generator writes windows, several at a time.
type generator struct {
	m        *model.Model
	lang     Language // may be nil
	o        GenerateOptions
	prompts  *prompts
	windows  []*window
	done     [][]int32
	pass     []*window // whose rows the current pass has
	rows     []model.Rows
	drawn    []int // rows of the pass whose logits are wanted
	logits   []float32
	hidden   []float32
	cancel   atomic.Bool
	total    int
	progress func(done, total int)
}

// round writes n windows, at least two.
func (g *generator) round(ctx context.Context, n int) error {
	g.cancel.Store(false)
	defer context.AfterFunc(ctx, func() { g.cancel.Store(true) })()
	g.begin(n)
	for g.gather() {
		err := g.step()
		if ctx.Err() != nil && (err == nil || errors.Is(err, model.ErrCancelled)) {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		g.tell()
	}
	for _, w := range g.windows {
		g.done = append(g.done, w.ids[:g.o.Window:g.o.Window])
	}
	return nil
}

// begin makes n windows ready.
func (g *generator) begin(n int) {
	for len(g.windows) < n {
		g.windows = append(g.windows, &window{seq: g.m.NewSequence(attention.F16, g.o.Window)})
	}
	g.windows = g.windows[:n]
	for i, w := range g.windows {
		no := len(g.done) + i
		*w = window{no: no, r: rand.New(rand.NewPCG(g.o.Seed, uint64(no))), seq: w.seq}
		w.seq.Truncate(0)
		w.document(g.prompts)
		w.next()
	}
}

// gather collects the rows of the next pass: the last token of each window that is not complete. It returns false when
// all are.
func (g *generator) gather() bool {
	g.pass, g.rows = g.pass[:0], g.rows[:0]
	var spare *window
	for _, w := range g.windows {
		if g.full(w) && (g.o.Hidden == nil || w.seq.Len() == len(w.ids)) {
			spare = w
		} else {
			g.pass = append(g.pass, w)
		}
	}
	if len(g.pass) == 0 {
		return false
	}
	if len(g.pass) == 1 { // a pass of one row is a decode step, whose sums are rounded in another order
		g.pass = append(g.pass, spare)
	}
	for _, w := range g.pass {
		last := len(w.ids) - 1
		w.seq.Truncate(last) // what a loop that was cut out has left
		g.rows = append(g.rows, model.Rows{Seq: w.seq, Tokens: w.ids[last:]})
	}
	return true
}

func (g *generator) full(w *window) bool { return len(w.ids) >= g.o.Window }

// step runs the pass and gives each of its windows another token.
func (g *generator) step() error {
	if err := g.m.Run(g.rows, &g.cancel); err != nil {
		return err
	}
	g.keepHidden()
	g.drawn = g.drawn[:0]
	for i, w := range g.pass {
		if !g.full(w) && len(w.queue) == 0 {
			g.drawn = append(g.drawn, i)
		} else if !g.full(w) {
			w.next()
		}
	}
	if len(g.drawn) == 0 {
		return nil
	}
	vocab := g.m.Vocab()
	g.logits = resized(g.logits, len(g.drawn)*vocab)
	if err := g.m.LogitsAt(g.logits, g.drawn...); err != nil {
		return err
	}
	return g.m.Parallel(len(g.drawn), func(i int) error {
		w := g.pass[g.drawn[i]]
		w.take(draw(w.r, g.logits[i*vocab:][:vocab], g.o.Temperature), g.lang, g.prompts)
		return nil
	})
}

// keepHidden keeps the results of the pass where they are wanted.
func (g *generator) keepHidden() {
	if g.o.Hidden == nil {
		return
	}
	n, width := len(g.pass), g.m.Spec().Width
	g.hidden = resized(g.hidden, n*width)
	g.m.Hidden(g.hidden, 0, n)
	for i, w := range g.pass {
		g.o.Hidden.From(w.no*g.o.Window+len(w.ids)-1).Save(g.hidden[i*width:], 0, 1)
	}
}

// tell reports how far the windows are; those of earlier rounds are done.
func (g *generator) tell() {
	n := len(g.done) * g.o.Window
	for _, w := range g.windows {
		n += len(w.ids)
	}
	g.progress(min(n, g.total), g.total)
}
