package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// codeStride is the distance of the rows of codes that panels are made of; package kernel has the same constant. It is no
// multiple of a large power of two, so that the rows spread over the cache.
const codeStride = 800

// buildPanel writes what makes panels of weight rows (see gemm.go): unpacking, the change of order, and what the products
// need to know of the activations. Int8 codes are made unsigned for VNNI; all else serves every level.
func buildPanel(g *gen) {
	for _, f := range formats32 {
		g.unpack32(avx2, f)
		if f.signed {
			g.unpack32(avx2unsigned, f)
		}
	}
	for _, f := range formatsK {
		g.unpackK(avx2, f)
		if f.table {
			g.unpackK(avx2unsigned, f)
		}
	}
	g.scales32()
	g.interleave(avx2)
	g.interleave(avx512)
	g.groupSums(16)
	g.groupSums(32)
}

// unpack32 writes the codes of one row in order, and the first four bytes of each block: d and m, or d and anything.
func (g *gen) unpack32(l level, f format32) {
	g.fn(l, "unpack"+f.name, "(codes *byte, scales *uint32, w *byte, blocks int)",
		fmt.Sprintf("unpacks blocks of %s: their codes in order, and the first four bytes of each block to every 32nd of", f.name),
		"scales; tileRow.unpack is the reference implementation.")
	r := &rowGen{gen: g, format32: f}
	codes, scales, w, blocks := g.arg("codes"), g.arg("scales"), g.arg("w"), g.arg("blocks")
	r.constants()
	g.while(blocks, 1, "block", func() {
		g.Comment("codes = q of the block; scales[b] = its first four bytes")
		d := g.GP32()
		g.MOVL(operand.Mem{Base: w}, d)
		g.MOVL(d, operand.Mem{Base: scales})
		g.storeBytes(f.quants(r, operand.Mem{Base: w}), operand.Mem{Base: codes})
		g.add(f.size, w)
		g.add(32, codes)
		g.add(128, scales)
	})
	g.done()
}

// scales32 writes D and M of eight rows of a panel: the transposed and converted halves that unpack32 left.
func (g *gen) scales32() {
	g.fn(avx2, "scales32", "(dm *float32, stride, toM int, scales *uint32, groups int, bias float32)",
		"writes D and M of 8 rows for some groups: D = d and M = m of scales, two halves of every 32nd word, or M = bias·D when",
		"bias is not 0. The groups lie stride floats apart in dm, M toM floats behind D; scales32Generic is the reference implementation.")
	dm, stride, toM, scales, groups := g.arg("dm"), g.bytesArg("stride", 2), g.bytesArg("toM", 2), g.arg("scales"), g.arg("groups")
	bias, low, zero := g.vec(), g.u32(0xffff), g.vec()
	g.VBROADCASTSS(g.addr("bias"), bias)
	g.zero(zero)
	isBias := g.vec() // all ones when there is a bias
	g.VCMPPS(operand.Imm(notEqual), zero, bias, isBias)
	g.while(groups, 1, "group", func() {
		g.Comment("D = float(low half), M = float(high half), or bias·D")
		x, d, m, t := g.YMM(), g.YMM(), g.YMM(), g.YMM()
		g.VMOVDQU(operand.Mem{Base: scales}, x)
		g.VPAND(low, x, d)
		g.VPSRLD(operand.Imm(16), x, m)
		g.VPACKUSDW(m, d, d) // d 0-3, m 0-3, d 4-7, m 4-7
		g.VPERMQ(operand.Imm(0b11_01_10_00), d, d)
		g.VEXTRACTI128(operand.Imm(1), d, m.AsX())
		g.VCVTPH2PS(d.AsX(), d)
		g.VCVTPH2PS(m.AsX(), m)
		g.VMULPS(bias, d, t)
		g.VBLENDVPS(isBias, t, m, m)
		g.VMOVUPS(d, operand.Mem{Base: dm})
		g.VMOVUPS(m, operand.Mem{Base: dm, Index: toM, Scale: 1})
		g.add(128, scales)
		g.ADDQ(stride, dm)
	})
	g.done()
}

