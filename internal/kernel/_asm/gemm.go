package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Panels times several tokens: what the work on a prompt consists of.
//
// A panel is a piece of a weight matrix in the order in which a matrix product wants it: panelRows rows side by side, so
// that a lane of a vector is a row and nothing has to be added up across lanes. It holds
//
//	q    per 4 columns, per row: 4 codes, unsigned bytes (int8 where the kernel says so)
//	dm   per group of columns: D of every row, M of every row, floats; w = D·code + M, or D·(code + M)
//
// At AVX-512 a panel has 32 rows: two vectors of 16. At AVX2 and AVXVNNI it has 8: one vector.
//
// The innermost step takes four columns: a vector of codes is loaded once and multiplied with four activations of each token,
// broadcast to all lanes. For four tokens at AVX-512 that is 6 loads for 8 VPDPBUSD (512 products), for four tokens at AVX2 5
// loads for 4 VPMADDUBSW or VPDPBUSD (128 products); eight and four sums are independent of each other, which hides the latency. After a
// group of columns the integer sums become floats, are scaled by D, and M·z is added, z = Σq of the group.
//
// A group adds D·Σcode·q + M·z. Where M stands for a bias both terms are large and cancel. That is harmless in blocks of 32:
// D has 11 bits, M is D times a power of two (or 12), z has 12 bits: the product is exact in a float. The scales of blocks of
// 256 have too many bits for that, so there the bias is added to the integer sum, exact as well, before D comes in.
func (l level) panelRows() int {
	if l.wide() {
		return 32
	}
	return 8
}

// gemmKind describes how a family of formats is multiplied.
type gemmKind struct {
	name   string
	group  int  // columns that share D and M: 16 or 32
	super  int  // groups that share the activations' scale: 1 for blocks of 32, else 256/group
	steps  int  // AVX2: how many products of 4 columns fit into an int16 for each pair: 127·2·steps·largest code < 2^15
	signed bool // AVX2: codes are int8, M is 0
	long   bool // AVX2: codes have 7 bits, of which a single product fits into an int16
	biased bool // w = D·(code + M): exact, where D·code + M·D would round twice what then cancels
}

// kinds are the families at each level.
func kinds(l level) []gemmKind {
	if l.vnni() {
		return []gemmKind{
			{name: "32", group: 32, super: 1},
			{name: "K32", group: 32, super: 8},
			{name: "K16", group: 16, super: 16},
			{name: "K32Biased", group: 32, super: 8, biased: true},
			{name: "K16Biased", group: 16, super: 16, biased: true},
		}
	}
	return []gemmKind{
		{name: "32Bits4", group: 32, super: 1, steps: 8},
		{name: "32Bits5", group: 32, super: 1, steps: 4},
		{name: "32Int8", group: 32, super: 1, signed: true},
		{name: "K32Bits4", group: 32, super: 8, steps: 8},
		{name: "K32Bits5", group: 32, super: 8, steps: 4},
		{name: "K32Int8", group: 32, super: 8, signed: true},
		{name: "K32Biased5", group: 32, super: 8, steps: 4, biased: true},
		{name: "K32Biased7", group: 32, super: 8, long: true, biased: true},
		{name: "K16Biased7", group: 16, super: 16, long: true, biased: true},
		{name: "K16Bits5", group: 16, super: 16, steps: 4},
		{name: "K16Biased5", group: 16, super: 16, steps: 4, biased: true},
		{name: "K16Biased6", group: 16, super: 16, steps: 2, biased: true},
	}
}

// buildGemm writes the products of panels with 1, 2 or 4 tokens.
func buildGemm(g *gen) {
	for _, l := range []level{avx2, avxvnni, avx512} {
		for _, k := range kinds(l) {
			for _, tokens := range []int{1, 2, 4} {
				g.gemm(l, k, tokens)
			}
		}
	}
}

// formula returns what a group adds.
func (k gemmKind) formula() string {
	switch {
	case k.biased:
		return "D[g,r]·(Σ code[r]·q[t] + M[g,r]·z[t,g])"
	case k.signed:
		return "D[g,r]·Σ code[r]·q[t]"
	}
	return "D[g,r]·Σ code[r]·q[t] + M[g,r]·z[t,g]"
}

// gemmGen is what the parts of one function share. The sums have an index for the vector of rows, then for the token. At
// AVX-512 four tokens take 8 registers of integer sums, 8 of part, 8 of total, and 3 to 6 others; at AVX2 4, 4, 4 and 4.
type gemmGen struct {
	*gen
	gemmKind
	tokens, vectors int

	w, dm   reg.GPVirtual
	q, z, d matrix             // activations, their sums over groups, their scales: a row per token
	ones    reg.VecVirtual     // AVX2: int16 ones
	abs     reg.VecVirtual     // |code| of signed ones, which are one vector of rows
	part    [][]reg.VecVirtual // Σ D·Σcode·q + M·Σq since the last scale of activations
	total   [][]reg.VecVirtual // the results
}

