package model

import (
	"fmt"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
)

// PoolAttention is DeepSeek V4's attention. All heads share a key, which is the value too. From its normed input h a
// layer computes
//
//	q_head = rope(unit(W_q_b · norm(W_q_a · h)))        k = rope(norm(W_kv · h))
//
// rope rotating the last values. A token attends to itself and the newest before it, Window in all, and to rows of pools
// of tokens, see compressor: to all that end with it or before, or to those that an indexer picks. What a head finds is
// rotated back, raised in groups of heads, W_a of each, and W_b of all groups.
type PoolAttention struct {
	Heads, Size int // and values of a key
	Window      int
	QueryRank   int
	Rope        int // index in Spec.Ropes
	Groups      int
	GroupRank   int // values of a group
	// Pool is how many tokens have a row together, 0 for no rows. With Overlap rows also have the pool before.
	Pool    int
	Overlap bool
	Index   Indexer // that picks rows, TopK at most; the zero value picks all
}

// poolAttention is that with its weights.
type poolAttention struct {
	lowQueries
	output
	spec       PoolAttention
	kv         Linear // [size, width]
	kvNorm     *normWeights
	groups     []Linear         // W_a [rank, heads·size of a group]
	near, all  *attention.Layer // by which keys are cached, and how tokens attend to what is gathered
	pools      *compressor      // nil for none
	index      *indexer         // nil for none
	indexPools *compressor      // of its keys
	types      []kernel.ActType
}

func (s PoolAttention) load(ld *Loader, i int) mixer {
	name := func(n string) string { return LayerName(i, n) }
	m := &poolAttention{spec: s}
	m.lowQueries = ld.queries(name, s.Heads*s.Size, s.QueryRank)
	m.kv, m.kvNorm = ld.linear(name("attn_kv"), s.Size, ld.spec.Width, false), ld.norm(name("attn_kv_a_norm"), s.Size)
	m.groups = ld.groups(name("attn_output_a"), s.Groups, s.GroupRank, s.Heads*s.Size/s.Groups)
	m.o = ld.linear(name("attn_output_b"), ld.spec.Width, s.Groups*s.GroupRank, false)
	softmax := attention.Softmax{Sinks: ld.vector(name("attn_sinks.weight"), s.Heads, true)}
	var more []Linear // of the input
	if s.Pool > 0 {
		m.pools = ld.compressor(i, "attn_compressor", s.Size, &s)
		more = append(more, m.pools.kv, m.pools.gate)
	}
	if s.Index.TopK > 0 {
		m.index = &indexer{spec: s.Index}
		m.index.q = ld.linear(name("indexer.attn_q_b"), s.Index.Heads*s.Index.Size, s.QueryRank, false)
		m.index.w = ld.linear(name("indexer.proj"), s.Index.Heads, ld.spec.Width, false)
		m.indexPools = ld.compressor(i, "indexer_compressor", s.Index.Size, &s)
		m.indexPools.turned, m.indexPools.at = true, m.pools.stateSize()
		more = append(more, m.index.w, m.indexPools.kv, m.indexPools.gate)
		m.lowQ = actTypes(m.q, m.index.q)
	}
	if ld.err != nil {
		return m
	}
	m.types, m.output.types = actTypes(append(more, m.lowQueries.ofInput(), m.kv)...), actTypes(m.o)
	var err error
	m.near, err = attention.NewLatent(s.Heads, 1, 0, s.Size, s.Window)
	ld.failLayer(i, err)
	m.all, err = attention.NewLatent(s.Heads, 1, 0, s.Size, 0)
	ld.failLayer(i, err)
	m.all.SetSoftmax(softmax)
	return m
}

// groups loads n matrices that are one, one below the other, or that lie in a third dimension.
func (ld *Loader) groups(name string, n, rows, cols int) []Linear {
	if t, err := ld.tensor(name + ".weight"); err == nil && len(t.Shape) > 2 {
		return ld.linears(name, n, rows, cols, false)
	}
	all := ld.linear(name, n*rows, cols, false)
	var out []Linear
	for g := 0; g < n && ld.err == nil; g++ {
		out = append(out, all.rows(g*rows, rows))
	}
	return out
}

func (m *poolAttention) inputs() []kernel.ActType { return m.types }

func (m *poolAttention) bias() []float32 { return nil }

// shareable: what pools are made of is remembered where a pass ends.
func (m *poolAttention) shareable() bool { return false }

