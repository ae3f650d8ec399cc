package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Products of float32 rows with rows of another type, converted on the way: queries with a cache of keys or with float weights
// (scores), and weights of attention with a cache of values (weighted sum).
//
//	scores   dst[i,j] = Σ_c q[i,c]·k[j,c]      both run along c: sums across lanes at the end of a row
//	weighted sum      out[i,c] += Σ_j p[i,j]·v[j,c]     a lane is a column: no sums across lanes
//
// All rows of the left side that the registers have room for share each conversion: nine at AVX-512, six at AVX2. In a decoded
// token these are the heads that share a cache, in a prompt the tokens too.

// maxQueries returns how many query rows share each converted row of the cache; of the other types, which are those of weights,
// four do.
func (l level) maxQueries(e element) int {
	switch {
	case e.name != elemF16.name:
		return 4
	case l.evex():
		return 9
	}
	return 6
}

// buildAttention writes the two products of attention with a half-precision cache, for 1 to maxQueries query rows at each level.
// At AVX2 d is a multiple of 8; at AVX512 a mask takes care of any d.
func buildAttention(g *gen) {
	for _, l := range []level{avx2, avx512} {
		for _, e := range []element{elemF16, elemBF16, elemF32} {
			for nq := 1; nq <= l.maxQueries(e); nq++ {
				g.scores(l, e, nq)
			}
		}
		for _, e := range []element{elemF16, elemF32} {
			for nq := 1; nq <= l.maxQueries(elemF16); nq++ {
				g.weightedSum(l, e, nq)
			}
		}
	}
}

// matrix addresses up to twelve rows in memory that lie a stride apart: one pointer for every four.
type matrix struct {
	p               []reg.GPVirtual
	stride, stride3 reg.GPVirtual
}

// matrixAt addresses rows from p on. stride is in bytes.
func (g *gen) matrixAt(p, stride reg.GPVirtual, rows int) matrix {
	m := matrix{p: []reg.GPVirtual{p}, stride: stride}
	for i := 4; i < rows; i += 4 {
		q := g.GP64()
		g.LEAQ(operand.Mem{Base: p, Index: stride, Scale: uint8(i)}, q)
		m.p = append(m.p, q)
	}
	if rows > 3 {
		m.stride3 = g.times3(stride)
	}
	return m
}

// matrixArg is matrixAt for a pointer and a stride in elements of 1<<shift bytes.
func (g *gen) matrixArg(p, stride string, shift uint64, rows int) matrix {
	return g.matrixAt(g.arg(p), g.bytesArg(stride, shift), rows)
}

// row addresses row i.
func (m matrix) row(i int) operand.Mem { return rowPtr(m.p[i/4], m.stride, m.stride3, i%4) }

// move advances all rows by bytes.
func (g *gen) move(m matrix, bytes int) {
	for _, p := range m.p {
		g.add(bytes, p)
	}
}

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
		"stride bytes behind k[j-1]; scoresGeneric and mulFloat are the reference implementations.")
	nk := 2
	if l.wide() {
		nk = min(4, 27/nq)
	}
	s := &scoreGen{gen: g, element: e, nq: nq}
	s.k = g.matrixArg("k", "stride", 0, nk)
	s.dst, s.far = g.arg("dst"), g.AllocLocal(8)
	g.MOVQ(g.farRows(s.k.stride, e.bytes), s.far)
	if l.wide() {
		s.mask = g.tailMask(g.arg("d"))
		if nk == 3 {
			s.three = g.lowest(3)
		}
	}
	for range nq { // once: clearing a register reads it, so that it counts as in use before
		s.sums = append(s.sums, s.vecs(nk))
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
	nq    int
	k     matrix
	dst   reg.GPVirtual
	far   operand.Mem // distance of the rows to be asked for
	mask  *mask       // of the last columns at AVX-512
	three *mask       // of the sums of three rows
	sums  [][]reg.VecVirtual
}

