package engine

import (
	"fmt"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/pool"
	"github.com/latentgo/latentgo/quant"
)

// Compressed layers whose keys are in the latent without RoPE: near tokens are seen through expanded keys, far ones through
// rows, see attn.Reach.

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
			t, err := attn.NewTurns(r, h.phase)
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
func (m *latent) reach(l *layer, s latentShape, turns *attn.Turns) (err error) {
	g := l.geo
	var keys [][]uint16
	row, arranged := make([]float32, g.KeySize), make([]float32, g.KeySize*s.key)
	for _, q := range m.query {
		head := make([]float32, g.KeySize)
		for c := range s.key {
			q.Row(row, s.r+c)
			turns.Arrange(head, row)
			for j, v := range head {
				arranged[j*s.key+c] = v
			}
		}
		key := make([]uint16, len(arranged))
		quant.F32ToF16(key, arranged)
		keys = append(keys, key)
	}
	if m.sight, err = attn.NewReach(turns, s.near, g.KeySize, s.key, keys); err != nil {
		return err
	}
	if l.attn, err = attn.NewReaching(g.Heads, s.blocks, s.r, s.l, g.Window, m.sight); err != nil {
		return err
	}
	m.wide, err = l.attn.NewWide(g.ValueSize)
	return err
}

// reachMany is prefill; see latentMany. A few tokens are like as many decode steps.
func (p *pass) reachMany(w *pool.Worker, ln *lane, l *layer, s *attn.Store, lo, hi int) {
	g, u := l.geo, &p.ups[w.ID]
	nq, row := g.Heads*g.KeySize, p.private[w.ID].key[:l.lat.row()]
	for t := lo; t < hi; t++ {
		p.readyQuery(p.q[t*nq:][:nq], l, p.pos+t)
		for b := range l.lat.blocks {
			p.appendRow(u, l, s, b, t, row)
		}
	}
	w.Barrier()
	if p.stores == nil || p.widens(l, len(p.ids)) {
		p.reachWide(u, l, lo, hi)
		p.expand(w, u, l, s)
		w.Barrier()
		p.tiles(w, l.lat.wide, ln.att, p.wide[l.lat.wide.Geometry])
		return
	}
	no := g.Heads * g.ValueSize
	for t := range p.ids {
		p.reachQueries(u, w, l, t, p.q[t*nq:][:nq])
		if t == 0 {
			p.recall(w, l, s)
		}
		p.remember(w, l, s, t, func(b int) []float32 {
			s.Rows(row, b, p.pos+t, 1)
			return row
		})
		w.Barrier()
		p.reachOut(w, ln, l, s, t, ln.att[t*no:][:no])
	}
}

// reachOne is a decode step; see latentOne.
func (p *pass) reachOne(w *pool.Worker, ln *lane, l *layer, s *attn.Store) {
	m, u := l.lat, &p.ups[w.ID]
	q := ln.query[:l.geo.Heads*l.geo.KeySize]
	copy(q, p.q)
	p.readyQuery(q, l, p.pos)
	p.reachQueries(u, w, l, 0, q)
	if l.attn.Short(p.pos) && s.Missing() == p.pos {
		p.reachShort(w, ln, l, s)
		return
	}
	p.recall(w, l, s)
	row, half := ln.key[:m.row()], p.halves[w.ID]
	p.remember(w, l, s, 0, func(b int) []float32 { // all make the row, one appends it
		p.latentRow(u, l, b, 0, row)
		if b%w.N == w.ID {
			s.Append(p.pos, b, row, nil)
		}
		s.Rounded(row, half[:len(row)])
		return row
	})
	w.Barrier()
	out := p.mix[:l.geo.Heads*l.geo.ValueSize]
	p.reachOut(w, ln, l, s, 0, out)
	copy(ln.att, out)
}

// reachShort is the rest of a decode step in a short context: workers share out the heads, and each does all that its own
// need, so that none waits for another in between.
func (p *pass) reachShort(w *pool.Worker, ln *lane, l *layer, s *attn.Store) {
	m, g, u := l.lat, l.geo, &p.ups[w.ID]
	lo, hi := w.Share(g.Heads)
	row, width, half := m.row(), m.r+g.KeySize, p.halves[w.ID]
	rows := sized(&u.cached, m.blocks*row)
	for b := range m.blocks {
		x, heads := rows[b*row:][:row], g.Heads/m.blocks
		if mine := b%w.N == w.ID; mine || lo < (b+1)*heads && hi > b*heads {
			p.latentRow(u, l, b, 0, x)
			if mine {
				s.Append(p.pos, b, x, nil)
			}
			s.Rounded(x, half[:row])
		}
	}
	out := p.mix[:g.Heads*g.ValueSize]
	if lo < hi {
		group := g.Group()
		keys := sizedHalves(&u.near, g.KVHeads*width)
		for k := lo / group; k*group < hi; k++ {
			key := keys[k*width:][:width]
			l.attn.NearKey(key, p.pos, k, rows[k/(g.KVHeads/m.blocks)*row:][:row], sized(&u.keys, g.KeySize))
			if k*group >= lo { // who has its first head puts it
				s.Put(p.pos, k, key)
			}
		}
		mix := ln.mix[:(hi-lo)*m.l]
		l.attn.DecodeShort(mix, s, p.pos, lo, hi, p.queries, rows, keys, &p.scratch[w.ID])
		for h := lo; h < hi; {
			n := min(hi, (h/group+1)*group) - h
			u.mul(out[h*g.ValueSize:], m.value[h/group], g.ValueSize, mix[(h-lo)*m.l:][:n*m.l], n)
			h += n
		}
	}
	w.Barrier()
	copy(ln.att, out)
}

