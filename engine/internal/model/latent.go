package model

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
)

// latent is attention over cached rows [R rotated | L latent] of one or several blocks of heads, which DeepSeek's
// models have (mla.go) and compressed layers in the form for llama.cpp (compressed.go).
//
// Decode is in the absorbed form: the query heads are projected to rows, attend to the cache itself, and the value
// up-projection follows. A batch expands the cached rows to keys and values first when there are enough tokens to pay
// for it.
type latent struct {
	geo          attn.Geometry // of the model
	r, l, blocks int
	keys         int // of the latent values, how many keys are made of: the first
	// One per key/value head, or one per query head:
	query []*kernel.Matrix // [R+L, d]: a query head's query for rows
	key   []*kernel.Matrix // [d, L]: the latent part of query transposed, a head's key from the latent; both may be nil
	value []*kernel.Matrix // [v, L]: its value from the latent

	attn     *attention.Layer    // over rows
	forms    [4]*attention.Layer // attn as caches of each format have it; nil where there is none
	expanded *attention.Layer    // over keys [R rotated | d] and values expanded from rows
	source   rowSource
	index    *indexer // that picks what tokens attend to, or nil
}

// rowSource is where rows and queries come from.
type rowSource interface {
	// row makes row t's cached row of block b.
	row(p *pass, w *worker, b, t int, dst []float32)
	// decodeQueries computes this worker's share of the heads' queries for rows, p.queries, for the only row of a pass.
	decodeQueries(p *pass, w *worker)
	// rowQueries does so for rows lo … hi-1, whose queries are ready.
	rowQueries(p *pass, w *worker, lo, hi int)
	// expandedQueries makes p.queries for expanded keys, [R rotated | the model's query].
	expandedQueries(p *pass, w *worker, lo, hi int)
}

// rowSize returns the values of one block's row.
func (m *latent) rowSize() int { return m.r + m.l }

func (m *latent) includeRows(e *executor) {
	g, most := m.geo, &e.most
	most.k = max(most.k, m.attn.KVHeads*m.attn.KeySize, m.attn.RowSize())
	most.heads = max(most.heads, g.Heads*g.ValueSize)
	most.rows = max(most.rows, g.Heads*max(m.attn.KeySize, m.expanded.KeySize, m.r+g.KeySize))
	most.sums = max(most.sums, g.Heads*m.l, g.Heads*g.ValueSize)
	e.includeAttention(m.attn, m.expanded)
	m.index.include(e, m.attn)
	if shape := shapeOf(m.expanded); e.expanded[shape] == nil {
		e.expanded[shape] = attention.NewStore(m.expanded, attention.F16)
	}
	for _, a := range m.forms[attention.Q4:] {
		if a != nil && a != m.attn {
			e.includeAttention(a)
			e.includeWide(m.attn)
			e.includeWide(m.expanded)
		}
	}
}

// shareable: few rows of a prompt are computed otherwise than many.
func (m *latent) shareable() bool { return false }

func (m *latent) rowBytes(f CacheFormat, depth int) int {
	a := m.forms[f]
	return a.CompressedTokens(depth)*a.RowBytes(f) + a.RecentBytes(depth)
}

// attend computes the heads' outputs from what source has: w.heads [rows, heads·v]. It ends with a barrier, or in a
// decode step with this worker's own copy.
func (m *latent) attend(p *pass, w *worker, l *Layer) {
	if p.single() {
		m.attendOne(p, w, l)
	} else {
		m.attendMany(p, w, l)
	}
}

