package engine

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/latentgo/latentgo/internal/pool"
)

// Attention of compressed layers. Decode is in the absorbed form: the query heads are projected to rows, attend to the cache
// itself, and the value up-projection follows. Prefill expands the cached rows to keys and values first when there are
// enough tokens to pay for it.

// up is one worker's scratch for products with the small matrices of compressed layers.
type up struct {
	in, out              []float32
	cached, keys, values []float32 // for expand
	near                 []uint16  // for nearOf
	act                  kernel.Act
}

// upRows is how many rows up-projections take at a time.
const upRows = 64

// product computes dst(i)[:rows] = rows r0 … r0+rows-1 of m · src(i) for i < n. src and dst return slices of the widths.
func (u *up) product(m *kernel.Matrix, rows, n int, src, dst func(i int) []float32) {
	for at := 0; at < n; at += upRows {
		k := min(upRows, n-at)
		in, out := sized(&u.in, k*m.Cols), sized(&u.out, k*rows)
		for i := range k {
			copy(in[i*m.Cols:][:m.Cols], src(at+i))
		}
		u.mul(out, m, rows, in, k)
		for i := range k {
			copy(dst(at + i)[:rows], out[i*rows:])
		}
	}
}

// mul computes n products of the first rows of m with consecutive inputs.
func (u *up) mul(dst []float32, m *kernel.Matrix, rows int, in []float32, n int) {
	u.act.Reset(in, n, m.Cols)
	u.act.Quantize(m.ActType(), 0, n)
	m.Mul(dst, rows, &u.act, 0, rows)
}

// rows computes rows r0 … r1-1 of n products of m with consecutive inputs.
func (u *up) rows(dst []float32, m *kernel.Matrix, r0, r1 int, in []float32, n int) {
	u.act.Reset(in, n, m.Cols)
	u.act.Quantize(m.ActType(), 0, n)
	m.Mul(dst, m.Rows, &u.act, r0, r1)
}

// sized returns *buf with length n, grown when it is too small.
func sized(buf *[]float32, n int) []float32 {
	if cap(*buf) < n {
		*buf = make([]float32, n)
	}
	return (*buf)[:n]
}

// sizedHalves is sized for half floats.
func sizedHalves(buf *[]uint16, n int) []uint16 {
	if cap(*buf) < n {
		*buf = make([]uint16, n)
	}
	return (*buf)[:n]
}

// rotatePairs rotates consecutive pairs of x by the angles of the RoPE pairs named.
func rotatePairs(x []float32, pairs []int32, table []float32) {
	x = x[:2*len(pairs)]
	for i, p := range pairs {
		c, s := table[2*p], table[2*p+1]
		a, b := x[2*i], x[2*i+1]
		x[2*i], x[2*i+1] = a*c-b*s, a*s+b*c
	}
}

// attendLatent attends with compressed rows. Biases, norms, RoPE and caching are done here, from the projections in p.q and
// p.k (rows, or keys with values in p.v).
func (p *pass) attendLatent(w *pool.Worker, ln *lane, l *layer, s *attention.Store, lo, hi int) {
	native := l.lat.native
	if native != nil && native.qA.Matrix != nil {
		p.raiseQueries(w, ln, l, lo, hi)
	}
	switch {
	case l.lat.sight != nil && p.single():
		p.reachOne(w, ln, l, s)
	case l.lat.sight != nil:
		p.reachMany(w, ln, l, s, lo, hi)
	case p.single():
		p.latentOne(w, ln, l, s)
	default:
		p.latentMany(w, ln, l, s, lo, hi)
	}
}