// reachQueries makes this worker's share of token t's queries [heads, R+d] from the model's own, q.
func (p *pass) reachQueries(u *up, w *pool.Worker, l *layer, t int, q []float32) {
	m, g, turns := l.lat, l.geo, l.lat.sight.Turns()
	width, dims := m.r+g.KeySize, p.ropes[l.rope].Dims()
	lo, hi := w.Share(g.Heads)
	for h := lo; h < hi; h++ {
		head, dst := q[h*g.KeySize:][:g.KeySize], p.queries[h*width:][:width]
		if m.r > 0 {
			u.mul(dst, m.query[h/g.Group()], m.r, head, 1)
			rotatePairs(dst, m.blockPairs(h, g), p.tables[l.rope][t*dims:])
		}
		turns.Arrange(dst[m.r:], head)
		turns.Rotate(dst[m.r:], p.pos+t)
	}
}

// remember puts this worker's share of token t's keys into the ring of near tokens; row returns the row of a block.
func (p *pass) remember(w *pool.Worker, l *layer, s *attn.Store, t int, row func(b int) []float32) {
	heads, pairs := l.geo.KVHeads/l.lat.blocks, (l.geo.KeySize+1)/2
	lo, hi := w.Share(l.geo.KVHeads * pairs)
	for b := range l.lat.blocks {
		from := row(b)
		for k := b * heads; k < (b+1)*heads; k++ {
			if p0, p1 := max(lo-k*pairs, 0), min(hi-k*pairs, pairs); p0 < p1 {
				s.Recall(p.pos+t, k, p0, p1, from, sized(&p.ups[w.ID].keys, l.geo.KeySize))
			}
		}
	}
}

// recall puts keys of tokens before p.pos that are missing into the ring: after a prompt.
func (p *pass) recall(w *pool.Worker, l *layer, s *attn.Store) {
	m, u := l.lat, &p.ups[w.ID]
	heads, pairs := l.geo.KVHeads/m.blocks, (l.geo.KeySize+1)/2
	for i := s.Missing() + w.ID; i < p.pos; i += w.N {
		row := sized(&u.cached, m.row())
		for b := range m.blocks {
			s.Rows(row, b, i, 1)
			for k := b * heads; k < (b+1)*heads; k++ {
				s.Recall(i, k, 0, pairs, row, sized(&u.keys, l.geo.KeySize))
			}
		}
	}
}

// reachOut attends with token t's queries and writes what its heads found to out. It ends with a barrier.
func (p *pass) reachOut(w *pool.Worker, ln *lane, l *layer, s *attn.Store, t int, out []float32) {
	for {
		i, _, ok := w.Take(l.attn.Parts(p.pos+t), 1)
		if !ok {
			break
		}
		l.attn.Decode(&p.part, i, s, p.pos+t, p.queries, &p.scratch[w.ID])
	}
	w.Barrier()
	p.valuesOne(w, &p.private[w.ID], l, p.pos+t, out)
	w.Barrier()
}

// reachWide makes the queries of tokens lo … hi-1 for expanded keys.
func (p *pass) reachWide(u *up, l *layer, lo, hi int) {
	m, g, turns := l.lat, l.geo, l.lat.sight.Turns()
	width, own := m.wide.KeySize, m.wide.Own()
	p.projectQueries(u, l, lo, hi, m.r, width, own-m.r)
	for i := lo * g.Heads; i < hi*g.Heads; i++ {
		x := p.queries[i*width:][:width]
		turns.Arrange(x[own:], p.q[i*g.KeySize:][:g.KeySize])
		m.wide.Widen(x, p.pos+i/g.Heads, true)
	}
}

// expandReach rebuilds n positions of one block's heads; see expandBlock.
func (p *pass) expandReach(u *up, l *layer, s, wide *attn.Store, b, from, n int) {
	m, g := l.lat, l.geo
	row, width, own := m.row(), m.wide.KeySize, m.wide.Own()
	rows := sized(&u.cached, n*row)
	keys, values := sized(&u.keys, n*width), sized(&u.values, n*g.ValueSize)
	s.Rows(rows, b, from, n)
	heads := g.KVHeads / m.blocks
	for k := b * heads; k < (b+1)*heads; k++ {
		m.sight.Expand(keys[own:], width, k, rows[m.r:], row, n)
		u.product(m.value[k], g.ValueSize, n,
			func(i int) []float32 { return rows[i*row+m.r:] },
			func(i int) []float32 { return values[i*g.ValueSize:] })
		for i := range n {
			x := keys[i*width:][:width]
			copy(x[own-m.r:], rows[i*row:][:m.r])
			m.wide.Widen(x, from+i, false)
			wide.Append(from+i, k, x, values[i*g.ValueSize:])
		}
	}
}

// keysOf returns how many of a block's l latent values keys are made of: half of them, of rows below a third of the model's
// two thirds, in whole vectors.
func keysOf(g attn.Geometry, blocks, l int) int {
	n := l / 2
	if 3*l*blocks < values(g) {
		n = 2 * l / 3
	}
	return min((n+15)/16*16, l, g.KVHeads/blocks*g.KeySize)
}