func (m *poolAttention) include(e *executor) {
	s, most := &m.spec, &e.most
	m.includeQueries(e)
	most.k, most.heads, most.sums = max(most.k, s.Size), max(most.heads, m.o.Cols), max(most.sums, m.o.Cols)
	e.includeAttention(m.near)
	e.includeAttention(m.all)
	e.picks.include(e, m.all)
	if c := m.pools; c != nil {
		most.v, most.gates = max(most.v, c.kv.Rows), max(most.gates, c.kv.Rows)
		e.includeAttention(c.rows)
	}
	if m.index != nil {
		x := m.indexPools
		most.indexQ, most.indexK, most.indexW = max(most.indexQ, m.index.q.Rows), max(most.indexK, x.kv.Rows), max(most.indexW, m.index.w.Rows)
		most.topK = max(most.topK, s.Index.TopK)
		e.includeAttention(x.rows)
	}
}

// remembered returns how many values the rings take.
func (m *poolAttention) remembered() int {
	n := m.pools.stateSize()
	if m.index != nil {
		n += m.indexPools.stateSize()
	}
	return n
}

// newState returns keys, and beside them rows of pools and rings.
func (m *poolAttention) newState(f CacheFormat, n int) State {
	near := newStore(m.near, f, n)
	if m.pools == nil {
		return near
	}
	rows := m.pools.newPools(f, n)
	if m.index != nil {
		rows = &bothStates{rows, m.indexPools.newPools(attention.F16, n)}
	}
	return &bothStates{near, &bothStates{rows, newRecurrent(m.remembered())}}
}

func (m *poolAttention) size(f CacheFormat) CacheSize {
	c := CacheSize{Token: m.near.RowBytes(f)}
	if m.pools != nil {
		c.Fixed = recurrentSize(m.remembered()).Fixed
		c.Token += m.pools.rows.RowBytes(f) / m.spec.Pool
	}
	if m.index != nil {
		c.Token += m.indexPools.rows.RowBytes(attention.F16) / m.spec.Pool
	}
	return c
}

func (m *poolAttention) bytes(f CacheFormat, depth int) (weights, cache int) {
	weights = matrixBytes(m.qA.Matrix, m.q.Matrix, m.kv.Matrix, m.o.Matrix)
	for _, g := range m.groups {
		weights += matrixBytes(g.Matrix)
	}
	cache = min(depth, m.spec.Window) * m.near.RowBytes(f)
	if c := m.pools; c != nil {
		weights += matrixBytes(c.kv.Matrix, c.gate.Matrix)
		cache += m.picked(depth)*c.rows.RowBytes(f) + 4*m.remembered()
	}
	if c := m.indexPools; c != nil {
		weights += matrixBytes(c.kv.Matrix, c.gate.Matrix, m.index.q.Matrix, m.index.w.Matrix)
		cache += depth / m.spec.Pool * c.rows.RowBytes(attention.F16)
	}
	return weights, cache
}

// form says whether sequences can be in a format.
func (m *poolAttention) form(f CacheFormat) (*attention.Layer, error) {
	if f == attention.Q4 {
		return nil, fmt.Errorf("4-bit codes beside rows of pools")
	}
	return m.near.In(f)
}

// geometry returns the shape of the heads.
func (s *PoolAttention) geometry() attn.Geometry {
	return attn.Geometry{Heads: s.Heads, KVHeads: 1, KeySize: s.Size, ValueSize: s.Size, Window: s.Window}
}

func (m *poolAttention) run(p *pass, w *worker, l *Layer) {
	if p.probe.begins(StageInput) {
		m.projectInput(p, w)
		m.raise(p, w, m.ofQueries(p))
		m.ready(p, w, l)
		w.Barrier()
		if p.single() {
			m.attendOne(p, w, &p.segments[0], l)
		} else {
			m.attendMany(p, w, l)
		}
		w.Barrier()
		m.raiseGroups(p, w)
	}
	p.probe.headsDone(p, w)
	if !p.probe.ends(StageHeads) {
		m.output.project(p, w)
	}
}

// projectInput computes what is made of the layer's input. It ends with a barrier.
func (m *poolAttention) projectInput(p *pass, w *worker) {
	out := [7]projection{{m.lowQueries.ofInput(), p.q}, {m.kv, p.k}}
	if c := m.pools; c != nil {
		out[2], out[3] = projection{c.kv, p.v}, projection{c.gate, p.gates}
	}
	if x := m.indexPools; x != nil {
		out[4], out[5] = projection{x.kv, p.picks.k}, projection{x.gate, p.picks.gates}
		if m.active(p) {
			out[6] = projection{m.index.w, p.picks.w}
		}
	}
	p.project(w, &w.in, out[:]...)
	w.Barrier()
}

