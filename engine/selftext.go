package engine

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"sync/atomic"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/pool"
)

// Text that a model writes itself: sampled at temperature 1, in windows that start with several kinds of documents (file
// openings.go) or with tokens that nobody chose. Several windows are written at once: a step gives each one more token, so
// that weights are read once for all of them.

// selfTextOptions says what to write.
type selfTextOptions struct {
	seed   uint64
	tokens int // at least so many in all
	window int // tokens of a window, at least 2
	drawn  int // each document starts with so many tokens drawn evenly from the vocabulary; 0: with an opening

	targets *coarse // when not nil: gets those of a refinement, see refineText
}

const (
	leastProbability = 0.02 // tokens less likely than this share of the likeliest are never drawn: they derail small models
	maxWriters       = 64   // windows written at once
	maxCuts          = 8    // loops that are cut out of a window before the rest is taken as it comes
)

// selfText writes windows of text.
func (m *Model) selfText(ctx context.Context, o selfTextOptions, progress func(done, total int)) ([][]int32, error) {
	defer debug.FreeOSMemory() // of the windows' caches
	n := max((o.tokens+o.window-1)/o.window, 2)
	s := &scribe{m: m, o: o, open: m.openings(ctx, o.drawn), total: n * o.window, progress: progress}
	s.pass = pass{runner: m.run}
	s.parts = make([]attn.Partial, m.run.pool.Size())
	for i := range s.parts {
		for _, a := range m.run.attns {
			s.parts[i].Reserve(a)
		}
	}
	if o.targets != nil {
		*o.targets = newCoarse(s.total, m.h.embed)
	}
	rounds := (n + m.writers(o.window) - 1) / m.writers(o.window)
	for ; rounds > 0; rounds-- {
		left := n - len(s.done)
		if err := s.round(ctx, max((left+rounds-1)/rounds, 2)); err != nil {
			return nil, err
		}
	}
	return s.done[:n], nil
}

// writers returns how many windows are written at once: many are fast, but their caches take memory, as much as the weights at most.
func (m *Model) writers(window int) int {
	cache := 0
	for i := range m.w.layers {
		cache += cachedBytes * m.w.layers[i].attn.Row() * window
	}
	return max(2, min(maxWriters, int(m.file.Size())/max(cache, 1)))
}

// scribe writes windows, several at a time. It is the pass of one step: token t of the pass belongs to window t.
type scribe struct {
	pass
	m        *Model
	o        selfTextOptions
	open     *openings
	windows  []*window
	done     [][]int32
	logits   []float32      // [windows, vocabulary]
	parts    []attn.Partial // per worker
	cancel   atomic.Bool
	total    int
	progress func(done, total int)
}

// window is a window under way.
type window struct {
	ids    []int32 // written so far; all but the last are in the cache
	start  int     // where the current document starts
	queue  []int32 // tokens to come that are not drawn
	after  []int32 // what follows the end of a chat's question, or nil
	docs   int     // documents begun
	cuts   int
	no     int // which window
	r      *rand.Rand
	stores []*attn.Store
}

