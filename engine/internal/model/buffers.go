package model

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/latentgo/latentgo/internal/pool"
)

// A forward pass takes at most maxBatch tokens, fewer where their buffers would exceed batchBytes, but minBatch in any
// case: enough to make matrix products efficient, few enough to cancel soon and to stay small beside the weights.
const (
	maxBatch   = 512
	minBatch   = 64
	batchBytes = 32 << 20
)

// activations are rows that one worker (a decode step) or all workers (a batch) compute on.
type activations struct {
	x, h    []float32  // residual stream and its norm, [rows, width]
	held    []float32  // what is added later in a layer, see pass.hold, [rows, width]
	streams []float32  // copies of the residual stream, [rows, n·width]
	kept    []float32  // weights with which copies take a result, [rows, …]
	heads   []float32  // outputs of attention heads [rows, heads·value size]
	low     []float32  // normed queries of low rank
	lowQ    kernel.Act // low
	in      kernel.Act // h
	out     kernel.Act // heads
	ffn     kernel.Act // gate
	last    kernel.Act // h of tokens whose logits are wanted
}

// worker is one worker's view of a pass: the activations that it computes on, its rows of them, and scratch of its own.
type worker struct {
	*pool.Worker
	*activations
	lo, hi int // its rows

	own     activations // of a decode step: its own copy of the only token
	query   []float32   // a rotated query
	key     []float32   // a rotated key head, or a row of the cache
	sums    []float32   // weighted sums of latents, one per query head
	scratch attention.Scratch
	part    attention.Partial // of decode rows in a batch, which one worker attends alone
	small   smallProducts
	router  router
	pick    picker
	mix     mixScratch // of recurrent mixers
}

// widths are the largest row lengths over all layers.
type widths struct {
	q, k, v, heads, ff, rows, sums int
	gates, both                    int
	low                            int // rank of queries
	held                           int // width of what a layer holds
	perLayer                       int // embeddings that layers add, all together
	streams, kept                  int // copies of the residual stream, all together, and weights of them
	indexQ, indexK, indexW, topK   int // of indexers: queries, keys and weights, and tokens picked
	experts, used, mixed           int // experts of a layer, those of a token, and the width of these together
	same                           int // choices of a token that may be of one expert
	latent                         int // values that go into an expert
}

// executor owns the worker pool and the buffers of forward passes. One pass at a time.
//
// A pass with one row (a decode step) keeps the residual stream and the activations once per worker: each computes
// norms and quantisation for itself, which costs less than waiting for another to do it. A pass with several rows keeps
// them once and splits the rows.
type executor struct {
	pool    *pool.Pool
	spec    *Spec
	ropes   []ropePlan
	width   int // of the residual stream
	batch   int // most tokens of a pass
	rows    int // rows that the shared buffers hold
	shared  activations
	workers []worker
	most    widths             // largest rows of all layers included
	layers  []*attention.Layer // forms of attention included
	// expanded keys and values of compressed layers, rewritten by each
	expanded map[storeShape]*attention.Store
	wide     map[storeShape]*attention.Store // a prompt's tokens beside 4-bit codes, rewritten by each layer

	q, k, v, o    []float32 // [rows, heads·size] …, o [rows, width]: results of projections
	gates         []float32 // [rows, heads·value size] of gated attention
	firstMixed    []float32 // [rows, width] of a pair of mixers: what the first gives
	queries, sums []float32 // latent attention: queries for cached rows, weighted sums of latents or what heads make of them
	gate, up      []float32 // [rows, ff]
	perLayer      []float32 // [rows, layers·size] embeddings that layers add
	experts       expertBuffers
	picks         picks
	tables        [][]float32 // per rope: [rows, dims]
	part          attention.Partial
}

func newExecutor(model *Model, p *pool.Pool) *executor {
	s := model.spec
	e := &executor{pool: p, spec: s, ropes: model.ropes, width: s.Width}
	e.workers = make([]worker, e.pool.Size())
	e.expanded, e.wide = map[storeShape]*attention.Store{}, map[storeShape]*attention.Store{}
	e.tables = make([][]float32, len(e.ropes))
	e.includeCopies(s)
	for _, l := range model.layers {
		e.include(l)
	}
	e.grow(1)
	m := e.most
	perToken := 4*(3*e.width+m.q+m.k+m.v+m.gates+m.both+m.held+m.heads+2*m.ff+m.perLayer+m.streams+m.rows+m.sums+2*m.mixed) + e.width + m.heads + m.ff + m.mixed
	budget := batchBytes
	if m.experts > 0 {
		budget *= m.experts / m.used // an expert gets this share of the tokens, and has as many more weights beside it
	}
	e.batch = max(minBatch, min(maxBatch, budget/perToken/minBatch*minBatch))
	if s.Encoder {
		e.batch = max(e.batch, min(s.Context, maxText))
	}
	return e
}

