package model

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
)

// MLA is DeepSeek's multi-head latent attention (arXiv 2405.04434). A layer computes from its normed input h, with R
// rotated values, n values per key without position and a latent of L values,
//
//	[c | k_pe] = W_kv_a · h              latent = norm(c)           cached row = [rope(k_pe) | latent]
//	[q_nope | q_pe] of all heads = W_q · h, or W_q_b · norm(W_q_a · h)
//	k_head = [K_head · latent | rope(k_pe)]                         v_head = V_head · latent
type MLA struct {
	Heads       int
	KVHeads     int // as the file tells; nothing depends on it
	KeySize     int // n + R, as keys are when they are expanded
	ValueSize   int // v
	R, L        int
	QueryRank   int // rank of the queries, 0 for one matrix
	Rope        int // index in Spec.Ropes
	Scale       float32
	Temperature Temperature
	// Split says that K and V come apart, as attn_k_b and attn_v_b; in older files they are one, attn_kv_b.
	Split  bool
	Index  Indexer // what picks the tokens that are attended to
	Gate   Gate    // on the heads' outputs, for each head or for each value, as the file has it
	Bare   bool    // a scale tensor of W_O doesn't count
	Window int     // as attn.Geometry.Window
	KNorm  bool    // k_pe is normed: attn_k_norm
	Sinks  bool    // as Attention.Sinks
}

// mla is latent attention as a model has it: one block, as many key/value heads as query heads, and the rotated part of
// a query a part of it instead of a projection.
type mla struct {
	latent
	output
	lowQueries
	spec    MLA
	kvA     Linear // [L+R, width]
	gate    Linear // [heads, width] or [heads·v, width], or nil
	kvNorm  []float32
	kNorm   []float32 // [R], or nil
	softmax attention.Softmax
	types   []kernel.ActType
}

// geometry returns the shape of heads whose keys and values are expanded.
func (s *MLA) geometry() attn.Geometry {
	return attn.Geometry{Heads: s.Heads, KVHeads: s.KVHeads, KeySize: s.KeySize, ValueSize: s.ValueSize, Window: s.Window}
}

func (s MLA) load(ld *Loader, i int) mixer {
	name := func(n string) string { return LayerName(i, n) }
	g := s.geometry()
	g.KVHeads = s.Heads
	m := &mla{spec: s}
	m.latent = latent{geo: g, r: s.R, l: s.L, blocks: 1, keys: s.L, source: m}
	m.lowQueries = ld.queries(name, s.Heads*s.KeySize, s.QueryRank)
	m.index = s.Index.load(ld, i, s.QueryRank)
	m.kvA = ld.linear(name("attn_kv_a_mqa"), s.L+s.R, ld.spec.Width, false)
	m.kvNorm = ld.vector(name("attn_kv_a_norm.weight"), s.L, true)
	m.o = ld.linear(name("attn_output"), ld.spec.Width, s.Heads*s.ValueSize, !s.Bare)
	if s.KNorm {
		m.kNorm = ld.vector(name("attn_k_norm.weight"), s.R, true)
	}
	if s.Sinks {
		m.softmax.Sinks = ld.vector(name("attn_sinks.weight"), s.Heads, true)
	}
	if s.Gate != NoGate {
		m.gate = ld.gate(name("attn_gate"), g)
	}
	if s.Split {
		m.query = ld.matrices(name("attn_k_b.weight"), s.Heads, s.L, s.KeySize-s.R)
		m.value = ld.matrices(name("attn_v_b.weight"), s.Heads, s.ValueSize, s.L)
	} else {
		n := s.KeySize - s.R + s.ValueSize
		kv := ld.matrix(name("attn_kv_b.weight"), s.Heads*n, s.L)
		for at := 0; ld.err == nil && at < kv.Rows; at += n {
			if s.KeySize > s.R {
				m.key = append(m.key, rowsOf(kv, at, s.KeySize-s.R))
			}
			m.value = append(m.value, rowsOf(kv, at+s.KeySize-s.R, s.ValueSize))
		}
	}
	if ld.err == nil {
		ld.failLayer(i, m.build())
	}
	return m
}

