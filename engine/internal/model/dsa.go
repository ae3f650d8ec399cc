package model

import (
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Indexer is the lightning indexer of DeepSeek's sparse attention (DeepSeek V3.2, arXiv 2512.02556): of the tokens that
// a token could attend to it picks those with the highest
//
//	Σ_h w_h · max(q_h · k, 0)        q = rope(W_q · c_q)   k = rope(norm(W_k · h))   w = W_w · h / √(heads·size)
//
// c_q being the queries of low rank, and k one key for all heads. Latent attention sees only these. The zero value
// picks all.
type Indexer struct {
	Heads, Size int  // of its queries
	TopK        int  // tokens that a token attends to at most
	Rope        int  // index in Spec.Ropes; the first values of a head are rotated
	RotatesEnd  bool // or the last
	Eps         float32
	Shares      bool // attends to what the layer before picked
	Pool        int  // tokens that have one key together, see pooled.go; TopK is a multiple. 0 for a key each
}

// indexer is that with its weights; nil for none.
type indexer struct {
	spec    Indexer
	q, k, w Linear // [heads·size, rank], [size, width], [heads, width]; none in a layer that shares
	norm    *normWeights
	keys    *attention.Layer // by which keys are cached, in half floats: the choice hangs on small differences
	gate    Linear           // W_g of pools [size, width]
	places  []float32        // a of pools [pool, size]
	parts   *attention.Layer // by which what pools' keys are made of is cached
}

func (s Indexer) load(ld *Loader, i, rank int) *indexer {
	if s.TopK == 0 {
		return nil
	}
	name := func(n string) string { return LayerName(i, "indexer."+n) }
	x := &indexer{spec: s}
	if s.Shares {
		ld.ignore(name("attn_q_b"), name("attn_k"), name("proj"), name("k_norm"))
		ld.asked[name("k_norm.bias")] = true
		if s.Pool > 0 {
			ld.ignore(LayerName(i, "indexer_compressor_gate"), LayerName(i, "indexer_compressor_ape"))
		}
		return x
	}
	if s.Pool > 0 {
		x.gate = ld.linear(LayerName(i, "indexer_compressor_gate"), s.Size, ld.spec.Width, false)
		x.places = ld.floats(LayerName(i, "indexer_compressor_ape.weight"), s.Size, s.Pool)
		x.parts, _ = attention.NewLatent(1, 1, 0, 2*s.Size, 0)
	}
	x.q, x.k = ld.linear(name("attn_q_b"), s.Heads*s.Size, rank, false), ld.linear(name("attn_k"), s.Size, ld.spec.Width, false)
	x.w = ld.linear(name("proj"), s.Heads, ld.spec.Width, false)
	x.norm = &normWeights{mean: true, eps: s.Eps, weight: ld.vector(name("k_norm.weight"), s.Size, true), bias: ld.vector(name("k_norm.bias"), s.Size, true)}
	if ld.err == nil {
		var err error
		x.keys, err = attention.NewLatent(1, 1, 0, s.Size, 0)
		ld.failLayer(i, err)
	}
	return x
}

// picks are the buffers of a pass in which tokens attend to a choice of others.
type picks struct {
	q, k, w []float32 // [rows, heads·size], [rows, size], [rows, heads]
	gates   []float32 // [rows, size], of pools
	chosen  []int32   // [rows, top k] positions, ascending
	scores  []float32 // of a decode step, per position
	// stores hold the rows that are picked: a worker's, the first for all of a decode step.
	stores map[attn.Geometry][]*attention.Store
}

// picker is one worker's scratch for choosing tokens.
type picker struct {
	scores, block, row []float32
	counts             []int32
	ids, positions     []int32 // of blocks, and in them
}

// attendTo attends with queries of one row to the first n tokens of a store.
func (w *worker) attendTo(a *attention.Layer, s *attention.Store, n int, q, out []float32) {
	a.PrepareQueries(&w.scratch, s, q)
	for part := range a.Parts(n - 1) {
		a.Decode(&w.part, part, s, n-1, q, &w.scratch)
	}
	a.Combine(out, &w.part, n-1, 0, a.Heads, &w.scratch)
}

// selects reports whether tokens of a segment can't attend to all before them.
func (x *indexer) selects(s *segment) bool { return x != nil && x.count(s.pos+s.n-1) > x.most() }

// active reports whether any segment does so.
func (x *indexer) active(p *pass) bool {
	for i := range p.segments {
		if x.selects(&p.segments[i]) {
			return true
		}
	}
	return false
}

// include makes room for the indexer of a layer whose rows a has.
func (x *indexer) include(e *executor, a *attention.Layer) {
	if x == nil {
		return
	}
	s, most := &x.spec, &e.most
	most.indexQ, most.indexK, most.indexW = max(most.indexQ, s.Heads*s.Size), max(most.indexK, s.Size), max(most.indexW, s.Heads)
	most.topK = max(most.topK, x.room())
	if x.keys != nil {
		e.includeAttention(x.keys)
	}
	if x.parts != nil {
		e.includeAttention(x.parts)
	}
	e.picks.include(e, a)
}

// include makes stores for what a layer's tokens pick.
func (b *picks) include(e *executor, a *attention.Layer) {
	if b.stores == nil {
		b.stores = map[attn.Geometry][]*attention.Store{}
	}
	for len(b.stores[a.Geometry]) < e.pool.Size() {
		b.stores[a.Geometry] = append(b.stores[a.Geometry], attention.NewStore(a, attention.F16))
	}
}

// grow makes room for the rows of a pass of positions below n in which tokens are picked.
func (b *picks) grow(rows, n int, m widths) {
	b.q, b.k, b.gates = sized(&b.q, rows*m.indexQ), sized(&b.k, rows*m.indexK), sized(&b.gates, rows*m.indexK)
	if m.topK == 0 || n <= m.topK {
		return
	}
	b.w, b.scores = sized(&b.w, rows*m.indexW), grown(&b.scores, n)
	if need := rows * m.topK; cap(b.chosen) < need {
		b.chosen = make([]int32, need)
	}
	b.chosen = b.chosen[:cap(b.chosen)]
}

// ofInput are the projections of the layer's input.
func (x *indexer) ofInput(p *pass) (k, w, gate projection) {
	if x == nil || x.spec.Shares {
		return k, w, gate
	}
	if x.active(p) {
		w = projection{x.w, p.picks.w}
	}
	return projection{x.k, p.picks.k}, w, projection{x.gate, p.picks.gates}
}

// ofQueries is that of the queries of low rank.
func (x *indexer) ofQueries(p *pass) projection {
	if x == nil || x.spec.Shares || !x.active(p) {
		return projection{}
	}
	return projection{x.q, p.picks.q}
}

// indexKeys returns where keys of an indexer of layer l are cached: beside what the layer attends to.
func (s *segment) indexKeys(l *Layer) *attention.Store {
	st := s.seq.states[l.state].(*bothStates)[1]
	if b, ok := st.(*bothStates); ok { // of pools
		st = b[0].(perPool).State
	}
	return st.(store).Store
}

// ready completes keys, which it caches, and queries. Others may use them after a barrier.
func (x *indexer) ready(p *pass, w *worker, l *Layer) {
	if x == nil || x.spec.Shares {
		return
	}
	if x.spec.Pool > 0 {
		x.readyPools(p, w, l)
		return
	}
	n, heads := x.spec.Size, x.spec.Heads
	rope := p.ropes[x.spec.Rope].rope
	from := 0
	if x.spec.RotatesEnd {
		from = n - rope.Dims()
	}
	finish := func(row []float32, t int) {
		rope.Rotate(row[from:], p.table(x.spec.Rope, t))
		kernel.Hadamard(row, false) // which products don't change: half floats round as llama.cpp's do
	}
	for i := range p.segments {
		seg := &p.segments[i]
		keys := seg.indexKeys(l)
		lo, hi := w.Share(seg.n)
		for t := seg.at + lo; t < seg.at+hi; t++ {
			k := p.picks.k[t*n:][:n]
			x.norm.apply(k, k)
			finish(k, t)
			keys.Append(p.pos[t], 0, k, nil)
		}
		if !x.selects(seg) {
			continue
		}
		lo, hi = w.Share(seg.n * heads)
		for j := seg.at*heads + lo; j < seg.at*heads+hi; j++ {
			finish(p.picks.q[j*n:][:n], j/heads)
		}
	}
}

// score computes the scores of row t for positions from … to-1 of a segment, which begin at a chunk: dst [to-from].
func (x *indexer) score(p *pass, w *worker, keys *attention.Store, dst []float32, t, from, to int) {
	heads, size := x.spec.Heads, x.spec.Size
	q, weights := p.picks.q[t*heads*size:][:heads*size], p.picks.w[t*heads:][:heads]
	block := sized(&w.pick.block, heads*attention.Chunk)
	f := float32(1 / math.Sqrt(float64(heads*size)))
	for at := from; at < to; at += attention.Chunk {
		n := min(attention.Chunk, to-at)
		keys.Scores(block, n, q, heads, at, n)
		sums := dst[at-from:][:n]
		clear(sums)
		for h, weight := range weights {
			for j, v := range block[h*n:][:n] {
				sums[j] += max(v, 0) * (weight * f)
			}
		}
	}
}

// choose writes the positions that row t of a segment attends to, of those whose scores are given.
func (x *indexer) choose(p *pass, w *worker, scores []float32, t int) {
	dst, n := p.picks.chosen[t*x.room():], min(x.most(), len(scores))
	if w.pick.top(dst[:n], scores); x.spec.Pool > 0 {
		x.widen(dst, n, p.pos[t])
	}
}

// chosen returns the positions that row t attends to.
func (x *indexer) chosen(p *pass, t int) []int32 {
	n := min(x.most(), x.count(p.pos[t]))
	if k := x.spec.Pool; k > 0 {
		n = n*k + (p.pos[t]+1)%k
	}
	return p.picks.chosen[t*x.room():][:n]
}

// top writes to dst the indices of the len(dst) highest of x, ascending; of equal ones the first. Not-a-numbers are
// among the highest or the lowest.
func (b *picker) top(dst []int32, x []float32) {
	const half = 1 << 16
	if len(b.counts) == 0 {
		b.counts = make([]int32, half)
	}
	// The order of floats is that of their bits, of negative ones upside down. The last one picked is found by its
	// upper half, then by its lower half.
	key := func(v float32) uint32 {
		u := math.Float32bits(v)
		return u ^ (uint32(int32(u)>>31) | 1<<31)
	}
	find := func(left int32) (at uint32, rest int32) {
		for i := half - 1; ; i-- {
			if n := b.counts[i]; n >= left || i == 0 {
				return uint32(i), left
			} else {
				left -= n
			}
		}
	}
	clear(b.counts)
	for _, v := range x {
		b.counts[key(v)>>16]++
	}
	upper, left := find(int32(len(dst)))
	clear(b.counts)
	for _, v := range x {
		if u := key(v); u>>16 == upper {
			b.counts[u%half]++
		}
	}
	lower, left := find(left)
	last, n := upper<<16|lower, 0
	for i, v := range x {
		u := key(v)
		if u == last && left > 0 {
			left--
		} else if u <= last {
			continue
		}
		dst[n] = int32(i)
		n++
	}
}
