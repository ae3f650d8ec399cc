package engine

import (
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/pool"
)

// Attention of layers with DeepSeek's own form. It differs from that of compressed layers (latentOne, latentMany) in where
// rows and queries come from.

// raiseQueries computes the queries from their low-rank form in p.q.
func (p *pass) raiseQueries(w *pool.Worker, ln *lane, l *layer, lo, hi int) {
	d := l.lat.native
	rank := d.qA.Rows
	for t := lo; t < hi; t++ {
		norm(ln.low[t*rank:][:rank], p.q[t*rank:][:rank], d.qNorm, p.h.eps)
	}
	p.quantize(w, &ln.lowIn, d.forms, lo, hi)
	if p.single() {
		w.Barrier() // all have read p.q
	}
	p.project(w, &ln.lowIn, projection{l.q, p.q})
	w.Barrier()
}

// nativeQueries computes the query heads' rows, p.queries, shared out by head.
func (p *pass) nativeQueries(w *pool.Worker, l *layer) {
	g, u := l.geo, &p.ups[w.ID]
	f := p.h.scale * p.temperature(p.pos)
	lo, hi := w.Share(g.Heads)
	for h := lo; h < hi; h++ {
		scale(p.q[h*g.KeySize:][:g.KeySize], f)
		p.nativeRow(u, l, 0, h, 1)
	}
}

// appendNative caches token t's row; row is scratch.
func (p *pass) appendNative(l *layer, s *attention.Store, t int, row []float32) {
	m := l.lat
	from := p.k[t*len(row):][:len(row)]
	copy(row, from[m.l:])
	p.ropes[l.rope].Rotate(row, p.tables[l.rope][t*m.r:])
	norm(row[m.r:], from[:m.l], m.native.kvNorm, p.h.eps)
	s.Append(p.pos+t, 0, row, nil)
}

// nativeRow writes to p.queries head h's queries for cached rows of n tokens from t on.
func (p *pass) nativeRow(u *up, l *layer, t, h, n int) {
	m, g, row := l.lat, l.geo, l.attn.KeySize
	at := func(i, size int) int { return ((t+i)*g.Heads + h) * size }
	u.product(m.query[h], m.l, n,
		func(i int) []float32 { return p.q[at(i, g.KeySize):] },
		func(i int) []float32 { return p.queries[at(i, row)+m.r:] })
	for i := range n {
		p.rotateTail(p.queries[at(i, row):], p.q[at(i, g.KeySize):][:g.KeySize], l, t+i)
	}
}

// rotateTail writes the rotated end of token t's query q to the front of dst.
func (p *pass) rotateTail(dst, q []float32, l *layer, t int) {
	r := l.lat.r
	copy(dst[:r], q[len(q)-r:])
	p.ropes[l.rope].Rotate(dst[:r], p.tables[l.rope][t*r:])
}

// nativeRows is rowQueries: queries of tokens lo … hi-1 for cached rows.
func (p *pass) nativeRows(u *up, l *layer, lo, hi int) {
	for h := range l.geo.Heads {
		p.nativeRow(u, l, lo, h, hi-lo)
	}
}

// nativeWide is wideQueries: [rotated | without position] for expanded keys.
func (p *pass) nativeWide(l *layer, lo, hi int) {
	g, r := l.geo, l.lat.r
	for i := lo * g.Heads; i < hi*g.Heads; i++ {
		q, dst := p.q[i*g.KeySize:][:g.KeySize], p.queries[i*g.KeySize:][:g.KeySize]
		p.rotateTail(dst, q, l, i/g.Heads)
		copy(dst[r:], q)
	}
}