// build completes the layer: the transposed matrices, attention over the cache and over what is expanded from it.
func (m *mla) build() error {
	switch {
	case m.spec.KeySize == m.r: // nothing of a key is without position
		m.key, m.query = make([]*kernel.Matrix, m.geo.Heads), make([]*kernel.Matrix, m.geo.Heads)
	case m.key == nil:
		m.key = transposedAll(m.query)
	default:
		m.query = transposedAll(m.key)
	}
	m.output.types, m.types = actTypes(m.o), actTypes(m.lowQueries.ofInput(), m.kvA, m.gate)
	if x := m.index; x != nil && m.qA.Matrix != nil {
		m.types, m.lowQ = actTypes(m.qA, m.kvA, m.gate, x.k, x.w, x.gate), actTypes(m.q, x.q)
	}
	var err error
	if m.attn, err = attention.NewLatent(m.geo.Heads, 1, m.r, m.l, m.geo.Window); err != nil {
		return err
	}
	if m.expanded, err = attention.NewGQA(m.geo); err != nil {
		return err
	}
	m.attn.SetSoftmax(m.softmax)
	m.expanded.SetSoftmax(m.softmax)
	return nil
}

func (m *mla) inputs() []kernel.ActType { return m.types }

func (m *mla) include(e *executor) {
	m.includeQueries(e)
	if m.gate.Matrix != nil {
		e.most.gates = max(e.most.gates, m.gate.Rows)
	}
	m.includeRows(e)
}

func (m *mla) newState(f CacheFormat, n int) State {
	if m.cachesKeys() {
		return &bothStates{newStore(m.forms[f], f, n), m.index.newState(n)}
	}
	return newStore(m.forms[f], f, n)
}

// cachesKeys reports whether there are keys of an indexer beside the rows.
func (m *mla) cachesKeys() bool { return m.index != nil && m.index.keys != nil }

func (m *mla) size(f CacheFormat) CacheSize {
	c := cacheSize(m.forms[f], f)
	if m.cachesKeys() {
		c.Token += m.index.tokenBytes()
	}
	return c
}

func (m *mla) bytes(f CacheFormat, depth int) (weights, cache int) {
	weights = matrixBytes(m.q.Matrix, m.qA.Matrix, m.kvA.Matrix, m.gate.Matrix, m.o.Matrix) + matrixBytes(m.query...) + matrixBytes(m.value...)
	cache = m.rowBytes(f, depth)
	if x := m.index; x != nil {
		weights, cache = weights+matrixBytes(x.q.Matrix, x.k.Matrix, x.w.Matrix), m.rowBytes(f, min(depth, x.spec.TopK))
		if x.keys != nil {
			cache += depth * x.keys.RowBytes(attention.F16) / max(x.spec.Pool, 1)
		}
	}
	return weights, cache
}

func (m *mla) run(p *pass, w *worker, l *Layer) {
	if p.probe.begins(StageInput) {
		k, weights, gates := m.index.ofInput(p)
		p.project(w, &w.in, projection{m.lowQueries.ofInput(), p.q}, projection{m.kvA, p.k}, projection{m.gate, p.gates}, k, weights, gates)
		w.Barrier()
		m.raise(p, w, m.index.ofQueries(p))
		m.readyQueries(p, w)
		if p.probe.ends(StageProjected) {
			m.show(p, w)
			return
		}
		m.index.ready(p, w, l)
		m.attend(p, w, l)
		p.gateHeads(w, m.gate, nil, m.spec.Gate, m.geo.Heads*m.geo.ValueSize)
	}
	p.probe.headsDone(p, w)
	if !p.probe.ends(StageHeads) {
		m.output.project(p, w)
	}
}