// round writes n windows.
func (s *scribe) round(ctx context.Context, n int) error {
	s.cancel.Store(false)
	stop := context.AfterFunc(ctx, func() { s.cancel.Store(true) })
	defer stop()
	s.begin(n)
	last := logitsPass{p: &s.pass, dst: s.logits}
	draw := &parallelTask{n: n, fn: func(i int) error { s.windows[i].next(s, s.logits[i*s.w.output.Rows:][:s.w.output.Rows]); return nil }}
	for full := false; !full; {
		tasks := []pool.Task{s, &last, draw}
		if full = s.full(); full {
			if s.o.targets == nil {
				break
			}
			tasks = tasks[:1] // the last tokens' targets
		}
		s.prepareStep()
		last.rows = s.pass.rows(0, n)
		for _, t := range tasks {
			if r := s.m.run.pool.Run(t, &s.cancel); r != nil {
				return s.m.fault(r)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		s.tell()
	}
	for _, w := range s.windows {
		s.done = append(s.done, w.ids[:s.o.window:s.o.window])
	}
	return nil
}

// begin makes n windows ready.
func (s *scribe) begin(n int) {
	s.ids = make([]int32, n)
	s.logits = resized(s.logits, n*s.w.output.Rows)
	for len(s.windows) < n {
		w := &window{}
		for i := range s.w.layers {
			w.stores = append(w.stores, scratchStore(&s.w.layers[i], s.o.window))
		}
		s.windows = append(s.windows, w)
	}
	s.windows = s.windows[:n]
	for i, w := range s.windows {
		no := len(s.done) + i
		*w = window{no: no, r: rand.New(rand.NewPCG(s.o.seed, uint64(no))), stores: w.stores}
		w.document(s.open)
		w.take(s, nil)
	}
}

// full reports whether all windows are.
func (s *scribe) full() bool {
	for _, w := range s.windows {
		if len(w.ids) < s.o.window {
			return false
		}
	}
	return true
}

// tell reports how far the windows are; those of earlier rounds are done.
func (s *scribe) tell() {
	n := len(s.done) * s.o.window
	for _, w := range s.windows {
		n += len(w.ids)
	}
	s.progress(min(n, s.total), s.total)
}

// prepareStep readies buffers and position tables for a step. A window that is full evaluates its last token again.
func (s *scribe) prepareStep() {
	n := len(s.windows)
	s.grow(n)
	s.reserve(s.o.window)
	for t, w := range s.windows {
		s.ids[t] = w.ids[len(w.ids)-1]
		for i, rope := range s.ropes {
			d := rope.Dims()
			rope.Table(s.tables[i][t*d:][:d], len(w.ids)-1)
		}
	}
}

// Work is one worker's share of a step: all layers.
func (s *scribe) Work(w *pool.Worker) {
	ln, lo, hi := s.lane(w)
	s.embed(ln, lo, hi)
	for i := range s.w.layers {
		l := &s.w.layers[i]
		s.bind(w, ln, l, i)
		s.rmsNorm(ln.h, ln.x, l.attnNorm, lo, hi)
		s.quantize(w, &ln.in, l.inForms, lo, hi)
		s.projectInput(w, ln, l)
		w.Barrier()
		for t := lo; t < hi; t++ {
			s.attend(w, ln, l, i, t)
		}
		s.combine(w, ln, l, lo, hi)
		s.addTo(ln, l.oBias, l.postAttnNorm, lo, hi)
		s.feedForward(w, ln, l, lo, hi)
		if w.Stopped() {
			return
		}
	}
	s.rmsNorm(ln.h, ln.x, s.m.w.norm, lo, hi)
	for t := lo; s.o.targets != nil && t < hi; t++ {
		win := s.windows[t]
		s.o.targets.from(win.no*s.o.window+len(win.ids)-1).save(ln.h[t*s.h.embed:], 0, 1)
	}
}

// attend appends the newest token of window t to its cache and attends with it.
func (s *scribe) attend(w *pool.Worker, ln *lane, l *layer, i, t int) {
	a, win := l.attn, s.windows[t]
	nq, nk, nv, no := a.Heads*a.KeySize, a.KVHeads*a.KeySize, a.KVHeads*a.ValueSize, a.Heads*a.ValueSize
	pos, dims := len(win.ids)-1, s.ropes[l.rope].Dims()
	table := s.tables[l.rope][t*dims:][:dims]
	q := s.q[t*nq:][:nq]
	s.rotateQuery(q, l, table, pos)
	for g := range a.KVHeads {
		k, v := s.k[t*nk+g*a.KeySize:][:a.KeySize], s.v[t*nv+g*a.ValueSize:][:a.ValueSize]
		s.append(win.stores[i], l, table, pos, g, k, v)
	}
	sc, part := &s.scratch[w.ID], &s.parts[w.ID]
	a.Ready(sc, win.stores[i], q)
	for item := range a.Parts(pos) {
		a.Decode(part, item, win.stores[i], pos, q, sc)
	}
	a.Combine(ln.att[t*no:][:no], part, pos, 0, a.Heads, sc)
}

// next adds a token, the one that is to come or one drawn from logits, unless the window is full.
func (w *window) next(s *scribe, logits []float32) {
	if len(w.ids) < s.o.window {
		w.take(s, logits)
	}
}

// take adds the next token.
func (w *window) take(s *scribe, logits []float32) {
	if len(w.queue) > 0 {
		w.ids = append(w.ids, w.queue[0])
		w.queue = w.queue[1:]
		return
	}
	id := draw(w.r, logits)
	switch {
	case !s.m.ends(id):
		w.ids = append(w.ids, id)
		w.cutLoop(s.open)
	case w.after != nil: // the question is complete
		w.ids = append(w.ids, w.after[0])
		w.queue, w.after = w.after[1:], nil
	default:
		w.ids = append(w.ids, id)
		w.document(s.open)
	}
}

// ends reports whether a document ends with a token.
func (m *Model) ends(id int32) bool { return m.tok != nil && m.tok.IsEOG(id) }

// document starts another document behind what there is.
func (w *window) document(o *openings) {
	w.start = len(w.ids)
	w.queue, w.after = o.document(w.r, w.no+w.docs)
	w.docs++
}

// A document loops when its last loopSpan tokens have few different triples; it is looked at every loopCheck tokens.
const (
	loopSpan  = 96
	loopCheck = 16
	loopShare = 0.7
)

// cutLoop takes the end of a document that has begun to repeat itself away and starts another one there.
func (w *window) cutLoop(o *openings) {
	n := len(w.ids) - w.start
	if n < loopSpan || n%loopCheck != 0 || w.cuts >= maxCuts {
		return
	}
	if distinct(w.ids[len(w.ids)-loopSpan:]) >= loopShare {
		return
	}
	w.cuts++
	w.ids = w.ids[:len(w.ids)-loopSpan]
	w.document(o)
	w.ids = append(w.ids, w.queue[0])
	w.queue = w.queue[1:]
}

// distinct returns which share of the triples of tokens differ from all others.
func distinct(ids []int32) float64 {
	seen := map[[3]int32]bool{}
	for i := range len(ids) - 2 {
		seen[[3]int32(ids[i:i+3])] = true
	}
	return float64(len(seen)) / float64(len(ids)-2)
}

// draw draws a token at temperature 1.
func draw(r *rand.Rand, logits []float32) int32 {
	peak := vek32.Max(logits)
	least := peak + float32(math.Log(leastProbability))
	sum := 0.0
	for _, v := range logits {
		if v >= least {
			sum += math.Exp(float64(v - peak))
		}
	}
	u := r.Float64() * sum
	last := int32(0)
	for i, v := range logits {
		if v >= least {
			last = int32(i)
			if u -= math.Exp(float64(v - peak)); u < 0 {
				break
			}
		}
	}
	return last
}

// fault turns a fault in a mapped file into an error. Anything else that a worker panicked with is a bug, and goes on.
func (m *Model) fault(r any) error {
	if err := m.faultError(r); err != nil {
		return err
	}
	panic(r)
}

// faultError returns the error behind a fault in one of the model's mapped files, nil for anything else.
func (m *Model) faultError(r any) error {
	if err := m.file.FaultError(r); err != nil {
		return err
	}
	if m.overlay != nil {
		if err := m.overlay.FaultError(r); err != nil {
			return fmt.Errorf("converted tensors: %w", err)
		}
	}
	return nil
}