// attendOne is a decode step; see gqa.attendOne. The workers share out the rows of the up-projections as they do cached
// positions: all four kinds of work are long beside a barrier.
func (m *latent) attendOne(p *pass, w *worker, l *Layer) {
	a, seg := m.attn, &p.segments[0]
	s, pos := seg.store(l), seg.pos
	if s.Coded() {
		m.stepCoded(p, w, s)
		w.Barrier()
		m.finishOne(p, w, s.Layer(), pos)
		return
	}
	for {
		b, _, ok := w.Take(m.blocks, 1)
		if !ok {
			break
		}
		row := w.key[:m.rowSize()]
		m.source.row(p, w, b, 0, row)
		s.Append(pos, b, row, nil)
	}
	m.source.decodeQueries(p, w)
	w.Barrier()
	if m.index.selects(seg) {
		s, pos = m.pickOne(p, w, s, l)
	}
	a.PrepareQueries(&w.scratch, s, p.queries)
	for {
		i, _, ok := w.Take(a.Parts(pos), 1)
		if !ok {
			break
		}
		a.Decode(&p.part, i, s, pos, p.queries, &w.scratch)
	}
	w.Barrier()
	m.finishOne(p, w, a, pos)
}

// finishOne computes the heads' outputs of a decode step over rows in form a for the token at pos: each worker its
// share, and then all have them.
func (m *latent) finishOne(p *pass, w *worker, a *attention.Layer, pos int) {
	out := p.sums[:m.geo.Heads*m.geo.ValueSize]
	v, heads := m.geo.ValueSize, m.geo.Heads/len(m.value)
	lo, hi := w.Share(len(m.value) * v)
	for i, t := range m.value {
		if r0, r1 := max(lo-i*v, 0), min(hi-i*v, v); r0 < r1 {
			m.valuesOf(p, w, a, t, pos, i*heads, (i+1)*heads, r0, r1, out)
		}
	}
	w.Barrier()
	copy(w.heads, out)
}

// valuesOf computes values r0 … r1-1 of query heads h0 … h1-1, which share up-projection t, for the token at pos: what
// the parts found is combined and raised.
func (m *latent) valuesOf(p *pass, w *worker, a *attention.Layer, t *kernel.Matrix, pos, h0, h1, r0, r1 int, out []float32) {
	v := m.geo.ValueSize
	if a.Combines(pos) {
		sums := w.sums[:(h1-h0)*m.l]
		a.Combine(sums, &p.part, pos, h0, h1, &w.scratch)
		w.small.mulRows(out[h0*v:h1*v], t, r0, r1, sums, h1-h0)
		return
	}
	for h := h0; h < h1; h++ {
		clear(out[h*v:][r0:r1])
	}
}

// attendMany caches all rows; then segments attend, those with few tokens over rows, the others over expanded keys and
// values.
func (m *latent) attendMany(p *pass, w *worker, l *Layer) {
	for i := range p.segments {
		seg := &p.segments[i]
		s := seg.store(l)
		lo, hi := max(w.lo, seg.at), min(w.hi, seg.at+seg.n)
		for t := lo; t < hi && !s.Coded(); t++ {
			for b := range m.blocks {
				row := w.key[:m.rowSize()]
				m.source.row(p, w, b, t, row)
				s.Append(p.pos[t], b, row, nil)
			}
		}
		if lo < hi && !m.expands(seg) {
			m.source.rowQueries(p, w, lo, hi)
		}
	}
	w.Barrier()
	m.attendRows(p, w, l)
	for i := range p.segments {
		if seg := &p.segments[i]; m.expands(seg) {
			s, wide := seg.store(l), p.expanded[shapeOf(m.expanded)]
			if lo, hi := max(w.lo, seg.at), min(w.hi, seg.at+seg.n); lo < hi {
				m.source.expandedQueries(p, w, lo, hi) // the others' have been read: they are of another size
			}
			if s.Coded() {
				m.expandCoded(p, w, s, seg)
				continue
			}
			from := m.expandFrom(seg)
			m.expand(w, from, seg.pos+seg.n-from, func(b, at, n int) {
				m.expandBlock(w, func(rows []float32) { s.Rows(rows, nil, b, at, n) }, wide, b, at, n)
			})
			w.Barrier()
			p.tiles(w, m.expanded, wide, seg, p.queries, w.heads)
		}
	}
}