// show hands queries for rows, and rows, to a probe.
func (m *mla) show(p *pass, w *worker) {
	b, n, size := p.probe, len(p.pos), m.rowSize()
	if w.ID == 0 {
		b.kv = sized(&b.kv, n*size)
	}
	w.Barrier()
	for t := w.lo; t < w.hi; t++ {
		m.row(p, w, 0, t, b.kv[t*size:][:size])
	}
	if w.lo < w.hi {
		m.rowQueries(p, w, w.lo, w.hi)
	}
	w.Barrier()
	b.Projected(w.Worker, p.queries[:n*m.geo.Heads*size], b.kv[:n*size], n)
}

// readyQueries scales the worker's rows of queries in a batch; in a decode step each head is scaled by whom it belongs
// to.
func (m *mla) readyQueries(p *pass, w *worker) {
	if p.single() {
		return
	}
	n := m.spec.Heads * m.spec.KeySize
	for t := w.lo; t < w.hi; t++ {
		scale(p.q[t*n:][:n], m.spec.Scale*m.spec.Temperature.at(p.pos[t]))
	}
}

// decodeQueries implements rowSource.
func (m *mla) decodeQueries(p *pass, w *worker) {
	f := m.spec.Scale * m.spec.Temperature.at(p.pos[0])
	lo, hi := w.Share(m.spec.Heads)
	for h := lo; h < hi; h++ {
		scale(p.q[h*m.spec.KeySize:][:m.spec.KeySize], f)
		m.headQueries(p, w, 0, h, 1)
	}
}

// row implements rowSource.
func (m *mla) row(p *pass, _ *worker, _, t int, dst []float32) {
	from := p.k[t*len(dst):][:len(dst)]
	copy(dst, from[m.l:])
	if m.kNorm != nil {
		norm(dst[:m.r], dst[:m.r], m.kNorm, m.eps)
	}
	m.rotate(p, dst, t)
	norm(dst[m.r:], from[:m.l], m.kvNorm, m.eps)
}

// headQueries writes to p.queries head h's queries for cached rows, of n rows of the pass from t on.
func (m *mla) headQueries(p *pass, w *worker, t, h, n int) {
	key, row := m.spec.KeySize, m.attn.KeySize
	at := func(i, size int) int { return ((t+i)*m.spec.Heads + h) * size }
	if m.query[h] != nil {
		w.small.gather(m.query[h], m.l, n,
			func(i int) []float32 { return p.q[at(i, key):] },
			func(i int) []float32 { return p.queries[at(i, row)+m.r:] })
	}
	for i := range n {
		if m.query[h] == nil {
			clear(p.queries[at(i, row)+m.r:][:m.l])
		}
		m.rotateEnd(p, p.queries[at(i, row):], p.q[at(i, key):][:key], t+i)
	}
}

// rotateEnd writes the rotated end of row t's query q to the front of dst.
func (m *mla) rotateEnd(p *pass, dst, q []float32, t int) {
	copy(dst[:m.r], q[len(q)-m.r:])
	m.rotate(p, dst, t)
}

// rotate rotates the first values of x to row t's position, where there are such values; a probe gets them as they are.
func (m *mla) rotate(p *pass, x []float32, t int) {
	if m.r > 0 && !p.probe.ends(StageProjected) {
		p.ropes[m.spec.Rope].rope.Rotate(x[:m.r], p.table(m.spec.Rope, t))
	}
}

// rowQueries implements rowSource.
func (m *mla) rowQueries(p *pass, w *worker, lo, hi int) {
	for h := range m.spec.Heads {
		m.headQueries(p, w, lo, h, hi-lo)
	}
}

// expandedQueries implements rowSource: [rotated | without position].
func (m *mla) expandedQueries(p *pass, _ *worker, lo, hi int) {
	key := m.spec.KeySize
	for i := lo * m.spec.Heads; i < hi*m.spec.Heads; i++ {
		q, dst := p.q[i*key:][:key], p.queries[i*key:][:key]
		m.rotateEnd(p, dst, q, i/m.spec.Heads)
		copy(dst[m.r:], q)
	}
}