// gemm writes dst[t,r] (+)= Σ_s d[t,s]·Σ_g D[g,r]·Σ code[r]·q[t] + M[g,r]·z[t,g], over the groups g of super-groups s.
func (g *gen) gemm(l level, k gemmKind, tokens int) {
	g.fn(l, fmt.Sprintf("gemm%sx%d", k.name, tokens),
		"(dst *float32, ld, rows, add int, w *byte, dm *float32, q *int8, ldq int, z *float32, ldz int, d *float32, ldd, supers int)",
		fmt.Sprintf("multiplies a panel by %d tokens: dst[t*ld+r] = Σ_s d[t,s]·Σ_g %s, for the", tokens, k.formula()),
		fmt.Sprintf("first rows r, %d columns to a group g, %d groups to a super-group s; with add 1 it adds to dst; mulPanelGeneric", k.group, k.super),
		"is the reference implementation.")
	m := &gemmGen{gen: g, gemmKind: k, tokens: tokens, vectors: l.panelRows() / l.lanes()}
	if !l.vnni() {
		m.ones = g.u32(0x00010001)
	}
	m.part, m.total = m.sums(), m.sums()
	m.begin()
	m.w, m.dm = g.arg("w"), g.arg("dm")
	m.q = g.matrixArg("q", "ldq", 0, tokens)
	m.z = g.matrixArg("z", "ldz", 2, tokens)
	m.d = m.z
	m.d.p = []reg.GPVirtual{g.arg("d")}
	if k.super > 1 {
		m.d = g.matrixArg("d", "ldd", 2, tokens)
	}
	g.whileMem(g.addr("supers"), 1, "super", m.superGroup) // registers are scarce
	m.end()
	g.done()
}

// sums returns a register for every vector of rows and token.
func (m *gemmGen) sums() [][]reg.VecVirtual {
	s := make([][]reg.VecVirtual, m.vectors)
	for v := range s {
		s[v] = m.vecs(m.tokens)
	}
	return s
}

// rowMasks returns a mask of the valid rows of each vector, or of none when none is set.
func (m *gemmGen) rowMasks(orNone bool) []*mask {
	bits, n := m.GP64(), m.arg("rows")
	if orNone {
		m.IMULQ(m.addr("add"), n)
	}
	if !m.wide() {
		k := &mask{v: m.vec()}
		m.LEAQ(m.lanesTable(), bits)
		m.NEGQ(n)
		m.VMOVUPS(operand.Mem{Base: bits, Index: n, Scale: 4, Disp: 32}, k.v)
		return []*mask{k}
	}
	m.MOVQ(operand.I32(-1), bits)
	m.BZHIQ(n, bits, bits)
	masks := make([]*mask, m.vectors)
	for v := range masks {
		masks[v] = &mask{k: m.K()}
		m.KMOVW(bits.As32(), masks[v].k)
		m.SHRQ(operand.Imm(16), bits)
	}
	return masks
}

