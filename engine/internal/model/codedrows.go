package model

import (
	"fmt"

	"github.com/latentgo/latentgo/internal/attention"
)

// Latent attention over rows in codes.

// form returns the layer's attention as sequences in a format have it.
func (m *latent) form(f CacheFormat) (*attention.Layer, error) {
	switch {
	case f == attention.Q4 && m.index != nil:
		return nil, fmt.Errorf("codes of rows that an indexer picks from")
	case m.forms[f] == nil:
		return m.attn.In(f)
	}
	return m.forms[f], nil
}

// loadForms makes the forms of attention over rows.
func (m *latent) loadForms(ld *Loader, l *Layer) {
	if m.index == nil {
		m.loadCode(ld, l.Index)
	}
	for f := range m.forms {
		m.forms[f], _ = m.form(CacheFormat(f))
	}
}

// stepCoded computes the workers' parts of a decode step over 4-bit codes of rows, see latent.attendOne.
func (m *latent) stepCoded(p *pass, w *worker, s *attention.Store) {
	a, pos := s.Layer(), p.pos[0]
	if from, to := s.Due(pos, 1); from < to {
		w.encodeDue(s, from, to, nil, 0)
	}
	m.source.decodeQueries(p, w)
	w.Barrier()
	a.PrepareQueries(&w.scratch, s, p.queries)
	parts := a.Parts(pos)
	for {
		i, _, ok := w.Take(parts+m.blocks, 1)
		if !ok {
			return
		}
		if i >= m.blocks {
			a.Decode(&p.part, i-m.blocks, s, pos, p.queries, &w.scratch)
			continue
		}
		row := w.key[:m.rowSize()]
		m.source.row(p, w, i, 0, row)
		a.DecodeNewest(&p.part, s, pos, i, row, nil, &w.scratch)
	}
}

// promptCoded lets a segment attend over 4-bit codes of rows: p.sums. It ends with a barrier.
func (m *latent) promptCoded(p *pass, w *worker, s *attention.Store, seg *segment) {
	p.tilesCoded(w, s, m.keepRows(p, w, s, seg), seg, p.queries, p.sums)
}

// expandCoded lets a segment attend over keys and values that are expanded from codes, and from the segment's own rows
// and those just before: w.heads. It ends with a barrier.
func (m *latent) expandCoded(p *pass, w *worker, s *attention.Store, seg *segment) {
	a, base, end := s.Layer(), s.WideBase(seg.pos), seg.pos+seg.n
	wide := m.keepRows(p, w, s, seg)
	shape := shapeOf(m.expanded)
	coded, exact := p.expanded[shape], p.wide[shape]
	from := m.expandFrom(seg)
	m.expand(w, from, max(a.CompressedEnd(end-1)-from, 0), func(b, at, n int) {
		m.expandBlock(w, func(rows []float32) { s.DecodedRows(rows, b, at, n, &w.scratch) }, coded, b, at, n)
	})
	w.Barrier()
	from = max(from, a.CompressedEnd(seg.pos))
	m.expand(w, from, end-from, func(b, at, n int) {
		m.expandBlock(w, func(rows []float32) { wide.Rows(rows, nil, b, at-base, n) }, exact, b, at-base, n)
	})
	w.Barrier()
	g := m.expanded.Geometry
	q, out := p.queries[seg.at*g.Heads*g.KeySize:], w.heads[seg.at*g.Heads*g.ValueSize:]
	for {
		i, _, ok := w.Take(m.expanded.Tiles(seg.pos, seg.n), 1)
		if !ok {
			break
		}
		m.expanded.PrefillTwo(out, i, coded, exact, base, seg.pos, seg.n, q, &w.scratch)
	}
	w.Barrier()
}

// keepRows caches a segment's rows in codes, and returns the store that has those that are not coded for all of its
// tokens. It ends with a barrier.
func (m *latent) keepRows(p *pass, w *worker, s *attention.Store, seg *segment) *attention.Store {
	wide, base := p.wide[shapeOf(m.attn)], s.WideBase(seg.pos)
	for t := max(w.lo, seg.at); t < min(w.hi, seg.at+seg.n); t++ {
		for b := range m.blocks {
			row := w.key[:m.rowSize()]
			m.source.row(p, w, b, t, row)
			s.PutWide(wide, base, p.pos[t], b, row, nil, &w.scratch)
		}
	}
	w.keepCoded(s, wide, seg)
	return wide
}