// latentOne is a decode step; see attendOne. The workers share out the rows of the up-projections as they do cached
// positions: all four kinds of work are long beside a barrier.
func (p *pass) latentOne(w *pool.Worker, ln *lane, l *layer, s *attention.Store) {
	m, a, u := l.lat, l.attn, &p.ups[w.ID]
	for {
		b, _, ok := w.Take(m.blocks, 1)
		if !ok {
			break
		}
		p.appendRow(u, l, s, b, 0, ln.key[:m.row()])
	}
	if m.native != nil {
		p.nativeQueries(w, l)
	} else {
		p.queriesOne(w, ln, l)
	}
	w.Barrier()
	a.PrepareQueries(&p.scratch[w.ID], s, p.queries)
	for {
		i, _, ok := w.Take(a.Parts(p.pos), 1)
		if !ok {
			break
		}
		a.Decode(&p.part, i, s, p.pos, p.queries, &p.scratch[w.ID])
	}
	w.Barrier()
	out := p.mix[:l.geo.Heads*l.geo.ValueSize]
	p.valuesOne(w, ln, l, p.pos, out)
	w.Barrier()
	copy(ln.att, out)
}

// queriesOne computes this worker's share of the query heads' rows, p.queries.
func (p *pass) queriesOne(w *pool.Worker, ln *lane, l *layer) {
	m, g, row := l.lat, l.geo, l.attn.KeySize
	q := ln.query[:g.Heads*g.KeySize]
	copy(q, p.q)
	p.readyQuery(q, l, p.pos)
	heads := g.Heads / len(m.query)
	lo, hi := w.Share(len(m.query) * row / 2)
	for i, t := range m.query {
		r0, r1 := max(2*lo-i*row, 0), min(2*hi-i*row, row) // even, so that pairs stay together
		if r0 >= r1 {
			continue
		}
		dst := p.queries[i*heads*row:][:heads*row]
		p.ups[w.ID].rows(dst, t, r0, r1, q[i*heads*g.KeySize:], heads)
		for h := range heads {
			p0, p1 := min(r0, m.r)/2, min(r1, m.r)/2
			rotatePairs(dst[h*row+2*p0:], m.blockPairs(i*heads+h, g)[p0:p1], p.tables[l.rope])
		}
	}
}

// valuesOne computes this worker's share of the heads' outputs for the token at pos.
func (p *pass) valuesOne(w *pool.Worker, ln *lane, l *layer, pos int, out []float32) {
	m, v := l.lat, l.geo.ValueSize
	heads := l.geo.Heads / len(m.value)
	lo, hi := w.Share(len(m.value) * v)
	for i, t := range m.value {
		if r0, r1 := max(lo-i*v, 0), min(hi-i*v, v); r0 < r1 {
			p.valuesOf(w, ln, l, t, pos, i*heads, (i+1)*heads, r0, r1, out)
		}
	}
}

// valuesOf computes values r0 … r1-1 of query heads h0 … h1-1, which share up-projection t, for the token at pos: what the parts found
// is combined and raised, and near tokens are added.
func (p *pass) valuesOf(w *pool.Worker, ln *lane, l *layer, t *kernel.Matrix, pos, h0, h1, r0, r1 int, out []float32) {
	v, sc := l.geo.ValueSize, &p.scratch[w.ID]
	if l.attn.CompressedTokens(pos) > 0 {
		mix := ln.mix[:(h1-h0)*l.lat.l]
		l.attn.Combine(mix, &p.part, pos, h0, h1, sc)
		p.ups[w.ID].rows(out[h0*v:h1*v], t, r0, r1, mix, h1-h0)
	} else {
		for h := h0; h < h1; h++ {
			clear(out[h*v:][r0:r1])
		}
	}
	for h := h0; l.lat.sight != nil && h < h1; h++ {
		l.attn.AddRecent(out[h*v+r0:], &p.part, pos, h, r0, r1, sc)
	}
}

// blockPairs returns the RoPE pairs of the block that query head h belongs to.
func (m *latent) blockPairs(h int, g attn.Geometry) []int32 {
	b := h / (g.Heads / m.blocks)
	return m.pairs[b*m.r/2:][:m.r/2]
}

// appendRow caches token t's row of block b; row is scratch.
func (p *pass) appendRow(u *up, l *layer, s *attention.Store, b, t int, row []float32) {
	if l.lat.native != nil {
		p.appendNative(l, s, t, row)
		return
	}
	p.latentRow(u, l, b, t, row)
	s.Append(p.pos+t, b, row, nil)
}

