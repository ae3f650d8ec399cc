package engine

import (
	"slices"

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

// runner owns the worker pool and the buffers of forward passes. One pass at a time.
//
// A pass with one token (decode) keeps the residual stream and the activations once per worker: each computes norms and
// quantisation for itself, which costs less than waiting for another to do it. A pass with several tokens keeps them once
// and splits the tokens.
type runner struct {
	pool    *pool.Pool
	h       *hparams
	w       *weights
	ropes   []*attn.Rope // by layer.rope
	batch   int          // most tokens of a pass
	rows    int          // tokens that the shared buffers hold
	shared  lane
	private []lane
	most    widths                         // largest rows of all layers included
	attns   []*attention.Layer             // their forms of attention
	scratch []attention.Scratch            // per worker
	ups     []up                           // per worker: up-projections of compressed layers
	wide    map[wideShape]*attention.Store // expanded keys and values, rewritten by each compressed layer

	q, k, v, o   []float32 // [rows, heads·size] …, o [rows, width]: results of projections
	mixing       mixing
	queries, mix []float32   // compressed layers: queries for cached rows, mixes of latents or what heads make of them
	gate, up     []float32   // [rows, ff]
	tables       [][]float32 // per rope: [rows, dims]
	turns        []*attention.BlockRope
	part         attention.Partial
}

// lane is a set of rows that one worker (decode) or all workers (prefill) compute on.
type lane struct {
	x, h  []float32  // residual stream and its norm, [rows, width]
	att   []float32  // attention output [rows, heads·value size]
	query []float32  // decode: this worker's rotated query
	key   []float32  // decode: a rotated key head, or a row of the cache
	mix   []float32  // decode, compressed layers: mixes of latents, one per query head
	low   []float32  // normed queries of low rank
	lowIn kernel.Act // low
	in    kernel.Act // h
	out   kernel.Act // att
	ffn   kernel.Act // gate
	last  kernel.Act // h of tokens whose logits are wanted
}

// widths are the largest row lengths over all layers.
type widths struct {
	q, k, v, att, ff, rows, mix int
	low                         int // rank of queries
	experts, used, mixed        int // experts of a layer, those of a token, and the width of these together
}

func newRunner(h *hparams, w *weights, ropes []*attn.Rope, threads int) *runner {
	r := &runner{pool: pool.New(threads), h: h, w: w, ropes: ropes}
	r.private = make([]lane, r.pool.Size())
	r.scratch = make([]attention.Scratch, r.pool.Size())
	r.ups = make([]up, r.pool.Size())
	r.mixing.routers = make([]router, r.pool.Size())
	r.wide = map[wideShape]*attention.Store{}
	r.tables = make([][]float32, len(ropes))
	for i := range w.layers {
		r.include(&w.layers[i], h.ff[i])
	}
	r.grow(1)
	m := r.most
	perToken := 4*(3*h.embed+m.q+m.k+m.v+m.att+2*m.ff+m.rows+m.mix+2*m.mixed) + h.embed + m.att + m.ff + m.mixed
	budget := batchBytes
	if m.experts > 0 {
		budget *= m.experts / m.used // an expert gets this share of the tokens, and has as many more weights beside it
	}
	r.batch = max(minBatch, min(maxBatch, budget/perToken/minBatch*minBatch))
	return r
}

// include makes the buffers of the next pass large enough for layer l.
func (r *runner) include(l *layer, ff int) {
	m, before := &r.most, r.most
	m.q = max(m.q, l.geo.Heads*l.geo.KeySize)
	m.k = max(m.k, l.attn.KVHeads*l.attn.KeySize)
	if l.lat != nil {
		m.k = max(m.k, l.attn.RowSize())
	}
	if l.k.Matrix != nil {
		m.k = max(m.k, l.geo.KVHeads*l.geo.KeySize)
	}
	m.low = max(m.low, r.h.mla.q)
	m.q = max(m.q, m.low)
	if e := l.moe; e != nil {
		m.experts, m.used, m.mixed = max(m.experts, e.router.Rows), max(m.used, e.used), max(m.mixed, e.used*e.ff)
	}
	m.v = max(m.v, l.geo.KVHeads*l.geo.ValueSize)
	m.att = max(m.att, l.geo.Heads*l.geo.ValueSize)
	m.ff = max(m.ff, ff)
	r.attns = append(r.attns, l.attn)
	if l.lat != nil {
		wide := l.lat.wide
		m.rows = max(m.rows, l.geo.Heads*max(l.attn.KeySize, wide.KeySize, l.lat.r+l.geo.KeySize))
		m.mix = max(m.mix, l.geo.Heads*l.lat.l, m.att)
		r.attns = append(r.attns, wide)
		if s := l.lat.sight; s != nil && !slices.Contains(r.turns, s.Rope()) {
			r.turns = append(r.turns, s.Rope())
		}
		if shape := wideOf(l); r.wide[shape] == nil {
			r.wide[shape] = attention.NewStore(wide, attention.F16)
		}
	}
	r.part.Reserve(l.attn)
	if *m != before {
		r.rows = 0
	}
}

// wideShape tells stores of expanded keys and values apart.
type wideShape struct {
	attn.Geometry
	row int
}

// wideOf returns which one a compressed layer uses.
func wideOf(l *layer) wideShape { return wideShape{l.lat.wide.Geometry, l.lat.wide.RowSize()} }

func (l *lane) alloc(rows, embed int, m widths) {
	l.x = make([]float32, rows*embed)
	l.h = make([]float32, rows*embed)
	l.att = make([]float32, rows*m.att)
	l.query = make([]float32, m.q)
	l.key = make([]float32, m.k)
	l.low = make([]float32, rows*m.low)
	l.mix = make([]float32, m.mix)
}

// grow makes the shared buffers large enough for a pass of n tokens.
func (r *runner) grow(n int) {
	if n <= r.rows {
		return
	}
	m := r.most
	r.rows = n
	for i := range r.private {
		r.private[i].alloc(1, r.h.embed, m)
	}
	r.q, r.k = make([]float32, n*m.q), make([]float32, n*m.k)
	r.v, r.o = make([]float32, n*m.v), make([]float32, n*r.h.embed)
	r.gate, r.up = make([]float32, n*m.ff), make([]float32, n*m.ff)
	r.queries, r.mix = make([]float32, n*m.rows), make([]float32, n*m.mix)
	if m.experts > 0 {
		r.mixing.grow(n, r.h.embed, m)
	}
	for i, rope := range r.ropes {
		r.tables[i] = make([]float32, n*rope.Dims())
	}
	if n > 1 {
		r.shared.alloc(n, r.h.embed, m)
	}
}

// clean gives the buffers of large passes back.
func (r *runner) clean() {
	r.rows = 0
	r.grow(1)
	r.shared = lane{}
}

// reserve makes the workers' scratch large enough for a context of n tokens.
func (r *runner) reserve(n int) {
	for i := range r.scratch {
		for _, a := range r.attns {
			r.scratch[i].Reserve(a, n)
		}
	}
	for _, t := range r.turns {
		t.Reserve(n)
	}
}
