package engine

import (
	"fmt"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/latentgo/latentgo/internal/pool"
)

// Compressed layers whose keys are in the latent without RoPE: near tokens are seen as the model sees them, far ones through rows,
// see attention.RecentWindow.

const (
	reachNear  = 64   // tokens that are near in any case, a multiple of 32
	reachPhase = 0.45 // radians by which a far token's phase may be wrong
)

// makeTurns plans how far tokens are seen, for each position embedding, when any layer needs it.
func (h *hparams) makeTurns(ropes []*attn.Rope) error {
	h.turns = nil
	for _, s := range h.latent {
		if s.near == 0 || h.turns != nil {
			continue
		}
		for _, r := range ropes {
			t, err := attention.NewBlockRope(r, h.phase)
			if err != nil {
				return err
			}
			h.turns = append(h.turns, t)
		}
	}
	return nil
}

// phases reads what makeTurns needs.
func (h *hparams) phases(f *gguf.File) error {
	var err error
	if h.phase, err = f.Float(keyLatentPhase); err != nil {
		return err
	}
	if !(h.phase > 0 && h.phase < 16) {
		return fmt.Errorf("%s: key %q: %v radians is outside 0 … 16: %w", f.Name(), keyLatentPhase, h.phase, ErrInvalid)
	}
	return nil
}

// reach builds how a layer's heads see its rows, from the query matrices of its key/value heads.
func (m *latent) reach(l *layer, s latentShape, turns *attention.BlockRope) (err error) {
	g := l.geo
	var keys [][]uint16
	far := turns.KeptSize(g.KeySize)
	row, head, arranged := make([]float32, g.KeySize), make([]float32, g.KeySize), make([]float32, far*s.key)
	for _, q := range m.query {
		for c := range s.key {
			q.Row(row, s.r+c)
			turns.Reorder(head, row)
			for j, v := range head[g.KeySize-far:] {
				arranged[j*s.key+c] = v
			}
		}
		key := make([]uint16, len(arranged))
		kernel.F32ToF16(key, arranged)
		keys = append(keys, key)
	}
	if m.sight, err = attention.NewRecentWindow(turns, s.near, g.KeySize, g.ValueSize, s.key, keys); err != nil {
		return err
	}
	if l.attn, err = attention.NewCompressed(g.Heads, s.blocks, s.r, s.l, g.Window, m.sight); err != nil {
		return err
	}
	m.wide, err = l.attn.NewExpanded()
	return err
}

// reachMany is prefill; see latentMany. A few tokens are like as many decode steps.
func (p *pass) reachMany(w *pool.Worker, ln *lane, l *layer, s *attention.Store, lo, hi int) {
	g, u, n := l.geo, &p.ups[w.ID], len(p.ids)
	nq := g.Heads * g.KeySize
	for t := lo; t < hi; t++ {
		p.readyQuery(p.q[t*nq:][:nq], l, p.pos+t)
	}
	p.dueRows(w, u, l, s)
	if wide := p.wide[wideOf(l)]; p.stores == nil || p.widens(l, n) {
		p.reachWide(u, l, lo, hi)
		for t := lo; t < hi; t++ {
			for k := range g.KVHeads {
				key, value := p.nearOf(u, l, k, t)
				wide.AppendRecent(p.pos+t, k, key, value)
			}
		}
		for i := l.attn.RecentStart(p.pos) + w.ID; i < p.pos; i += w.N {
			for k := range g.KVHeads {
				wide.CopyRecent(s, i, k)
			}
		}
		w.Barrier()
		p.expand(w, u, l, s)
		w.Barrier()
		p.tiles(w, l.lat.wide, ln.att, wide)
		for i := s.FirstKept(p.pos, n) + w.ID; i < p.pos+n; i += w.N {
			for k := range g.KVHeads {
				s.KeepRecent(wide, i, k)
			}
		}
		return
	}
	no := g.Heads * g.ValueSize
	w.Barrier()
	for t := range p.ids {
		p.reachQueries(u, l, t, p.q[t*nq:][:nq], w)
		w.Barrier()
		p.reachOut(w, &p.private[w.ID], l, s, t, ln.att[t*no:][:no])
	}
}