// ofQueries is the projection of the indexer's queries.
func (m *poolAttention) ofQueries(p *pass) projection {
	if !m.active(p) {
		return projection{}
	}
	return projection{m.index.q, p.picks.q}
}

// selects reports whether tokens of a segment can't attend to all rows of pools before them, and active whether those
// of any segment can't.
func (m *poolAttention) selects(s *segment) bool {
	return m.index != nil && (s.pos+s.n)/m.spec.Pool > m.index.spec.TopK
}

func (m *poolAttention) active(p *pass) bool {
	for i := range p.segments {
		if m.selects(&p.segments[i]) {
			return true
		}
	}
	return false
}

// picked returns how many rows of pools the token at pos attends to.
func (m *poolAttention) picked(pos int) int {
	if m.pools == nil {
		return 0
	}
	n := (pos + 1) / m.spec.Pool
	if m.index != nil {
		n = min(n, m.index.spec.TopK)
	}
	return n
}

// ready completes this worker's share of queries, keys and rows of pools, and caches the latter two.
func (m *poolAttention) ready(p *pass, w *worker, l *Layer) {
	s, rope := &m.spec, p.ropes[m.spec.Rope].rope
	lo, hi := w.Share(len(p.pos) * s.Heads)
	for i := lo; i < hi; i++ {
		q := p.q[i*s.Size:][:s.Size]
		unitNorm(q, m.eps)
		rotateEnd(rope, q, p.table(s.Rope, i/s.Heads), false)
		scale(q, ScoreScale(s.Size))
	}
	for i := range p.segments {
		seg := &p.segments[i]
		keys := seg.store(l)
		lo, hi := w.Share(seg.n)
		for t := seg.at + lo; t < seg.at+hi; t++ {
			k := p.k[t*s.Size:][:s.Size]
			m.kvNorm.apply(k, k)
			rotateEnd(rope, k, p.table(s.Rope, t), false)
			keys.Append(p.pos[t], 0, k, nil)
		}
		m.readyPools(p, w, seg, l)
	}
}

// readyPools does so for rows of pools and what picks them.
func (m *poolAttention) readyPools(p *pass, w *worker, seg *segment, l *Layer) {
	if m.pools == nil {
		return
	}
	rows, keys, ring := m.poolStates(seg, l)
	in := compressorInput{p.v, p.gates, seg, ring.from}
	m.pools.pools(p, w, in, rows)
	m.pools.keep(w, in, ring.to)
	if m.index == nil {
		return
	}
	in = compressorInput{p.picks.k, p.picks.gates, seg, ring.from}
	m.indexPools.pools(p, w, in, keys)
	m.indexPools.keep(w, in, ring.to)
	if !m.selects(seg) {
		return
	}
	n, heads, rope := m.index.spec.Size, m.index.spec.Heads, p.ropes[m.spec.Rope].rope
	lo, hi := w.Share(seg.n * heads)
	for j := seg.at*heads + lo; j < seg.at*heads+hi; j++ {
		q := p.picks.q[j*n:][:n]
		rotateEnd(rope, q, p.table(m.spec.Rope, j/heads), false)
		kernel.Hadamard(q, false)
	}
}

// poolStates returns where a segment's rows of pools and their keys are cached, and the rings.
func (m *poolAttention) poolStates(seg *segment, l *Layer) (rows, keys *attention.Store, ring *recurrent) {
	st := seg.seq.states[l.state].(*bothStates)[1].(*bothStates)
	ring = st[1].(*recurrent)
	if b, ok := st[0].(*bothStates); ok {
		return b[0].(perPool).State.(store).Store, b[1].(perPool).State.(store).Store, ring
	}
	return st[0].(perPool).State.(store).Store, nil, ring
}

// attendOne lets the only row of a pass attend; all workers gather what it attends to.
func (m *poolAttention) attendOne(p *pass, w *worker, seg *segment, l *Layer) {
	pos := seg.pos
	chosen := m.chooseOne(p, w, seg, l)
	to, n := p.picks.stores[m.all.Geometry][0], m.gathered(pos)
	if w.ID == 0 {
		to.Grow(n)
	}
	w.Barrier()
	lo, hi := w.Share(n)
	m.gather(w, to, seg, l, pos, chosen, lo, hi)
	w.Barrier()
	a := m.all
	a.PrepareQueries(&w.scratch, to, p.q)
	for {
		i, _, ok := w.Take(a.Parts(n-1), 1)
		if !ok {
			break
		}
		a.Decode(&p.part, i, to, n-1, p.q, &w.scratch)
	}
	w.Barrier()
	h0, h1 := w.Share(m.spec.Heads)
	out := p.q[h0*m.spec.Size : h1*m.spec.Size]
	a.Combine(out, &p.part, n-1, h0, h1, &w.scratch)
	m.rotateBack(p, out, 0)
}