// include makes the buffers of the next pass large enough for layer l.
func (e *executor) include(l *Layer) {
	before := e.most
	if l.mixer != nil {
		l.mixer.include(e)
	}
	if l.ffn != nil {
		l.ffn.include(e)
	}
	if l.side != nil {
		l.side.include(e)
	}
	if l.Spec.Parallel || l.Spec.EmbedSkip || l.side != nil || len(l.mixedNorm) > 1 {
		e.most.held = e.width
	}
	l.embedding.include(e)
	l.altUp.include(e)
	if e.most != before {
		e.rows = 0
	}
}

// includeAttention makes room for a form of attention.
func (e *executor) includeAttention(layers ...*attention.Layer) {
	e.layers = append(e.layers, layers...)
	e.part.Reserve(layers[0])
	for i := range e.workers {
		e.workers[i].part.Reserve(layers[0])
	}
}

// storeShape tells stores of half floats that layers share apart.
type storeShape struct {
	attn.Geometry
	row int
}

func shapeOf(l *attention.Layer) storeShape { return storeShape{l.Geometry, l.RowSize()} }

// includeWide makes the store that a layer's prompts over codes have beside them.
func (e *executor) includeWide(l *attention.Layer) {
	if shape := shapeOf(l); e.wide[shape] == nil {
		e.wide[shape] = attention.NewStore(l, attention.F16)
	}
}

func (a *activations) alloc(rows, width int, m widths) {
	a.x = make([]float32, rows*width)
	a.h = make([]float32, rows*width)
	a.heads = make([]float32, rows*m.heads)
	a.low = make([]float32, rows*m.low)
	a.held = make([]float32, rows*m.held)
	a.streams = make([]float32, rows*m.streams)
	a.kept = make([]float32, rows*m.kept)
}

// grow makes the shared buffers large enough for a pass of n rows.
func (e *executor) grow(n int) {
	if n <= e.rows {
		return
	}
	m := e.most
	e.rows = n
	for i := range e.workers {
		w := &e.workers[i]
		w.own.alloc(1, e.width, m)
		w.query, w.key, w.sums = make([]float32, m.q), make([]float32, m.k), make([]float32, m.sums)
	}
	e.q, e.k = make([]float32, n*m.q), make([]float32, n*m.k)
	e.v, e.o = make([]float32, n*m.v), make([]float32, n*e.width)
	e.gates, e.firstMixed = make([]float32, n*m.gates), make([]float32, n*m.both)
	e.gate, e.up = make([]float32, n*m.ff), make([]float32, n*m.ff)
	e.perLayer = make([]float32, n*m.perLayer)
	e.queries, e.sums = make([]float32, n*m.rows), make([]float32, n*m.sums)
	if m.experts > 0 {
		e.experts.grow(n, e.width, m)
	}
	for i, r := range e.ropes {
		e.tables[i] = make([]float32, n*r.rope.Dims())
	}
	if n > 1 {
		e.shared.alloc(n, e.width, m)
	}
}

// release gives the buffers of large passes back.
func (e *executor) release() {
	e.rows = 0
	e.grow(1)
	e.shared = activations{}
}

// reserve makes the workers' scratch large enough for a context of n tokens.
func (e *executor) reserve(n int) {
	for i := range e.workers {
		for _, a := range e.layers {
			e.workers[i].scratch.Reserve(a, n)
		}
	}
	for _, a := range e.layers {
		a.ReserveMeans(n)
	}
	for _, r := range e.ropes {
		for _, b := range []*attention.BlockRope{r.block, r.longBlock} {
			if b != nil {
				b.Reserve(n)
			}
		}
	}
}

// sized returns *buf with length n, grown when it is too small.
func sized(buf *[]float32, n int) []float32 {
	if cap(*buf) < n {
		*buf = make([]float32, n)
	}
	return (*buf)[:n]
}

// grown returns n values of a buffer that grows with the context, with room for as many again: steps allocate nothing.
func grown[T any](buf *[]T, n int) []T {
	if cap(*buf) < n {
		*buf = make([]T, 2*n)
	}
	return (*buf)[:n]
}

// sizedHalves is sized for half floats.
func sizedHalves(buf *[]uint16, n int) []uint16 {
	if cap(*buf) < n {
		*buf = make([]uint16, n)
	}
	return (*buf)[:n]
}
