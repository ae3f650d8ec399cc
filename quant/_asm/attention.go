package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// maxQueries is how many query rows share each converted row of the cache.
const maxQueries = 4

// buildAttention writes the two products of attention with a half-precision cache, for 1 to 4 query rows at each level.
// At AVX2 d is a multiple of 8; at AVX512 a mask takes care of any d.
func buildAttention(g *gen) {
	for _, l := range []level{avx2, avx512} {
		for nq := 1; nq <= maxQueries; nq++ {
			for _, e := range []element{elemF16, elemBF16, elemF32} {
				g.scores(l, e, nq)
			}
			g.mix(l, nq)
		}
	}
}

// matrix addresses up to four rows in memory that lie a stride apart.
type matrix struct {
	p, stride, stride3 reg.GPVirtual
}

// matrixArg loads a pointer and a stride in elements of 1<<shift bytes. rows is how many rows are addressed together.
func (g *gen) matrixArg(p, stride string, shift uint64, rows int) matrix {
	m := matrix{p: g.arg(p), stride: g.bytesArg(stride, shift)}
	if rows > 3 {
		m.stride3 = g.times3(m.stride)
	}
	return m
}

// row addresses row i.
func (m matrix) row(i int) operand.Mem { return rowPtr(m.p, m.stride, m.stride3, i) }

// element is a type of matrix elements that are multiplied as floats.
type element struct {
	name  string
	bytes int
	load  func(g *gen, m operand.Mem, k *mask, v reg.VecVirtual) // load a vector's worth of them to v
}

var (
	elemF16  = element{"F16", 2, (*gen).loadF16}
	elemBF16 = element{"BF16", 2, (*gen).loadBF16}
	elemF32  = element{"F32", 4, (*gen).load}
)

// scores writes dst[i,j] = Σ_c q[i,c]·k[j,c] for nq rows of q. A tile of nq × nk sums stays in registers: every vector of
// k is converted once and used nq times, every vector of q is loaded once and used nk times.
func (g *gen) scores(l level, e element, nq int) {
	g.fn(l, fmt.Sprintf("scores%sx%d", e.name, nq), "(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)",
		fmt.Sprintf("computes dst[i*ldd+j] = Σ q[i*ldq+c]·k[j,c] over c < d, for i < %d and j < n, k[j] of type %s", nq, e.name),
		"stride bytes behind k[j-1]; scoresGeneric and mulFloat are its twins.")
	nk := 2
	if l.wide() {
		nk = 4
	}
	s := &scoreGen{gen: g, element: e, nq: nq}
	s.q, s.k = g.matrixArg("q", "ldq", 2, nq), g.matrixArg("k", "stride", 0, nk)
	s.dst, s.ldd = g.arg("dst"), g.bytesArg("ldd", 2)
	n := g.arg("n")
	if l.wide() {
		s.mask = g.tailMask(g.arg("d"))
	}
	g.while(n, uint64(nk), "rows", func() { s.tile(nk) })
	if nk > 1 {
		g.while(n, 1, "row", func() { s.tile(1) })
	}
	g.done()
}

// scoreGen is what the tiles of scores share.
type scoreGen struct {
	*gen
	element
	nq       int
	q, k     matrix
	dst, ldd reg.GPVirtual
	mask     *mask // of the last columns at AVX-512
}

// tile computes nq × nk sums and advances k and dst by nk rows.
func (s *scoreGen) tile(nk int) {
	acc := make([][]reg.VecVirtual, s.nq)
	for i := range acc {
		acc[i] = s.vecs(nk)
		s.zero(acc[i]...)
	}
	pk, pq := s.k, s.q
	pk.p, pq.p = s.copyOf(s.k.p), s.copyOf(s.q.p)
	cols := s.arg("d")
	s.while(cols, uint64(s.lanes()), "cols", func() {
		s.step(acc, pq, pk, nil)
		s.add(4*s.lanes(), pq.p)
		s.add(s.lanes()*s.element.bytes, pk.p)
	})
	if s.mask != nil {
		end := s.label("colsMasked")
		s.TESTQ(cols, cols)
		s.JEQ(operand.LabelRef(end))
		s.step(acc, pq, pk, s.mask)
		s.Label(end)
	}
	s.store(acc, nk)
}

