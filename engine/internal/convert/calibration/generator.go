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
	rows     []model.Rows
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

// gather collects the rows of the next pass, the last token of each window; it returns false when all windows are
// complete. A window that is complete evaluates its last token again: what a pass rounds may depend on how many rows it
// has, and a window must not depend on the others.
func (g *generator) gather() bool {
	g.rows = g.rows[:0]
	complete := true
	for _, w := range g.windows {
		complete = complete && g.full(w) && (g.o.Hidden == nil || w.seq.Len() == len(w.ids))
		last := len(w.ids) - 1
		g.rows = append(g.rows, model.Rows{Seq: w.seq, Tokens: w.ids[last:]})
	}
	return !complete
}

func (g *generator) full(w *window) bool { return len(w.ids) >= g.o.Window }

// step runs the pass and gives each window that is not complete another token.
func (g *generator) step() error {
	for _, w := range g.windows {
		w.seq.Truncate(len(w.ids) - 1) // a token that is evaluated again, or what a loop that was cut out has left
	}
	if err := g.m.Run(g.rows, &g.cancel); err != nil {
		return err
	}
	g.keepHidden()
	n, vocab := len(g.windows), g.m.Vocab()
	g.logits = resized(g.logits, n*vocab)
	if err := g.m.Logits(g.logits, 0, n); err != nil {
		return err
	}
	return g.m.Parallel(n, func(i int) error {
		switch w := g.windows[i]; {
		case g.full(w):
		case len(w.queue) > 0:
			w.next()
		default:
			w.take(draw(w.r, g.logits[i*vocab:][:vocab], g.o.Temperature), g.lang, g.prompts)
		}
		return nil
	})
}

// keepHidden keeps the results of the pass where they are wanted.
func (g *generator) keepHidden() {
	if g.o.Hidden == nil {
		return
	}
	n, width := len(g.windows), g.m.Spec().Width
	g.hidden = resized(g.hidden, n*width)
	g.m.Hidden(g.hidden, 0, n)
	for i, w := range g.windows {
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