// latentRow makes token t's row of block b.
func (p *pass) latentRow(u *up, l *layer, b, t int, row []float32) {
	m, g, n := l.lat, l.geo, len(row)
	if m.encKV == nil {
		copy(row, p.k[(t*m.blocks+b)*n:][:n])
		if m.encBias != nil {
			addBias(row, m.encBias[b*n:][:n], 0, 1)
		}
	} else {
		u.mul(row, m.encKV[b], n, p.keysValues(u, l, b, t), 1)
	}
	dims := p.ropes[l.rope].Dims()
	rotatePairs(row, m.blockPairs(b*(g.Heads/m.blocks), g), p.tables[l.rope][t*dims:])
}

// keysValues returns [keys | values] of block b's heads of token t, with biases and norm, before RoPE.
func (p *pass) keysValues(u *up, l *layer, b, t int) []float32 {
	g := l.geo
	heads := g.KVHeads / l.lat.blocks
	z := sized(&u.in, heads*(g.KeySize+g.ValueSize))
	keys, values := z[:heads*g.KeySize], z[heads*g.KeySize:]
	copy(keys, p.k[(t*g.KVHeads+b*heads)*g.KeySize:])
	copy(values, p.v[(t*g.KVHeads+b*heads)*g.ValueSize:])
	for i := range heads {
		p.readyKV(l, b*heads+i, keys[i*g.KeySize:][:g.KeySize], values[i*g.ValueSize:][:g.ValueSize])
	}
	return z
}

// latentMany is prefill; see attendMany.
func (p *pass) latentMany(w *pool.Worker, ln *lane, l *layer, s *attention.Store, lo, hi int) {
	m, g, u := l.lat, l.geo, &p.ups[w.ID]
	nq := g.Heads * g.KeySize
	row := p.private[w.ID].key[:m.row()]
	for t := lo; t < hi; t++ {
		p.readyQuery(p.q[t*nq:][:nq], l, p.pos+t)
		for b := range m.blocks {
			p.appendRow(u, l, s, b, t, row)
		}
	}
	w.Barrier()
	n := len(p.ids)
	if p.widens(l, n) {
		p.wideQueries(u, l, lo, hi)
		p.expand(w, u, l, s)
		w.Barrier()
		p.tiles(w, m.wide, ln.att, p.wide[wideOf(l)])
		return
	}
	p.rowQueries(u, l, lo, hi)
	w.Barrier()
	p.tiles(w, l.attn, p.mix, s)
	group := g.Heads / len(m.value)
	for k, v := range m.value {
		at := func(i, size int) int { return ((lo+i/group)*g.Heads + k*group + i%group) * size }
		u.product(v, g.ValueSize, (hi-lo)*group,
			func(i int) []float32 { return p.mix[at(i, m.l):] },
			func(i int) []float32 { return ln.att[at(i, g.ValueSize):] })
	}
}

// tiles attends with all tokens' queries in p.queries and ends with a barrier.
func (p *pass) tiles(w *pool.Worker, a *attention.Layer, out []float32, s *attention.Store) {
	for {
		i, _, ok := w.Take(a.Tiles(p.pos, len(p.ids)), 1)
		if !ok {
			break
		}
		a.Prefill(out, i, s, p.pos, len(p.ids), p.queries, &p.scratch[w.ID])
	}
	w.Barrier()
}

// widens reports whether n tokens are cheaper in the expanded form: each saves on every cached position and query head what
// rows are wider than keys and values; a position costs an expansion. Near tokens of a layer with a Reach need none.
func (p *pass) widens(l *layer, n int) bool {
	m, g := l.lat, l.geo
	key := m.wide.KeySize
	if m.sight != nil {
		if l.attn.CompressedTokens(p.pos+n-1) == 0 {
			return true
		}
		key = m.wide.OwnOffset()
	}
	saved := n * g.Heads * (l.attn.KeySize + m.l - key - g.ValueSize)
	return saved > m.wide.KVHeads*(m.keys*(key-m.r)+m.l*g.ValueSize)
}