// step adds one vector of columns to the sums.
func (s *scoreGen) step(acc [][]reg.VecVirtual, pq, pk matrix, m *mask) {
	s.Comment("acc[i][j] += q[i,c…]·k[j,c…]")
	k := s.vecs(len(acc[0]))
	for j := range k {
		s.element.load(s.gen, pk.row(j), m, k[j])
	}
	for i := range acc {
		q := s.vec()
		s.gen.load(pq.row(i), m, q)
		for j := range k {
			s.VFMADD231PS(q, k[j], acc[i][j])
		}
	}
}

// store writes dst[i, j…j+nk-1] = Σ lanes of acc[i] and moves on.
func (s *scoreGen) store(acc [][]reg.VecVirtual, nk int) {
	s.Comment("dst[i,j] = Σ acc[i][j]")
	dst := s.copyOf(s.dst)
	for i := range acc {
		s.storeSums(acc[i], operand.Mem{Base: dst})
		if i+1 < len(acc) {
			s.ADDQ(s.ldd, dst)
		}
	}
	s.add(4*nk, s.dst)
	for range nk {
		s.ADDQ(s.k.stride, s.k.p)
	}
}

// mix writes out[i,c] += Σ_j p[i,j]·v[j,c] for nq rows of p. The sums of nq rows and some columns stay in registers while
// j runs, every vector of v is converted once and used nq times.
func (g *gen) mix(l level, nq int) {
	g.fn(l, fmt.Sprintf("mix%d", nq), "(out *float32, ldo int, p *float32, ldp int, v *uint16, stride, n, d int)",
		fmt.Sprintf("adds Σ p[i*ldp+j]·v[j*stride+c] over j < n to out[i*ldo+c], for i < %d and c < d; mixGeneric", nq),
		"is its twin.")
	wide := 4
	if nq == 4 && !l.wide() {
		wide = 2 // 16 registers: 4 × 2 sums, 2 converted vectors, 4 weights
	}
	s := &mixGen{gen: g, nq: nq}
	s.out, s.p = g.matrixArg("out", "ldo", 2, nq), g.matrixArg("p", "ldp", 2, nq)
	s.v, s.stride = g.arg("v"), g.bytesArg("stride", 1)
	d := g.arg("d")
	g.while(d, uint64(wide*g.lanes()), "cols", func() { s.columns(wide, nil) })
	g.while(d, uint64(g.lanes()), "vector", func() { s.columns(1, nil) })
	if l.wide() {
		g.ifTail(d, func(k *mask) { s.columns(1, k) })
	}
	g.done()
}

// mixGen is what the column blocks of mix share.
type mixGen struct {
	*gen
	nq        int
	out, p    matrix
	v, stride reg.GPVirtual
}

// columns computes wide vectors of columns of all rows and advances out and v by them.
func (s *mixGen) columns(wide int, k *mask) {
	acc := make([][]reg.VecVirtual, s.nq)
	for i := range acc {
		acc[i] = s.vecs(wide)
		for b := range wide {
			s.load(s.out.row(i).Offset(b*s.bytes), k, acc[i][b])
		}
	}
	v, p, n := s.copyOf(s.v), s.p, s.arg("n")
	p.p = s.copyOf(s.p.p)
	s.while(n, 1, "rows", func() {
		s.step(acc, p, v, k)
		s.ADDQ(s.stride, v)
		s.add(4, p.p)
	})
	for i := range acc {
		for b := range wide {
			s.store(acc[i][b], k, s.out.row(i).Offset(b*s.bytes))
		}
	}
	s.add(wide*s.bytes, s.out.p)
	s.add(wide*s.bytes/2, s.v)
}

// step adds row j of v to the sums.
func (s *mixGen) step(acc [][]reg.VecVirtual, p matrix, v reg.GPVirtual, k *mask) {
	s.Comment("acc[i][c…] += p[i,j]·v[j,c…]")
	w := s.vecs(s.nq)
	for i := range w {
		s.VBROADCASTSS(p.row(i), w[i])
	}
	for b := range acc[0] {
		x := s.vec()
		s.loadF16(operand.Mem{Base: v, Disp: b * s.bytes / 2}, k, x)
		for i := range acc {
			s.VFMADD231PS(w[i], x, acc[i][b])
		}
	}
}