// reachOne is a decode step; see latentOne.
func (p *pass) reachOne(w *pool.Worker, ln *lane, l *layer, s *attention.Store) {
	g, u := l.geo, &p.ups[w.ID]
	q := ln.query[:g.Heads*g.KeySize]
	copy(q, p.q)
	p.readyQuery(q, l, p.pos)
	p.reachQueries(u, l, 0, q, w)
	due, short := p.dueRows(w, u, l, s), l.attn.OnePart(p.pos)
	if due || !short {
		w.Barrier()
	}
	out := p.mix[:g.Heads*g.ValueSize]
	if short {
		p.reachShort(w, ln, l, s, out)
		w.Barrier()
	} else {
		p.reachOut(w, ln, l, s, 0, out)
	}
	copy(ln.att, out)
}

// dueRows makes this worker's share of the rows of tokens that become far in this pass, and reports whether there are any. In decode
// they are 32 at a time: the encoder is read once for all of them, and never in the first steps.
func (p *pass) dueRows(w *pool.Worker, u *up, l *layer, s *attention.Store) bool {
	from, to := s.Due(p.pos, len(p.ids))
	if from >= to {
		return false
	}
	lo, hi := w.Share(to - from)
	for ; lo < hi; lo += upRows {
		for b := range l.lat.blocks {
			p.reachRows(u, l, s, b, from+lo, min(upRows, hi-lo))
		}
	}
	return true
}

// reachRows makes and caches n rows of block b from position from on. Tokens before the pass are in the ring.
func (p *pass) reachRows(u *up, l *layer, s *attention.Store, b, from, n int) {
	m, g := l.lat, l.geo
	heads, row := g.KVHeads/m.blocks, m.row()
	nk, nz := heads*g.KeySize, heads*(g.KeySize+g.ValueSize)
	z, rows, arranged := sized(&u.cached, n*nz), sized(&u.values, n*row), sized(&u.keys, g.KeySize)
	for i := range n {
		x := z[i*nz:][:nz]
		if t := from + i - p.pos; t >= 0 {
			copy(x, p.keysValues(u, l, b, t))
			continue
		}
		for k := range heads {
			s.Recent(x[k*g.KeySize:][:g.KeySize], x[nk+k*g.ValueSize:][:g.ValueSize], arranged, from+i, b*heads+k)
		}
	}
	u.mul(rows, m.encKV[b], row, z, n)
	table, half := sized(&u.in, p.ropes[l.rope].Dims()), sizedHalves(&u.near, row)
	for i := range n {
		x := rows[i*row:][:row]
		if m.r > 0 {
			p.ropes[l.rope].Table(table, from+i)
			rotatePairs(x, m.blockPairs(b*(g.Heads/m.blocks), g), table)
		}
		s.AppendRow(from+i, b, x, half)
	}
}

// reachShort is the rest of a decode step with few far tokens: workers share out the heads, and each does all that its own need, so
// that none waits for another in between.
func (p *pass) reachShort(w *pool.Worker, ln *lane, l *layer, s *attention.Store, out []float32) {
	m, g, u, sc := l.lat, l.geo, &p.ups[w.ID], &p.scratch[w.ID]
	group := g.Group()
	lo, hi := w.Share(g.Heads)
	if lo == hi {
		return
	}
	l.attn.DecodeCompressed(&p.part, s, p.pos, lo, hi, p.queries, sc)
	for h := lo; h < hi; {
		k := h / group
		end := min(hi, (k+1)*group)
		key, value := p.nearOf(u, l, k, 0)
		l.attn.DecodeRecent(&p.part, s, p.pos, k, h, end, p.queries, key, value, sc)
		if h == k*group { // who has its first head keeps it
			s.PutRecent(p.pos, k, key, value)
		}
		p.valuesOf(w, ln, l, m.value[k], p.pos, h, end, 0, g.ValueSize, out)
		h = end
	}
}

// nearOf returns key and value of key/value head k of token t as Store.Put takes them, valid until the next call.
func (p *pass) nearOf(u *up, l *layer, k, t int) (key, value []uint16) {
	g, turns := l.geo, l.lat.sight.Rope()
	x := sized(&u.keys, 2*g.KeySize+g.ValueSize)
	raw, own, v := x[:g.KeySize], x[g.KeySize:2*g.KeySize], x[2*g.KeySize:]
	copy(raw, p.k[(t*g.KVHeads+k)*g.KeySize:])
	copy(v, p.v[(t*g.KVHeads+k)*g.ValueSize:])
	p.readyKV(l, k, raw, v)
	turns.Reorder(own, raw)
	turns.Rotate(own, p.pos+t)
	half := sizedHalves(&u.near, g.KeySize+g.ValueSize)
	kernel.F32ToF16(half, x[g.KeySize:])
	return half[:g.KeySize], half[g.KeySize:]
}

