package model

import (
	"fmt"

	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Compressed layers whose keys are in the latent without RoPE: recent tokens are seen as the model sees them, the
// others through rows, see attention.RecentWindow.

// buildRecent builds how a layer's heads see its rows, from the query matrices of its key/value heads.
func (c *compressed) buildRecent(s CompressedShape, rope *attention.BlockRope) (err error) {
	if err := c.checkPerKey(); err != nil {
		return err
	}
	g := c.geo
	var keys [][]uint16
	kept := rope.KeptSize(g.KeySize)
	row, head, arranged := make([]float32, g.KeySize), make([]float32, g.KeySize), make([]float32, kept*s.Keys)
	for _, q := range c.query {
		for j := range s.Keys {
			q.Row(row, s.R+j)
			rope.Reorder(head, row)
			for i, v := range head[g.KeySize-kept:] {
				arranged[i*s.Keys+j] = v
			}
		}
		key := make([]uint16, len(arranged))
		kernel.F32ToF16(key, arranged)
		keys = append(keys, key)
	}
	if c.recent, err = attention.NewRecentWindow(rope, s.Recent, g.KeySize, g.ValueSize, s.Keys, keys); err != nil {
		return err
	}
	if c.keyMean != nil {
		if err = c.recent.CarryMeans(c.keptMeans(rope)); err != nil {
			return err
		}
	}
	if c.attn, err = attention.NewCompressed(g.Heads, s.Blocks, s.R, s.L, g.Window, c.recent); err != nil {
		return fmt.Errorf("rows: %w", err)
	}
	c.attn.SetSoftmax(c.softmax)
	c.expanded, err = c.attn.NewExpanded()
	return err
}

// keptMeans returns the means of keys as compressed tokens are seen: per head, in the order of rope.
func (c *compressed) keptMeans(rope *attention.BlockRope) [][]float32 {
	d := c.geo.KeySize
	out := make([][]float32, c.geo.KVHeads)
	for k := range out {
		head := make([]float32, d)
		rope.Reorder(head, c.keyMean[k*d:][:d])
		out[k] = head[d-rope.KeptSize(d):]
	}
	return out
}

// recentOne is a decode step; see latent.attendOne.
func (c *compressed) recentOne(p *pass, w *worker, l *Layer) {
	g, seg := c.geo, &p.segments[0]
	s := seg.store(l)
	q := w.query[:g.Heads*g.KeySize]
	copy(q, p.q)
	c.unrotatedQuery(p, q, p.table(c.spec.Rope, 0), seg.pos)
	c.recentQueries(p, w, s, 0, q)
	due, short := c.dueRows(p, w, seg, s), c.attn.OnePart(seg.pos)
	if due || !short {
		w.Barrier()
	}
	out := p.sums[:g.Heads*g.ValueSize]
	if short {
		c.recentShort(p, w, seg, s, out)
		w.Barrier()
	} else {
		c.recentOut(p, w, seg, s, 0, out)
	}
	copy(w.heads, out)
}

// recentMany attends with all rows of a batch, segment by segment. Few tokens are like as many decode steps.
func (c *compressed) recentMany(p *pass, w *worker, l *Layer) {
	nq := c.geo.Heads * c.geo.KeySize
	for t := w.lo; t < w.hi; t++ {
		c.unrotatedQuery(p, p.q[t*nq:][:nq], p.table(c.spec.Rope, t), p.pos[t])
	}
	for i := range p.segments {
		seg := &p.segments[i]
		s := seg.store(l)
		c.dueRows(p, w, seg, s)
		if p.alwaysExpand || c.recentExpands(seg) {
			c.attendExpanded(p, w, seg, s)
		} else {
			c.attendRecent(p, w, seg, s)
		}
	}
}

// attendRecent lets each token of a segment attend as a decode step does. It ends with a barrier.
func (c *compressed) attendRecent(p *pass, w *worker, seg *segment, s *attention.Store) {
	nq, no := c.geo.Heads*c.geo.KeySize, c.geo.Heads*c.geo.ValueSize
	w.Barrier()
	for t := seg.at; t < seg.at+seg.n; t++ {
		c.recentQueries(p, w, s, t, p.q[t*nq:][:nq])
		w.Barrier()
		c.recentOut(p, w, seg, s, t, w.heads[t*no:][:no])
	}
}

// attendExpanded lets a segment attend over expanded keys and values, and keeps the newest tokens for the recent
// window. It ends with a barrier.
func (c *compressed) attendExpanded(p *pass, w *worker, seg *segment, s *attention.Store) {
	g, wide := c.geo, p.expanded[shapeOf(c.expanded)]
	lo, hi := max(w.lo, seg.at), min(w.hi, seg.at+seg.n)
	if lo < hi {
		c.wideQueries(p, w, s, lo, hi)
	}
	for t := lo; t < hi; t++ {
		for k := range g.KVHeads {
			key, value := c.recentKV(p, w, s, k, t)
			wide.AppendRecent(p.pos[t], k, key, value)
		}
	}
	for i := c.attn.RecentStart(seg.pos) + w.ID; i < seg.pos; i += w.N {
		for k := range g.KVHeads {
			wide.CopyRecent(s, i, k)
		}
	}
	w.Barrier()
	from, last := c.expandFrom(seg), seg.pos+seg.n
	c.expand(w, from, max(c.attn.CompressedEnd(last-1)-from, 0), func(b, at, n int) { c.expandRecent(w, s, wide, b, at, n) })
	w.Barrier()
	p.tiles(w, c.expanded, wide, seg, p.queries, w.heads)
	for i := s.FirstKept(seg.pos, seg.n) + w.ID; i < last; i += w.N {
		for k := range g.KVHeads {
			s.KeepRecent(wide, i, k)
		}
	}
	w.Barrier()
}

// recentExpands is latent.expands; recent tokens need no expansion.
func (c *compressed) recentExpands(seg *segment) bool {
	return c.attn.CompressedEnd(seg.pos+seg.n-1) == 0 || c.saves(seg.n, c.geo, c.expanded.OwnOffset())
}

// dueRows makes this worker's share of the rows of tokens that leave the recent window in this pass, and reports
// whether there are any. In decode they are 32 at a time: the encoder is read once for all of them, and never in the
// first steps.
func (c *compressed) dueRows(p *pass, w *worker, seg *segment, s *attention.Store) bool {
	from, to := s.Due(seg.pos, seg.n)
	if from >= to {
		return false
	}
	lo, hi := w.Share(to - from)
	for ; lo < hi; lo += productRows {
		for b := range c.blocks {
			c.encodeRows(p, w, seg, s, b, from+lo, min(productRows, hi-lo))
		}
	}
	return true
}

// encodeRows makes and caches n rows of block b from position from on. Tokens before the segment are in the recent
// window.
func (c *compressed) encodeRows(p *pass, w *worker, seg *segment, s *attention.Store, b, from, n int) {
	g, u := c.geo, &w.small
	heads, row := g.KVHeads/c.blocks, c.rowSize()
	nk, nz := heads*g.KeySize, heads*(g.KeySize+g.ValueSize)
	z, rows, arranged := sized(&u.rows, n*nz), sized(&u.values, n*row), sized(&u.keys, g.KeySize)
	for i := range n {
		x := z[i*nz:][:nz]
		if t := from + i - seg.pos; t >= 0 {
			copy(x, c.keysValues(p, w, b, seg.at+t))
			continue
		}
		for k := range heads {
			s.Recent(x[k*g.KeySize:][:g.KeySize], x[nk+k*g.ValueSize:][:g.ValueSize], arranged, from+i, b*heads+k)
		}
		c.centre(b, x[:nk])
	}
	u.mul(rows, c.encodeKV[b], row, z, n)
	rope := p.ropes[c.spec.Rope].of(seg.seq)
	table, half := sized(&u.in, rope.Dims()), sizedHalves(&u.halves, row)
	for i := range n {
		x := rows[i*row:][:row]
		if c.r > 0 {
			rope.Table(table, from+i)
			rotatePairs(x, c.blockPairs(b), table)
		}
		s.AppendRow(from+i, b, x, half)
	}
}

// recentShort is the rest of a decode step with few compressed tokens: workers share out the heads, and each does all
// that its own need, so that none waits for another in between.
func (c *compressed) recentShort(p *pass, w *worker, seg *segment, s *attention.Store, out []float32) {
	g, group := c.geo, c.geo.Group()
	lo, hi := w.Share(g.Heads)
	if lo == hi {
		return
	}
	c.attn.DecodeCompressed(&p.part, s, seg.pos, lo, hi, p.queries, &w.scratch)
	for h := lo; h < hi; {
		k := h / group
		end := min(hi, (k+1)*group)
		key, value := c.recentKV(p, w, s, k, 0)
		c.attn.DecodeRecent(&p.part, s, seg.pos, k, h, end, p.queries, key, value, &w.scratch)
		if h == k*group { // who has its first head keeps it
			s.PutRecent(seg.pos, k, key, value, nil)
		}
		c.recentValues(p, w, c.value[k], seg.pos, h, end, 0, g.ValueSize, out)
		h = end
	}
}

// recentKV returns key and value of key/value head k of row t as Store.PutRecent takes them, valid until the next call.
func (c *compressed) recentKV(p *pass, w *worker, s *attention.Store, k, t int) (key, value []uint16) {
	g, rope := c.geo, s.Rope()
	x := sized(&w.small.keys, 2*g.KeySize+g.ValueSize)
	raw, own, v := x[:g.KeySize], x[g.KeySize:2*g.KeySize], x[2*g.KeySize:]
	copy(raw, p.k[(t*g.KVHeads+k)*g.KeySize:])
	copy(v, p.v[(t*g.KVHeads+k)*g.ValueSize:])
	c.unrotatedKV(k, raw, v)
	rope.Reorder(own, raw)
	rope.Rotate(own, p.pos[t])
	half := sizedHalves(&w.small.halves, g.KeySize+g.ValueSize)
	kernel.F32ToF16(half, x[g.KeySize:])
	return half[:g.KeySize], half[g.KeySize:]
}

// recentQueries makes this worker's share of row t's queries [heads, R+d] from the model's own, q.
func (c *compressed) recentQueries(p *pass, w *worker, s *attention.Store, t int, q []float32) {
	g, rope := c.geo, s.Rope()
	width := c.r + g.KeySize
	lo, hi := w.Share(g.Heads)
	for h := lo; h < hi; h++ {
		head, dst := q[h*g.KeySize:][:g.KeySize], p.queries[h*width:][:width]
		if c.r > 0 {
			w.small.mul(dst, c.query[h/g.Group()], c.r, head, 1)
			rotatePairs(dst, c.blockPairs(c.block(h)), p.table(c.spec.Rope, t))
		}
		rope.Reorder(dst[c.r:], head)
		rope.Rotate(dst[c.r:], p.pos[t])
	}
}

// recentOut attends with row t's queries and writes what its heads found to out. It ends with a barrier.
func (c *compressed) recentOut(p *pass, w *worker, seg *segment, s *attention.Store, t int, out []float32) {
	g, pos := c.geo, p.pos[t]
	for {
		i, _, ok := w.Take(g.KVHeads+c.attn.Parts(pos), 1)
		if !ok {
			break
		}
		if i >= g.KVHeads {
			c.attn.Decode(&p.part, i-g.KVHeads, s, pos, p.queries, &w.scratch)
			continue
		}
		key, value := c.recentKV(p, w, s, i, t)
		c.attn.DecodeRecent(&p.part, s, pos, i, i*g.Group(), (i+1)*g.Group(), p.queries, key, value, &w.scratch)
		s.PutRecent(pos, i, key, value, nil)
	}
	w.Barrier()
	heads := g.Heads / len(c.value)
	lo, hi := w.Share(len(c.value) * g.ValueSize)
	for i, m := range c.value {
		if r0, r1 := max(lo-i*g.ValueSize, 0), min(hi-i*g.ValueSize, g.ValueSize); r0 < r1 {
			c.recentValues(p, w, m, pos, i*heads, (i+1)*heads, r0, r1, out)
		}
	}
	w.Barrier()
}

// recentValues is latent.valuesOf, and adds what recent tokens give.
func (c *compressed) recentValues(p *pass, w *worker, m *kernel.Matrix, pos, h0, h1, r0, r1 int, out []float32) {
	c.valuesOf(p, w, c.attn, m, pos, h0, h1, r0, r1, out)
	for h := h0; h < h1; h++ {
		c.attn.AddRecent(out[h*c.geo.ValueSize+r0:], &p.part, pos, h, r0, r1, &w.scratch)
	}
}

// wideQueries makes the queries of rows lo … hi-1 for expanded keys.
func (c *compressed) wideQueries(p *pass, w *worker, s *attention.Store, lo, hi int) {
	g, rope := c.geo, s.Rope()
	width, own := c.expanded.KeySize, c.expanded.OwnOffset()
	c.projectQueries(p, w, lo, hi, c.r, width, own-c.r)
	for i := lo * g.Heads; i < hi*g.Heads; i++ {
		x := p.queries[i*width:][:width]
		rope.Reorder(x[own:], p.q[i*g.KeySize:][:g.KeySize])
		c.expanded.FinishQuery(rope, x, p.pos[i/g.Heads])
	}
}

// expandRecent rebuilds n positions of one block's heads as later tokens see them; see latent.expandBlock.
func (c *compressed) expandRecent(w *worker, s, wide *attention.Store, b, from, n int) {
	g, u := c.geo, &w.small
	row, width := c.rowSize(), c.expanded.OwnOffset()
	rows := sized(&u.rows, n*row)
	keys, values := sized(&u.keys, n*width), sized(&u.values, n*g.ValueSize)
	s.Rows(rows, sizedHalves(&u.halves, n*row), b, from, n)
	heads := g.KVHeads / c.blocks
	for k := b * heads; k < (b+1)*heads; k++ {
		c.recent.Expand(keys, width, k, rows[c.r:], row, n)
		u.gather(c.value[k], g.ValueSize, n,
			func(i int) []float32 { return rows[i*row+c.r:] },
			func(i int) []float32 { return values[i*g.ValueSize:] })
		for i := range n {
			x := keys[i*width:][:width]
			copy(x[width-c.r:], rows[i*row:][:c.r])
			wide.AppendCompressed(s.Rope(), from+i, k, x, values[i*g.ValueSize:][:g.ValueSize])
		}
	}
}