// rowQueries projects the queries of tokens lo … hi-1 to rows and rotates them.
func (p *pass) rowQueries(u *up, l *layer, lo, hi int) {
	if l.lat.native != nil {
		p.nativeRows(u, l, lo, hi)
		return
	}
	p.projectQueries(u, l, lo, hi, l.attn.KeySize, l.attn.KeySize, 0)
}

// wideQueries makes the queries of the expanded form: [R rotated | the model's query].
func (p *pass) wideQueries(u *up, l *layer, lo, hi int) {
	if l.lat.native != nil {
		p.nativeWide(l, lo, hi)
		return
	}
	g, r, width := l.geo, l.lat.r, l.lat.wide.KeySize
	p.projectQueries(u, l, lo, hi, r, width, 0)
	for i := lo * g.Heads; i < hi*g.Heads; i++ {
		copy(p.queries[i*width+r:][:g.KeySize], p.q[i*g.KeySize:])
	}
}

// projectQueries writes the first n values of each query head's row, rotated, width apart from column col on.
func (p *pass) projectQueries(u *up, l *layer, lo, hi, n, width, col int) {
	m, g := l.lat, l.geo
	group, dims := g.Heads/len(m.query), p.ropes[l.rope].Dims()
	if n == 0 {
		return
	}
	for k, t := range m.query {
		at := func(i, size int) int { return ((lo+i/group)*g.Heads + k*group + i%group) * size }
		u.product(t, n, (hi-lo)*group,
			func(i int) []float32 { return p.q[at(i, g.KeySize):] },
			func(i int) []float32 { return p.queries[at(i, width)+col:] })
		for i := range (hi - lo) * group {
			rotatePairs(p.queries[at(i, width)+col:], m.blockPairs(k*group, g), p.tables[l.rope][(lo+i/group)*dims:])
		}
	}
}

// expand rebuilds keys and values of all positions that the pass attends to, in pieces shared out among the workers.
func (p *pass) expand(w *pool.Worker, u *up, l *layer, s *attention.Store) {
	m, g := l.lat, l.geo
	from := 0
	if g.Window > 0 {
		from = max(0, p.pos+1-g.Window)
	}
	n := p.pos + len(p.ids) - from
	if m.sight != nil {
		n = max(l.attn.CompressedEnd(p.pos+len(p.ids)-1)-from, 0)
	}
	wide := p.wide[wideOf(l)]
	for {
		lo, hi, ok := w.Take(n, upRows)
		if !ok {
			return
		}
		for b := range m.blocks {
			if m.sight != nil {
				p.expandReach(u, l, s, wide, b, from+lo, hi-lo)
			} else {
				p.expandBlock(u, l, s, wide, b, from+lo, hi-lo)
			}
		}
	}
}

// expandBlock rebuilds n positions of one block's heads.
func (p *pass) expandBlock(u *up, l *layer, s, wide *attention.Store, b, from, n int) {
	m, g := l.lat, l.geo
	row, width := l.attn.KeySize, m.wide.KeySize
	rows := sized(&u.cached, n*row)
	keys, values := sized(&u.keys, n*width), sized(&u.values, n*g.ValueSize)
	s.Rows(rows, nil, b, from, n)
	heads := m.wide.KVHeads / m.blocks
	for k := b * heads; k < (b+1)*heads; k++ {
		latent := func(i int) []float32 { return rows[i*row+m.r:][:m.l] }
		key, value := m.key[k*len(m.key)/m.wide.KVHeads], m.value[k*len(m.value)/m.wide.KVHeads]
		u.product(key, key.Rows, n, latent, func(i int) []float32 { return keys[i*width+m.r:] })
		u.product(value, g.ValueSize, n, latent, func(i int) []float32 { return values[i*g.ValueSize:] })
		for i := range n {
			copy(keys[i*width:][:m.r], rows[i*row:])
			wide.Append(from+i, k, keys[i*width:][:width], values[i*g.ValueSize:])
		}
	}
}