// tile computes nq × nk sums and advances k and dst by nk rows.
func (s *scoreGen) tile(nk int) {
	acc := make([][]reg.VecVirtual, s.nq)
	for i := range acc {
		acc[i] = s.sums[i][:nk]
		s.zero(acc[i]...)
	}
	pk, ahead, pq := s.k, s.k, s.matrixArg("q", "ldq", 2, s.nq)
	pk.p, ahead.p = []reg.GPVirtual{s.copyOf(s.k.p[0])}, []reg.GPVirtual{s.copyOf(s.k.p[0])}
	s.ADDQ(s.far, ahead.p[0])
	cols := s.arg("d")
	s.while(cols, uint64(s.lanes()), "cols", func() {
		for j := range nk {
			s.PREFETCHT0(ahead.row(j))
		}
		s.step(acc, pq, pk, nil)
		s.move(pq, 4*s.lanes())
		s.move(pk, s.lanes()*s.element.bytes)
		s.move(ahead, s.lanes()*s.element.bytes)
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
	for len(acc) > 0 {
		n := 1
		if s.wide() && nk > 2 {
			n = min(4, len(acc))
		}
		s.storeRows(acc[:n], dst, ldd)
		acc = acc[n:]
	}
	s.add(4*nk, s.dst)
	for range nk {
		s.ADDQ(s.k.stride, s.k.p[0])
	}
}

// storeRows writes the sums of up to four rows and moves dst behind them. The lanes of several rows are folded together.
func (s *scoreGen) storeRows(acc [][]reg.VecVirtual, dst, ldd reg.GPVirtual) {
	if len(acc) == 1 {
		if s.three != nil && len(acc[0]) == 3 {
			s.laneSums(acc[0])
			s.foldLanes(acc[0][0])
			s.VMOVUPS(acc[0][0].AsX(), s.three.k, operand.Mem{Base: dst})
		} else {
			s.storeSums(acc[0], operand.Mem{Base: dst})
		}
		s.ADDQ(ldd, dst)
		return
	}
	var v []reg.VecVirtual
	for i := range acc {
		s.laneSums(acc[i])
		v = append(v, acc[i][0])
	}
	s.foldRows(v)
	for i := range acc {
		to := operand.Mem{Base: dst}
		one := v[0]
		if i > 0 {
			one = v[i] // a masked store that extracts would fault for lanes that it does not write
			s.VEXTRACTF32X4(operand.Imm(uint64(i)), v[0], one.AsX())
		}
		if s.three != nil {
			s.VMOVUPS(one.AsX(), s.three.k, to)
		} else {
			s.VMOVUPS(one.AsX(), to)
		}
		s.ADDQ(ldd, dst)
	}
}

// weighted sum writes out[i,c] += Σ_j p[i,j]·v[j,c] for nq rows of p. The sums of nq rows and some columns stay in registers while
// j runs, every vector of v is converted once and used nq times.
func (g *gen) weightedSum(l level, e element, nq int) {
	g.fn(l, fmt.Sprintf("weightedSum%sx%d", e.name, nq), "(out *float32, ldo int, p *float32, ldp int, v *byte, stride, n, d int)",
		fmt.Sprintf("adds Σ p[i*ldp+j]·v[j,c] over j < n to out[i*ldo+c], for i < %d and c < d, v[j] of type %s", nq, e.name),
		"stride bytes behind v[j-1]; weightedSumF16Generic and weightedSumF32Generic are the reference implementations.")
	s := &weightedSumGen{gen: g, element: e, nq: nq}
	s.out, s.v, s.stride = g.arg("out"), g.arg("v"), g.arg("stride")
	s.far = g.AllocLocal(8)
	g.MOVQ(g.farRows(s.stride, e.bytes), s.far)
	d := g.addr("d")
	for _, wide := range weightedSumWidths(l, nq) {
		g.whileMem(d, uint64(wide*g.lanes()), "cols", func() { s.columns(wide, nil) })
	}
	if l.wide() {
		g.ifTail(g.arg("d"), func(k *mask) { s.columns(1, k) })
	}
	g.done()
}

// weightedSumWidths returns how many vectors of columns go together, and go on with what is left: nq × width sums have to stay in
// registers beside the converted vectors or the weights, whichever are fewer, and one of the others.
func weightedSumWidths(l level, nq int) []int {
	registers := 16
	if l.evex() {
		registers = 32
	}
	widths := []int{1}
	for w := 2; w <= 4; w++ {
		if nq*w+min(nq, w)+1 <= registers && (w != 3 || nq > 6) {
			widths = append([]int{w}, widths...)
		}
	}
	return widths
}

// weightedSumGen is what the column blocks of weighted sum share.
type weightedSumGen struct {
	*gen
	element
	nq             int
	out, v, stride reg.GPVirtual
	far            operand.Mem // distance of the row to be asked for
}

// columns computes wide vectors of columns of all rows and advances out and v by them. The sums stay in registers while all
// rows of v pass, so that out is read and written once.
func (s *weightedSumGen) columns(wide int, k *mask) {
	acc := make([][]reg.VecVirtual, s.nq)
	s.eachOut(func(i int, m operand.Mem) {
		acc[i] = s.vecs(wide)
		for b := range wide {
			s.gen.load(m.Offset(b*s.level.bytes), k, acc[i][b])
		}
	})
	v, far, p := s.copyOf(s.v), s.GP64(), s.matrixArg("p", "ldp", 2, s.nq)
	s.MOVQ(s.far, far)
	n := s.arg("n")
	s.while(n, 1, "rows", func() {
		for line := 0; line < wide*s.lanes()*s.element.bytes; line += 64 {
			s.PREFETCHT0(operand.Mem{Base: v, Index: far, Scale: 1, Disp: line})
		}
		s.step(acc, p, v, k)
		s.ADDQ(s.stride, v)
		s.move(p, 4)
	})
	s.eachOut(func(i int, m operand.Mem) {
		for b := range wide {
			s.store(acc[i][b], k, m.Offset(b*s.level.bytes))
		}
	})
	s.add(wide*s.level.bytes, s.out)
	s.add(wide*s.lanes()*s.element.bytes, s.v)
}

// eachOut calls f with the place of each row of out.
func (s *weightedSumGen) eachOut(f func(i int, m operand.Mem)) {
	at, ldo := s.copyOf(s.out), s.bytesArg("ldo", 2)
	for i := range s.nq {
		f(i, operand.Mem{Base: at})
		s.ADDQ(ldo, at)
	}
}

// step adds row j of v to the sums.
func (s *weightedSumGen) step(acc [][]reg.VecVirtual, p matrix, v reg.GPVirtual, k *mask) {
	s.Comment("acc[i][c…] += p[i,j]·v[j,c…]")
	wide := len(acc[0])
	column := func(b int) reg.VecVirtual {
		x := s.vec()
		s.element.load(s.gen, operand.Mem{Base: v, Disp: b * s.lanes() * s.element.bytes}, k, x)
		return x
	}
	weight := func(i int) reg.VecVirtual {
		w := s.vec()
		s.VBROADCASTSS(p.row(i), w)
		return w
	}
	if s.nq > wide {
		x := make([]reg.VecVirtual, wide)
		for b := range x {
			x[b] = column(b)
		}
		for i := range acc {
			w := weight(i)
			for b := range x {
				s.VFMADD231PS(w, x[b], acc[i][b])
			}
		}
		return
	}
	w := make([]reg.VecVirtual, s.nq)
	for i := range w {
		w[i] = weight(i)
	}
	for b := range wide {
		x := column(b)
		for i := range acc {
			s.VFMADD231PS(w[i], x, acc[i][b])
		}
	}
}