// attendRows lets segments that don't expand attend over rows, and raises what they find.
func (m *latent) attendRows(p *pass, w *worker, l *Layer) {
	a, g := m.attn, m.geo
	for i := range p.segments {
		seg := &p.segments[i]
		s := seg.store(l)
		if m.expands(seg) {
			continue
		}
		switch {
		case s.Coded():
			m.promptCoded(p, w, s, seg)
		case m.index.selects(seg):
			m.attendChosen(p, w, seg, l)
			w.Barrier()
		default:
			p.tiles(w, a, s, seg, p.queries, p.sums)
		}
		lo, hi := max(w.lo, seg.at), min(w.hi, seg.at+seg.n)
		group := g.Heads / len(m.value)
		for k, v := range m.value {
			at := func(i int) int { return (lo+i/group)*g.Heads + k*group + i%group }
			w.small.gather(v, g.ValueSize, max(hi-lo, 0)*group,
				func(i int) []float32 { return p.sums[at(i)*m.l:] },
				func(i int) []float32 { return w.heads[at(i)*g.ValueSize:] })
		}
	}
	w.Barrier()
}

// tiles lets a segment attend with its queries; it ends with a barrier.
func (p *pass) tiles(w *worker, a *attention.Layer, s *attention.Store, seg *segment, queries, out []float32) {
	queries, out = queries[seg.at*a.Heads*a.KeySize:], out[seg.at*a.Heads*a.ValueSize:]
	for {
		i, _, ok := w.Take(a.Tiles(seg.pos, seg.n), 1)
		if !ok {
			break
		}
		a.Prefill(out, i, s, seg.pos, seg.n, queries, &w.scratch)
	}
	w.Barrier()
}

// expands reports whether a segment is cheaper in the expanded form: each token saves on every cached position and
// query head what rows are wider than keys and values; a position costs an expansion.
func (m *latent) expands(seg *segment) bool {
	return !m.index.selects(seg) && m.saves(seg.n, m.geo, m.expanded.KeySize)
}

// saves compares the two for n tokens and keys of the size given.
func (m *latent) saves(n int, g attn.Geometry, key int) bool {
	saved := n * g.Heads * (m.attn.KeySize + m.l - key - g.ValueSize)
	return saved > m.expanded.KVHeads*(m.keys*(key-m.r)+m.l*g.ValueSize)
}

// expandFrom returns the first position that a segment's tiles look at, see attention.Layer.Prefill.
func (m *latent) expandFrom(seg *segment) int {
	return m.geo.First(seg.pos&^31) &^ 31
}

// expand rebuilds keys and values of n positions from from on, in pieces shared out among the workers.
func (m *latent) expand(w *worker, from, n int, block func(b, at, n int)) {
	for {
		lo, hi, ok := w.Take(n, productRows)
		if !ok {
			return
		}
		for b := range m.blocks {
			block(b, from+lo, hi-lo)
		}
	}
}

// expandBlock rebuilds n positions of one block's heads, whose rows read writes, and caches them from position from on.
func (m *latent) expandBlock(w *worker, read func(rows []float32), wide *attention.Store, b, from, n int) {
	g, u := m.geo, &w.small
	row, width := m.attn.KeySize, m.expanded.KeySize
	rows := sized(&u.rows, n*row)
	keys, values := sized(&u.keys, n*width), sized(&u.values, n*g.ValueSize)
	read(rows)
	heads := m.expanded.KVHeads / m.blocks
	for k := b * heads; k < (b+1)*heads; k++ {
		latent := func(i int) []float32 { return rows[i*row+m.r:][:m.l] }
		key, value := m.key[k*len(m.key)/m.expanded.KVHeads], m.value[k*len(m.value)/m.expanded.KVHeads]
		if key != nil {
			u.gather(key, key.Rows, n, latent, func(i int) []float32 { return keys[i*width+m.r:] })
		}
		u.gather(value, g.ValueSize, n, latent, func(i int) []float32 { return values[i*g.ValueSize:] })
		for i := range n {
			copy(keys[i*width:][:m.r], rows[i*row:])
			wide.Append(from+i, k, keys[i*width:][:width], values[i*g.ValueSize:])
		}
	}
}