// unpackK writes the codes of one row in order, and D and M of the row, in the order of the panel already: a block has its own
// scales, so that converting several rows together would gain nothing.
func (g *gen) unpackK(l level, f formatK) {
	g.fn(l, "unpack"+f.name, "(codes *byte, dm *float32, stride, toM int, w *byte, blocks int)",
		fmt.Sprintf("unpacks blocks of %s: their codes in order, and D and M of every group, which lie stride floats apart in dm,", f.name),
		fmt.Sprintf("M toM floats behind D; unpack%s is the reference implementation.", f.name))
	u := &unpackGen{kGen: &kGen{gen: g, formatK: f}}
	codes, blocks := g.arg("codes"), g.arg("blocks")
	u.dm, u.stride, u.toM, u.w = g.arg("dm"), g.bytesArg("stride", 2), g.bytesArg("toM", 2), g.arg("w")
	u.values, u.biases = u.tableAndBias()
	u.lookups()
	g.while(blocks, 1, "block", func() {
		u.ready()
		g.Comment("codes = q of the block")
		for i := range 256 / g.bytes {
			g.storeBytes(u.code(i), operand.Mem{Base: codes, Disp: i * g.bytes})
		}
		u.scalesToPanel()
		g.add(f.size, u.w)
		g.add(256, codes)
	})
	g.done()
}

// code returns the codes of vector i.
func (u *unpackGen) code(i int) reg.VecVirtual {
	v := u.formatK.quants(u.kGen, i)
	if u.negate != nil {
		s := u.formatK.negate(u.kGen, i)
		u.VPXOR(s, v, v)
		u.VPSUBB(s, v, v)
	}
	if u.lift != nil {
		u.lift(u.kGen, i, v)
	}
	if u.raise != 0 {
		u.VPADDB(u.bytes32(u.raise), v, v)
	}
	return v
}

// unpackGen is what the parts of unpackK share: the weights' side of kGen, and where D and M go.
type unpackGen struct {
	*kGen
	dm, stride, toM reg.GPVirtual
}

// tableAndBias loads the values of the codes, where they are looked up, and -bias as floats, where there is one.
func (u *unpackGen) tableAndBias() (values, bias reg.VecVirtual) {
	switch {
	case u.table && u.unsigned:
		return u.codes("iq4biased", iq4Values, 128), u.f32(-128)
	case u.table:
		return u.codes("iq4", iq4Values, 0), nil
	case u.flat:
		return nil, u.f32(-1)
	case u.raise != 0:
		return nil, u.f32(-float32(u.raise))
	case u.bias != 0:
		return nil, u.f32(-float32(u.bias))
	}
	return nil, nil
}

// scalesToPanel writes D = d·sc and M = -dmin·mn or -bias of the block's groups.
func (u *unpackGen) scalesToPanel() {
	u.Comment("D = d·sc, M = -dmin·mn or -bias")
	u.formatK.scales(u.kGen)
	own, d := u.ownFactors(), u.vec()
	u.VBROADCASTSS(own.AsX(), d)
	dmin := u.vec()
	if u.min {
		zero := u.vec()
		u.zero(zero)
		u.VPSHUFD(operand.Imm(0x55), own.AsX(), own.AsX())
		u.VBROADCASTSS(own.AsX(), dmin)
		u.VSUBPS(dmin, zero, dmin)
	}
	sc := u.sc
	if u.group == 16 {
		sc = u.scAll
	}
	for part := range 256 / u.group / 8 {
		f := u.scaled(sc, part, d)
		switch {
		case u.min:
			u.scatter(f, u.scaled(u.mn, part, dmin))
		case u.biases != nil:
			m := u.vec()
			u.VMOVAPS(u.biases, m)
			u.scatter(f, m)
		default:
			u.scatter(f, nil)
		}
	}
}

// scaled returns words 8·part … 8·part+7 of w as floats times f. The products are exact: 11 bits of a half by 8 of a scale.
func (u *unpackGen) scaled(w reg.VecVirtual, part int, f reg.VecVirtual) reg.VecVirtual {
	v := u.vec()
	if part == 0 {
		u.VPMOVSXWD(w.AsX(), v)
	} else {
		u.VEXTRACTI128(operand.Imm(1), w, v.AsX())
		u.VPMOVSXWD(v.AsX(), v)
	}
	u.VCVTDQ2PS(v, v)
	u.VMULPS(f, v, v)
	return v
}

// scatter writes the eight lanes of d, and of m when it is not nil, to the next eight groups: a row has one lane in each.
func (u *unpackGen) scatter(d, m reg.VecVirtual) {
	for half := range 2 {
		if half == 1 {
			u.upperHalf(d)
			u.upperHalf(m)
		}
		for i := range uint64(4) {
			u.VEXTRACTPS(operand.Imm(i), d.AsX(), operand.Mem{Base: u.dm})
			if m != nil {
				u.VEXTRACTPS(operand.Imm(i), m.AsX(), operand.Mem{Base: u.dm, Index: u.toM, Scale: 1})
			}
			u.ADDQ(u.stride, u.dm)
		}
	}
}

