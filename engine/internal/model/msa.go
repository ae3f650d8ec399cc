package model

import (
	"cmp"
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/attention"
)

// BlockIndexer picks blocks of tokens, as MiniMax M3 does in most layers (MSA): the queries of a key/value head attend
// to the blocks in which max q · k is highest, and to the newest ones. A query of each key/value head, q, and a key k
// for all are projections of the layer's input, normed and rotated. The zero value picks all.
//
// With Heads all query heads attend to the same blocks, as in Qwen 4: a block that is complete has one key, the mean of
// its tokens' normed and rotated to its first position, and those with the highest Σ_h max(q_h · k, 0) are picked. The
// tokens behind complete blocks are attended to in any case.
type BlockIndexer struct {
	Size   int // of q and k
	Block  int // tokens
	Blocks int // that are picked at most
	Newest int // of them always
	Rope   int // index in Spec.Ropes
	Heads  int // of queries, 0 for one for each key/value head
}

// blockIndexer is that with its weights; nil for none.
type blockIndexer struct {
	spec  BlockIndexer
	q, k  Linear // [heads·size, width], [size, width]
	norms struct{ q, k []float32 }
	eps   float32
	keys  *attention.Layer // by which keys are cached, in half floats
	parts *attention.Layer // by which tokens' are that keys of blocks are made of; nil without
	one   *attention.Layer // attention of a key/value head to the tokens that it picks
}

func (s BlockIndexer) load(ld *Loader, i int, g attn.Geometry) *blockIndexer {
	name := func(n string) string { return LayerName(i, "indexer."+n) }
	if s.Blocks == 0 {
		if s.Heads > 0 { // the file has one
			ld.ignore(name("q_proj"), name("k_proj"), name("q_norm"), name("k_norm"))
		}
		return nil
	}
	x := &blockIndexer{spec: s, eps: ld.spec.Eps}
	x.q, x.k = ld.linear(name("q_proj"), cmp.Or(s.Heads, g.KVHeads)*s.Size, ld.spec.Width, s.Heads == 0), ld.linear(name("k_proj"), s.Size, ld.spec.Width, s.Heads == 0)
	x.norms.q, x.norms.k = ld.vector(name("q_norm.weight"), s.Size, true), ld.vector(name("k_norm.weight"), s.Size, true)
	if ld.err != nil {
		return x
	}
	var err error
	x.keys, err = attention.NewLatent(1, 1, 0, s.Size, 0)
	ld.failLayer(i, err)
	if s.Heads > 0 {
		x.parts = x.keys
	}
	x.one, err = attention.NewGQA(attn.Geometry{Heads: g.Heads / g.KVHeads, KVHeads: 1, KeySize: g.KeySize, ValueSize: g.ValueSize})
	ld.failLayer(i, err)
	return x
}

// selects reports whether tokens of a segment can't attend to all before them.
func (x *blockIndexer) selects(s *segment) bool {
	if x != nil && x.parts != nil {
		return (s.pos+s.n)/x.spec.Block > x.spec.Blocks
	}
	return x != nil && (s.pos+s.n-1)/x.spec.Block >= x.spec.Blocks
}

func (x *blockIndexer) include(e *executor, g attn.Geometry) {
	if x == nil {
		return
	}
	most := &e.most
	most.indexQ, most.indexK = max(most.indexQ, x.q.Rows), max(most.indexK, x.k.Rows)
	most.sums = max(most.sums, g.Heads*g.ValueSize)
	e.includeAttention(x.keys)
	e.includeAttention(x.one)
	e.picks.include(e, x.one)
}

// projections are the indexer's.
func (x *blockIndexer) projections(p *pass) (q, k projection) {
	if x == nil {
		return q, k
	}
	return projection{x.q, p.picks.q}, projection{x.k, p.picks.k}
}

