package model

import "github.com/latentgo/latentgo/internal/attention"

// Latent attention to a choice of tokens: their rows are gathered, and attended to as a sequence of their own.

// pickOne chooses what the only row of a pass attends to and gathers it. It returns the store and the position of the
// last row in it. It ends with a barrier.
func (m *latent) pickOne(p *pass, w *worker, s *attention.Store, l *Layer) (*attention.Store, int) {
	x, pos := m.index, p.pos[0]
	if !x.spec.Shares {
		keys, n := p.segments[0].indexKeys(l), x.count(pos)
		x.scoreOne(p, w, keys, n)
		if w.ID == 0 {
			x.choose(p, w, p.picks.scores[:n], 0)
		}
	}
	chosen, to := x.chosen(p, 0), p.picks.stores[m.attn.Geometry][0]
	if w.ID == 0 {
		to.Grow(len(chosen))
	}
	w.Barrier()
	lo, hi := w.Share(len(chosen))
	m.gatherRows(w, to, s, chosen, lo, hi)
	w.Barrier()
	return to, len(chosen) - 1
}

// scoreOne computes the scores of the only row of a pass for the first n positions, p.picks.scores. It ends with a
// barrier.
func (x *indexer) scoreOne(p *pass, w *worker, keys *attention.Store, n int) {
	for {
		lo, hi, ok := w.Take((n+attention.Chunk-1)/attention.Chunk, 1)
		if !ok {
			break
		}
		lo, hi = lo*attention.Chunk, min(hi*attention.Chunk, n)
		x.score(p, w, keys, p.picks.scores[lo:hi], 0, lo, hi)
	}
	w.Barrier()
}

// gatherRows copies rows lo … hi-1 of those chosen.
func (m *latent) gatherRows(w *worker, to, from *attention.Store, chosen []int32, lo, hi int) {
	row := sized(&w.pick.row, m.rowSize())
	for i := lo; i < hi; i++ {
		to.Pick(i, from, int(chosen[i]), row)
	}
}

// attendChosen lets each row of a segment attend to what it chooses: p.sums [rows, heads·L].
func (m *latent) attendChosen(p *pass, w *worker, seg *segment, l *Layer) {
	a, x, s := m.attn, m.index, seg.store(l)
	to := p.picks.stores[a.Geometry][w.ID]
	nq, ns := m.geo.Heads*a.KeySize, m.geo.Heads*m.l
	for {
		i, _, ok := w.Take(seg.n, 1)
		if !ok {
			return
		}
		t := seg.at + i
		if !x.spec.Shares {
			n := x.count(p.pos[t])
			scores := grown(&w.pick.scores, n)
			x.score(p, w, seg.indexKeys(l), scores, t, 0, n)
			x.choose(p, w, scores, t)
		}
		chosen := x.chosen(p, t)
		to.Grow(len(chosen))
		m.gatherRows(w, to, s, chosen, 0, len(chosen))
		w.attendTo(a, to, len(chosen), p.queries[t*nq:][:nq], p.sums[t*ns:][:ns])
	}
}