// upperHalf moves the upper half of the ymm v down.
func (u *unpackGen) upperHalf(v reg.VecVirtual) {
	if v == nil {
		return
	}
	u.VEXTRACTF128(operand.Imm(1), v, v.AsX())
}

// interleave writes the codes of a panel's rows in the order of the panel: a transposition of words of four codes.
func (g *gen) interleave(l level) {
	rows := l.panelRows()
	g.fn(l, "interleave", "(q, codes *byte, cols int)",
		fmt.Sprintf("puts cols columns of %d rows of codes, %d bytes apart, into a panel: 4 codes of each row, then the next", rows, codeStride),
		"4; cols is a multiple of 16; interleaveGeneric is the reference implementation.")
	q, codes, cols := g.arg("q"), g.arg("codes"), g.arg("cols")
	vectors := rows / l.lanes()
	g.while(cols, 16, "columns", func() {
		for v := range vectors {
			for i, x := range g.transposed(codes, v*l.lanes()) {
				g.storeBytes(x, operand.Mem{Base: q, Disp: (i*vectors + v) * g.bytes})
			}
		}
		g.add(16, codes)
		g.add(16*rows, q)
	})
	g.done()
}

// transposed returns four vectors: number i has columns 4i … 4i+3 of the rows from first on, one after the other. With 16 bytes
// of rows k, 4+k, 8+k, 12+k in the lanes of vector k, transposing the 4×4 words of each lane is all there is to do.
func (g *gen) transposed(codes reg.GPVirtual, first int) []reg.VecVirtual {
	g.Comment("128-bit lane i of a vector k: 16 columns of row 4i+k; then each lane is transposed, 4 columns as one")
	a, b := g.vecs(4), g.vecs(4)
	for k := range a {
		for i := range g.lanes() / 4 {
			g.setLane(a[k], i, operand.Mem{Base: codes, Disp: (first + 4*i + k) * codeStride})
		}
	}
	for k := range 2 {
		g.VPUNPCKLDQ(a[2*k+1], a[2*k], b[2*k])
		g.VPUNPCKHDQ(a[2*k+1], a[2*k], b[2*k+1])
	}
	for k := range 2 {
		g.VPUNPCKLQDQ(b[k+2], b[k], a[2*k])
		g.VPUNPCKHQDQ(b[k+2], b[k], a[2*k+1])
	}
	return a
}

// setLane loads 16 bytes to lane i of v, 0 first.
func (g *gen) setLane(v reg.VecVirtual, i int, m operand.Mem) {
	switch {
	case i == 0 && g.evex():
		g.VMOVDQU32(m, v.AsX())
	case i == 0:
		g.VMOVDQU(m, v.AsX())
	case g.wide():
		g.VINSERTI32X4(operand.Imm(uint64(i)), m, v, v)
	default:
		g.VINSERTI128(operand.Imm(uint64(i)), m, v, v)
	}
}

// storeBytes stores a vector of codes.
func (g *gen) storeBytes(v reg.VecVirtual, m operand.Mem) {
	if g.evex() {
		g.VMOVDQU32(v, m)
		return
	}
	g.VMOVDQU(v, m)
}

// groupSums writes Σq over groups of activations as floats. It is too little work for more than one level.
func (g *gen) groupSums(group int) {
	g.fn(avx2, fmt.Sprintf("sums%d", group), "(z *float32, q *int8, n int)",
		fmt.Sprintf("sets z[i] = Σq over %d activations each, for n activations, a multiple of 32; groupSumsGeneric is the reference implementation.", group))
	z, q, n := g.arg("z"), g.arg("q"), g.arg("n")
	c := &quantGen{gen: g, ones8: g.u32(0x01010101), ones16: g.u32(0x00010001)}
	g.while(n, 32, "block", func() {
		g.Comment("z = Σq")
		p, t := g.YMM(), g.YMM()
		g.VMOVDQU(operand.Mem{Base: q}, p)
		c.laneSums(p)
		g.VEXTRACTI128(operand.Imm(1), p, t.AsX())
		if group == 32 {
			g.VPADDD(t.AsX(), p.AsX(), p.AsX())
			g.VCVTDQ2PS(p.AsX(), p.AsX())
			g.VMOVSS(p.AsX(), operand.Mem{Base: z})
		} else {
			g.VPUNPCKLDQ(t.AsX(), p.AsX(), p.AsX())
			g.VCVTDQ2PS(p.AsX(), p.AsX())
			g.VMOVSD(p.AsX(), operand.Mem{Base: z})
		}
		g.add(32, q)
		g.add(128/group, z)
	})
	g.done()
}