// attendMany lets all rows attend, each as a decode step does. The results replace the queries.
func (m *poolAttention) attendMany(p *pass, w *worker, l *Layer) {
	to, all := p.picks.stores[m.all.Geometry][w.ID], m.spec.Heads*m.spec.Size
	at := 0 // segment of the row
	for {
		t, _, ok := w.Take(len(p.pos), 1)
		if !ok {
			return
		}
		for t >= p.segments[at].at+p.segments[at].n {
			at++
		}
		seg, pos := &p.segments[at], p.pos[t]
		n := m.gathered(pos)
		to.Grow(n)
		m.gather(w, to, seg, l, pos, m.choose(p, w, seg, l, t), 0, n)
		q := p.q[t*all:][:all]
		w.attendTo(m.all, to, n, q, q)
		m.rotateBack(p, q, t)
	}
}

// rotateBack rotates what heads found for row t.
func (m *poolAttention) rotateBack(p *pass, heads []float32, t int) {
	rope, table := p.ropes[m.spec.Rope].rope, p.table(m.spec.Rope, t)
	for ; len(heads) > 0; heads = heads[m.spec.Size:] {
		rotateEnd(rope, heads[:m.spec.Size], table, true)
	}
}

// gathered returns how many rows the token at pos attends to.
func (m *poolAttention) gathered(pos int) int { return pos + 1 - m.near.First(pos) + m.picked(pos) }

// gather copies rows lo … hi-1 of those that the token at pos attends to: keys, then rows of pools, all of them or those
// chosen.
func (m *poolAttention) gather(w *worker, to *attention.Store, seg *segment, l *Layer, pos int, chosen []int32, lo, hi int) {
	row, first := sized(&w.pick.row, m.spec.Size), m.near.First(pos)
	keys, near := seg.store(l), pos+1-first
	for i := lo; i < min(hi, near); i++ {
		to.Pick(i, keys, first+i, row)
	}
	if hi <= near {
		return
	}
	rows, _, _ := m.poolStates(seg, l)
	for i := max(lo, near); i < hi; i++ {
		j := i - near
		if chosen != nil {
			j = int(chosen[j])
		}
		to.Pick(i, rows, j, row)
	}
}

// choose returns which rows of pools row t attends to, nil for all.
func (m *poolAttention) choose(p *pass, w *worker, seg *segment, l *Layer, t int) []int32 {
	if m.index == nil || !m.selects(seg) {
		return nil
	}
	n, k := (p.pos[t]+1)/m.spec.Pool, m.picked(p.pos[t])
	_, keys, _ := m.poolStates(seg, l)
	scores := grown(&w.pick.scores, n)
	m.index.score(p, w, keys, scores, t, 0, n)
	ids := grown(&w.pick.ids, k)
	w.pick.top(ids, scores)
	return ids
}

// chooseOne is choose for the only row of a pass, by all workers. All may use the result after a barrier.
func (m *poolAttention) chooseOne(p *pass, w *worker, seg *segment, l *Layer) []int32 {
	if !m.selects(seg) {
		return nil
	}
	_, keys, _ := m.poolStates(seg, l)
	n := (seg.pos + 1) / m.spec.Pool
	m.index.scoreOne(p, w, keys, n)
	ids := p.picks.chosen[:m.index.spec.TopK]
	if w.ID == 0 {
		w.pick.top(ids, p.picks.scores[:n])
	}
	return ids
}

// raiseGroups computes W_a of what the heads found, w.heads [rows, groups·rank].
func (m *poolAttention) raiseGroups(p *pass, w *worker) {
	out, rank, n := p.mixed(w), m.spec.GroupRank, len(m.groups)
	for {
		g, _, ok := w.Take(n, 1)
		if !ok {
			break
		}
		a := m.groups[g]
		w.small.gatherLinear(a, len(p.pos),
			func(t int) []float32 { return p.q[(t*n+g)*a.Cols:][:a.Cols] },
			func(t int) []float32 { return out[(t*n+g)*rank:][:rank] })
	}
	p.mixedDone(w, n*rank)
}
