package engine

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/pool"
	"github.com/latentgo/latentgo/quant"
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
	scratch [][]float32 // per worker: attention scores

	q, k, v, o []float32   // [rows, heads·size] …, o [rows, width]: results of projections
	gate, up   []float32   // [rows, ff]
	tables     [][]float32 // per rope: [rows, dims]
	part       attn.Partial
}

// lane is a set of rows that one worker (decode) or all workers (prefill) compute on.
type lane struct {
	x, h  []float32 // residual stream and its norm, [rows, width]
	att   []float32 // attention output [rows, heads·value size]
	query []float32 // decode: this worker's rotated query
	key   []float32 // decode: a rotated key head
	in    quant.Act // h
	out   quant.Act // att
	ffn   quant.Act // gate
	last  quant.Act // h of tokens whose logits are wanted
}

// widths are the largest row lengths over all layers.
type widths struct{ q, k, v, att, ff int }

func newRunner(h *hparams, w *weights, ropes []*attn.Rope, threads int) *runner {
	r := &runner{pool: pool.New(threads), h: h, w: w, ropes: ropes}
	r.private = make([]lane, r.pool.Size())
	r.scratch = make([][]float32, r.pool.Size())
	r.tables = make([][]float32, len(ropes))
	m := r.widths()
	for i := range r.private {
		r.private[i].alloc(1, h.embed, m)
	}
	r.grow(1)
	perToken := 4*(3*h.embed+m.q+m.k+m.v+m.att+2*m.ff) + h.embed + m.att + m.ff
	r.batch = max(minBatch, min(maxBatch, batchBytes/perToken/minBatch*minBatch))
	for i := range w.layers {
		r.part.Reserve(w.layers[i].attn)
	}
	return r
}

func (r *runner) widths() (m widths) {
	for i := range r.w.layers {
		a := r.w.layers[i].attn
		m.q = max(m.q, a.Heads*a.KeySize)
		m.k = max(m.k, a.KVHeads*a.KeySize)
		m.v = max(m.v, a.KVHeads*a.ValueSize)
		m.att = max(m.att, a.Heads*a.ValueSize)
		m.ff = max(m.ff, r.h.ff[i])
	}
	return m
}

func (l *lane) alloc(rows, embed int, m widths) {
	l.x = make([]float32, rows*embed)
	l.h = make([]float32, rows*embed)
	l.att = make([]float32, rows*m.att)
	l.query = make([]float32, m.q)
	l.key = make([]float32, m.k)
}

// grow makes the shared buffers large enough for a pass of n tokens.
func (r *runner) grow(n int) {
	if n <= r.rows {
		return
	}
	m := r.widths()
	r.rows = n
	r.q, r.k = make([]float32, n*m.q), make([]float32, n*m.k)
	r.v, r.o = make([]float32, n*m.v), make([]float32, n*r.h.embed)
	r.gate, r.up = make([]float32, n*m.ff), make([]float32, n*m.ff)
	for i, rope := range r.ropes {
		r.tables[i] = make([]float32, n*rope.Dims())
	}
	if n > 1 {
		r.shared.alloc(n, r.h.embed, m)
	}
}

// reserve makes the workers' scratch large enough for a context of n tokens.
func (r *runner) reserve(n int) {
	size := 0
	for i := range r.w.layers {
		size = max(size, r.w.layers[i].attn.ScratchSize(n))
	}
	for i := range r.scratch {
		if len(r.scratch[i]) < size {
			r.scratch[i] = make([]float32, size)
		}
	}
}