// ready completes the worker's rows of keys, which it caches, and of queries. Others may use them after a barrier.
func (x *blockIndexer) ready(p *pass, w *worker, l *Layer) {
	if x == nil {
		return
	}
	n, heads := x.spec.Size, x.q.Rows/x.spec.Size
	rope := p.ropes[x.spec.Rope].rope
	finish := func(row, weight []float32, t int) {
		norm(row, row, weight, x.eps)
		rope.Rotate(row, p.table(x.spec.Rope, t))
	}
	for i := range p.segments {
		seg := &p.segments[i]
		lo, hi := w.Share(seg.n)
		for t := seg.at + lo; t < seg.at+hi; t++ {
			if k := p.picks.k[t*n:][:n]; x.parts != nil {
				seg.pooledParts(l).Append(p.pos[t], 0, k, nil)
			} else {
				finish(k, x.norms.k, t)
				seg.indexKeys(l).Append(p.pos[t], 0, k, nil)
			}
			for h := t * heads; h < (t+1)*heads; h++ {
				finish(p.picks.q[h*n:][:n], x.norms.q, t)
			}
		}
	}
	if x.parts != nil {
		w.Barrier()
		x.readyBlocks(p, w, l)
	}
}

// pick returns the positions that the queries of row t and key/value head g attend to, ascending.
func (x *blockIndexer) pick(p *pass, w *worker, keys *attention.Store, t, g int) []int32 {
	s, pos, b := &x.spec, p.pos[t], &w.pick
	if x.parts != nil {
		return x.pickComplete(p, w, keys, t)
	}
	n := pos/s.Block + 1
	best, scores := grown(&b.scores, n), sized(&b.block, attention.Chunk)
	for i := range best {
		best[i] = float32(math.Inf(-1))
	}
	q := p.picks.q[t*x.q.Rows+g*s.Size:][:s.Size]
	for at := 0; at <= pos; at += attention.Chunk {
		k := min(attention.Chunk, pos+1-at)
		keys.Scores(scores, k, q, 1, at, k)
		for j, v := range scores[:k] {
			i := (at + j) / s.Block
			best[i] = max(best[i], v)
		}
	}
	for i := max(n-s.Newest, 0); i < n; i++ {
		best[i] = float32(math.Inf(1))
	}
	ids := grown(&b.ids, min(s.Blocks, n))
	b.top(ids, best)
	return b.inBlocks(ids, s.Block, pos)
}

// inBlocks returns the positions up to pos that lie in blocks of so many tokens.
func (b *picker) inBlocks(ids []int32, tokens, pos int) []int32 {
	b.positions = b.positions[:0]
	for _, id := range ids {
		for at := int(id) * tokens; at < min((int(id)+1)*tokens, pos+1); at++ {
			b.positions = append(b.positions, int32(at))
		}
	}
	return b.positions
}

// attendBlocks lets the rows of a segment attend to what their heads pick: out [rows, heads·v]. q [rows, heads·d] is
// ready; out begins with the segment's row, q with the pass'.
func (a *gqa) attendBlocks(p *pass, w *worker, seg *segment, l *Layer, q, out []float32) {
	x, at, s := a.blocks, a.attn, seg.store(l)
	to := p.picks.stores[x.one.Geometry][w.ID]
	queries, values := x.one.Heads*at.KeySize, x.one.Heads*at.ValueSize
	row := sized(&w.pick.row, at.KeySize+at.ValueSize)
	for {
		i, _, ok := w.Take(seg.n*at.KVHeads, 1)
		if !ok {
			return
		}
		t, g := seg.at+i/at.KVHeads, i%at.KVHeads
		chosen := x.pick(p, w, seg.indexKeys(l), t, g)
		to.Grow(len(chosen))
		for j, pos := range chosen {
			to.PickHead(j, s, g, int(pos), row)
		}
		head := t*at.KVHeads + g
		w.attendTo(x.one, to, len(chosen), q[head*queries:][:queries], out[i*values:][:values])
	}
}

// attendBlocksOne is attendOne for a token that does not see all before it.
func (a *gqa) attendBlocksOne(p *pass, w *worker, l *Layer) {
	seg, at := &p.segments[0], a.attn
	lo, hi := w.Share(at.KVHeads)
	for g := lo; g < hi; g++ {
		a.append(p, seg.store(l), p.tables[a.spec.Rope], seg.pos, g, p.k[g*at.KeySize:][:at.KeySize], p.v[g*at.ValueSize:][:at.ValueSize])
	}
	w.Barrier()
	n := at.Heads * at.ValueSize
	a.attendBlocks(p, w, seg, l, w.query, p.sums)
	w.Barrier()
	copy(w.heads[:n], p.sums)
}