// addr addresses a parameter.
func (g *gen) addr(name string) operand.Mem {
	b, err := g.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// begin sets the results to 0, or to what dst has: a row with more columns than a panel comes in several calls.
func (m *gemmGen) begin() {
	m.Comment("total = add·dst")
	dst, ld := m.arg("dst"), m.bytesArg("ld", 2)
	masks := m.rowMasks(true)
	for t := range m.tokens {
		for v, k := range masks {
			m.load(operand.Mem{Base: dst, Disp: v * m.bytes}, k, m.total[v][t])
		}
		m.ADDQ(ld, dst)
	}
}

// end stores the results of the valid rows.
func (m *gemmGen) end() {
	m.Comment("dst = total")
	dst, ld := m.arg("dst"), m.bytesArg("ld", 2)
	masks := m.rowMasks(false)
	for t := range m.tokens {
		for v, k := range masks {
			m.store(m.total[v][t], k, operand.Mem{Base: dst, Disp: v * m.bytes})
		}
		m.ADDQ(ld, dst)
	}
}

// superGroup adds what shares the activations' scale, and moves on: one block of 32, or one of 256.
func (m *gemmGen) superGroup() {
	if m.super == 1 {
		m.columns(true)
	} else {
		for v := range m.part {
			m.zero(m.part[v]...)
		}
		n := m.GP64()
		m.MOVQ(operand.I32(int32(m.super)), n)
		m.while(n, 1, "group", func() { m.columns(false) })
	}
	m.Comment("total += d·part")
	for v := range m.total {
		for t := range m.total[v] {
			m.addScaled(m.d.row(t), m.part[v][t], m.total[v][t])
		}
	}
	m.move(m.d, 4)
}

// addScaled adds the float at x times y to sum.
func (m *gemmGen) addScaled(x operand.Mem, y, sum reg.VecVirtual) {
	if m.wide() {
		m.VFMADD231PS_BCST(x, y, sum)
		return
	}
	b := m.vec()
	m.VBROADCASTSS(x, b)
	m.VFMADD231PS(b, y, sum)
}

// columns multiplies one group; first when part is to be set, not added to.
func (m *gemmGen) columns(first bool) {
	if !m.signed && !m.biased {
		m.minima(first)
	} else if first {
		for v := range m.part {
			m.zero(m.part[v]...)
		}
	}
	switch {
	case m.vnni():
		m.products(m.dotVNNI, 0, m.group/4)
	case m.signed:
		m.products(m.dotSigned, 0, m.group/4)
	case m.long:
		m.products(m.dotLong, 0, m.group/4)
	default:
		for s := 0; s < m.group/4; s += m.steps {
			m.products(m.dotNarrow, s, s+m.steps)
		}
	}
	m.add(m.group*m.panelRows(), m.w)
	m.add(8*m.panelRows(), m.dm)
	m.move(m.q, m.group)
	m.move(m.z, 4)
}

// minima sets part = M·z, or adds it.
func (m *gemmGen) minima(first bool) {
	m.Comment("part += M·z")
	for v := range m.part {
		mv := m.vec()
		m.VMOVUPS(operand.Mem{Base: m.dm, Disp: 4*m.panelRows() + v*m.bytes}, mv)
		for t, part := range m.part[v] {
			switch {
			case !first:
				m.addScaled(m.z.row(t), mv, part)
			case m.wide():
				m.VMULPS_BCST(m.z.row(t), mv, part)
			default:
				m.VBROADCASTSS(m.z.row(t), part)
				m.VMULPS(mv, part, part)
			}
		}
	}
}

// products adds D·Σcode·q over the steps from … to-1 of four columns to part. dot adds the products of one step to its sums.
func (m *gemmGen) products(dot func(w, a reg.VecVirtual, sum reg.VecVirtual, first bool), from, to int) {
	m.Comment("sum += code·q, 4 columns of each row at a time")
	sum := m.sums()
	if m.vnni() {
		for v := range sum {
			m.zero(sum[v]...)
		}
	}
	for s := from; s < to; s++ {
		w := m.vecs(m.vectors)
		for v := range w {
			m.loadBytes(operand.Mem{Base: m.w, Disp: (s*m.vectors + v) * m.bytes}, w[v])
		}
		if m.signed {
			m.abs = m.vec()
			m.VPABSB(w[0], m.abs)
		}
		for t := range m.tokens {
			a := m.vec()
			m.VPBROADCASTD(m.q.row(t).Offset(4*s), a)
			for v := range w {
				dot(w[v], a, sum[v][t], s == from)
			}
		}
	}
	m.finishProducts(sum, m.biased && from == 0)
}

// finishProducts adds D·(sum + M·z), or without a bias D·sum, to part.
func (m *gemmGen) finishProducts(sum [][]reg.VecVirtual, bias bool) {
	m.Comment("part += D·sum")
	for v := range sum {
		d, mv := m.vec(), m.vec()
		m.VMOVUPS(operand.Mem{Base: m.dm, Disp: v * m.bytes}, d)
		if bias {
			m.VMOVUPS(operand.Mem{Base: m.dm, Disp: 4*m.panelRows() + v*m.bytes}, mv)
		}
		for t, x := range sum[v] {
			if !m.vnni() && !m.signed && !m.long {
				m.VPMADDWD(m.ones, x, x)
			}
			m.VCVTDQ2PS(x, x)
			if bias {
				m.addScaled(m.z.row(t), mv, x)
			}
			m.VFMADD231PS(d, x, m.part[v][t])
		}
	}
}

// loadBytes loads a vector of codes.
func (g *gen) loadBytes(m operand.Mem, v reg.VecVirtual) {
	if g.evex() {
		g.VMOVDQU32(m, v)
		return
	}
	g.VMOVDQU(m, v)
}

// dotVNNI adds four products per row, in int32.
func (m *gemmGen) dotVNNI(w, a, sum reg.VecVirtual, _ bool) { m.VPDPBUSD(a, w, sum) }

// dotNarrow adds two pairs of products per row, in int16. It must be emptied after m.steps steps.
func (m *gemmGen) dotNarrow(w, a, sum reg.VecVirtual, first bool) {
	if first {
		m.VPMADDUBSW(a, w, sum)
		return
	}
	m.VPMADDUBSW(a, w, a)
	m.VPADDW(a, sum, sum)
}

// dotLong adds four products per row of codes of 7 bits, in int32: pairs are at most 2·127·127.
func (m *gemmGen) dotLong(w, a, sum reg.VecVirtual, first bool) {
	if first {
		m.VPMADDUBSW(a, w, sum)
		m.VPMADDWD(m.ones, sum, sum)
		return
	}
	m.VPMADDUBSW(a, w, a)
	m.VPMADDWD(m.ones, a, a)
	m.VPADDD(a, sum, sum)
}

// dotSigned adds four products per row of int8 codes, in int32: |code|·(±q). A single step fills 15 bits: 2·128·127.
func (m *gemmGen) dotSigned(w, a, sum reg.VecVirtual, first bool) {
	m.VPSIGNB(w, a, a)
	m.VPMADDUBSW(a, m.abs, a)
	if first {
		m.VPMADDWD(m.ones, a, sum)
		return
	}
	m.VPMADDWD(m.ones, a, a)
	m.VPADDD(a, sum, sum)
}