// reachQueries makes this worker's share of token t's queries [heads, R+d] from the model's own, q.
func (p *pass) reachQueries(u *up, l *layer, t int, q []float32, w *pool.Worker) {
	m, g, turns := l.lat, l.geo, l.lat.sight.Rope()
	width, dims := m.r+g.KeySize, p.ropes[l.rope].Dims()
	lo, hi := w.Share(g.Heads)
	for h := lo; h < hi; h++ {
		head, dst := q[h*g.KeySize:][:g.KeySize], p.queries[h*width:][:width]
		if m.r > 0 {
			u.mul(dst, m.query[h/g.Group()], m.r, head, 1)
			rotatePairs(dst, m.blockPairs(h, g), p.tables[l.rope][t*dims:])
		}
		turns.Reorder(dst[m.r:], head)
		turns.Rotate(dst[m.r:], p.pos+t)
	}
}

// reachOut attends with token t's queries and writes what its heads found to out. It ends with a barrier.
func (p *pass) reachOut(w *pool.Worker, ln *lane, l *layer, s *attention.Store, t int, out []float32) {
	g, u, sc, pos := l.geo, &p.ups[w.ID], &p.scratch[w.ID], p.pos+t
	for {
		i, _, ok := w.Take(g.KVHeads+l.attn.Parts(pos), 1)
		if !ok {
			break
		}
		if i >= g.KVHeads {
			l.attn.Decode(&p.part, i-g.KVHeads, s, pos, p.queries, sc)
			continue
		}
		key, value := p.nearOf(u, l, i, t)
		l.attn.DecodeRecent(&p.part, s, pos, i, i*g.Group(), (i+1)*g.Group(), p.queries, key, value, sc)
		s.PutRecent(pos, i, key, value)
	}
	w.Barrier()
	p.valuesOne(w, ln, l, pos, out)
	w.Barrier()
}

// reachWide makes the queries of tokens lo … hi-1 for expanded keys.
func (p *pass) reachWide(u *up, l *layer, lo, hi int) {
	m, g, turns := l.lat, l.geo, l.lat.sight.Rope()
	width, own := m.wide.KeySize, m.wide.OwnOffset()
	p.projectQueries(u, l, lo, hi, m.r, width, own-m.r)
	for i := lo * g.Heads; i < hi*g.Heads; i++ {
		x := p.queries[i*width:][:width]
		turns.Reorder(x[own:], p.q[i*g.KeySize:][:g.KeySize])
		m.wide.FinishQuery(x, p.pos+i/g.Heads)
	}
}

// expandReach rebuilds n positions of one block's heads as they are seen from afar; see expandBlock.
func (p *pass) expandReach(u *up, l *layer, s, wide *attention.Store, b, from, n int) {
	m, g := l.lat, l.geo
	row, width := m.row(), m.wide.OwnOffset()
	rows := sized(&u.cached, n*row)
	keys, values := sized(&u.keys, n*width), sized(&u.values, n*g.ValueSize)
	s.Rows(rows, sizedHalves(&u.near, n*row), b, from, n)
	heads := g.KVHeads / m.blocks
	for k := b * heads; k < (b+1)*heads; k++ {
		m.sight.Expand(keys, width, k, rows[m.r:], row, n)
		u.product(m.value[k], g.ValueSize, n,
			func(i int) []float32 { return rows[i*row+m.r:] },
			func(i int) []float32 { return values[i*g.ValueSize:] })
		for i := range n {
			x := keys[i*width:][:width]
			copy(x[width-m.r:], rows[i*row:][:m.r])
			wide.AppendCompressed(from+i, k, x, values[i*g.ValueSize:][:g.ValueSize])
		}
	}
}

// keysOf returns how many of a block's l latent values keys are made of: a third of them, in whole vectors. RATIONALE.md has the
// figures.
func keysOf(g attn.Geometry, blocks, l int) int {
	return min((l/3+15)/16*16, l, g.KVHeads/blocks*g.KeySize)
}
