package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Products of float32 rows with rows of another type, converted on the way: queries with a cache of keys or with float weights
// (scores), and weights of attention with a cache of values (mix).
//
//	scores   dst[i,j] = Σ_c q[i,c]·k[j,c]      both run along c: sums across lanes at the end of a row
//	mix      out[i,c] += Σ_j p[i,j]·v[j,c]     a lane is a column: no sums across lanes
//
// Up to four rows of the left side share each conversion. In a decoded token these are the heads that share a cache, in a prompt
// the tokens too.

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
	s.dst, s.far = g.arg("dst"), g.AllocLocal(8)
	g.MOVQ(g.farRows(s.k.stride, e.bytes), s.far)
	if l.wide() {
		s.mask = g.tailMask(g.arg("d"))
	}
	n := g.addr("n")
	g.whileMem(n, uint64(nk), "rows", func() { s.tile(nk) })
	g.whileMem(n, 1, "row", func() { s.tile(1) })
	g.done()
}

// scoreGen is what the tiles of scores share.
type scoreGen struct {
	*gen
	element
	nq   int
	q, k matrix
	dst  reg.GPVirtual
	far  operand.Mem // distance of the rows to be asked for
	mask *mask       // of the last columns at AVX-512
}

// tile computes nq × nk sums and advances k and dst by nk rows.
func (s *scoreGen) tile(nk int) {
	acc := make([][]reg.VecVirtual, s.nq)
	for i := range acc {
		acc[i] = s.vecs(nk)
		s.zero(acc[i]...)
	}
	pk, pq, ahead := s.k, s.q, s.k
	pk.p, pq.p, ahead.p = s.copyOf(s.k.p), s.copyOf(s.q.p), s.copyOf(s.k.p)
	s.ADDQ(s.far, ahead.p)
	cols := s.arg("d")
	s.while(cols, uint64(s.lanes()), "cols", func() {
		for j := range nk {
			s.PREFETCHT0(ahead.row(j))
		}
		s.step(acc, pq, pk, nil)
		s.add(4*s.lanes(), pq.p)
		s.add(s.lanes()*s.element.bytes, pk.p)
		s.add(s.lanes()*s.element.bytes, ahead.p)
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

// farRows returns the distance of the row that is to be asked for while one of d elements of size bytes is used: about 8 KiB
// of rows ahead, between 4 and 64 rows. Where rows are pieces of longer ones, hardware prefetchers do badly.
func (g *gen) farRows(stride reg.GPVirtual, size int) reg.GPVirtual {
	shift, least, most := g.arg("d"), g.GP64(), g.GP64()
	g.Comment("far = stride·2^min(6, max(2, 13 - log2(row bytes)))")
	g.IMUL3Q(operand.I32(int32(size)), shift, shift)
	g.BSRQ(shift, shift)
	g.SUBQ(operand.Imm(13), shift)
	g.NEGQ(shift)
	g.MOVQ(operand.I32(2), least)
	g.MOVQ(operand.I32(6), most)
	g.CMPQ(shift, least)
	g.CMOVQLT(least, shift)
	g.CMPQ(shift, most)
	g.CMOVQGT(most, shift)
	g.SHLXQ(shift, stride, shift)
	return shift
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
	dst, ldd := s.copyOf(s.dst), s.bytesArg("ldd", 2)
	for i := range acc {
		s.storeSums(acc[i], operand.Mem{Base: dst})
		if i+1 < len(acc) {
			s.ADDQ(ldd, dst)
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
	s.far = g.farRows(s.stride, 2)
	d := g.addr("d")
	g.whileMem(d, uint64(wide*g.lanes()), "cols", func() { s.columns(wide, nil) })
	g.whileMem(d, uint64(g.lanes()), "vector", func() { s.columns(1, nil) })
	if l.wide() {
		g.ifTail(g.arg("d"), func(k *mask) { s.columns(1, k) })
	}
	g.done()
}

// mixGen is what the column blocks of mix share.
type mixGen struct {
	*gen
	nq        int
	out, p    matrix
	v, stride reg.GPVirtual
	far       reg.GPVirtual // distance of the row to be asked for
}

// columns computes wide vectors of columns of all rows and advances out and v by them. The sums stay in registers while all
// rows of v pass, so that out is read and written once.
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
		for line := 0; line < wide*s.bytes/2; line += 64 {
			s.PREFETCHT0(operand.Mem{Base: v, Index: s.far, Scale: 1, Disp: line})
		}
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
