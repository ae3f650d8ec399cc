package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// codeStride is the distance of the rows of codes that panels are made of; package quant has the same constant. It is no
// multiple of a large power of two, so that the rows spread over the cache.
const codeStride = 800

// buildPanel writes what turns weight rows into panels (see gemm.go): unpacking, the change of order, and what the products
// need to know of the activations.
func buildPanel(g *gen) {
	for _, f := range formats32 {
		g.unpack32(f)
	}
	for _, f := range formatsK {
		g.unpackK(f)
	}
	g.interleave(avx2)
	g.interleave(avx512)
	g.groupSums(16)
	g.groupSums(32)
}

// unpack32 writes the codes of one row in order, and the first four bytes of each block: d and m, or d and anything.
func (g *gen) unpack32(f format32) {
	g.fn(avx2, "unpack"+f.name, "(codes *byte, scales *uint32, w *byte, blocks int)",
		fmt.Sprintf("unpacks blocks of %s: their codes, biased or int8, in order, and the first four bytes of each to every 32nd", f.name),
		"of scales; tile.unpack is its twin.")
	r := &rowGen{gen: g, format32: f}
	codes, scales, w, blocks := g.arg("codes"), g.arg("scales"), g.arg("w"), g.arg("blocks")
	r.constants()
	g.while(blocks, 1, "block", func() {
		d := g.GP32()
		g.MOVL(operand.Mem{Base: w}, d)
		g.MOVL(d, operand.Mem{Base: scales})
		g.VMOVDQU(f.quants(r, []operand.Mem{{Base: w}}), operand.Mem{Base: codes})
		g.add(f.size, w)
		g.add(32, codes)
		g.add(128, scales)
	})
	g.done()
}

// unpackK writes the codes of one row in order.
func (g *gen) unpackK(f formatK) {
	g.fn(avx2, "unpack"+f.name, "(codes, w *byte, blocks int)",
		fmt.Sprintf("unpacks blocks of %s to their codes, biased or int8, in order; unpack%s is its twin.", f.name, f.name))
	k := &kGen{gen: g, formatK: f}
	codes, blocks := g.arg("codes"), g.arg("blocks")
	k.w = g.arg("w")
	if f.table {
		k.values = g.codes("iq4", iq4Values, 0)
	}
	g.while(blocks, 1, "block", func() {
		for i := range 256 / g.bytes {
			g.VMOVDQU(f.quants(k, i), operand.Mem{Base: codes, Disp: i * g.bytes})
		}
		g.add(f.size, k.w)
		g.add(256, codes)
	})
	g.done()
}

// interleave writes the codes of a panel's rows in the order of the panel.
func (g *gen) interleave(l level) {
	rows := l.panelRows()
	g.fn(l, "interleave", "(q, codes *byte, cols int)",
		fmt.Sprintf("puts cols columns of %d rows of codes, %d bytes apart, into a panel: 4 codes of each row, then the next", rows, codeStride),
		"4; cols is a multiple of 16; interleaveGeneric is its twin.")
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

// transposed returns four vectors: number i has columns 4i … 4i+3 of the rows from first on, one after the other.
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
		fmt.Sprintf("sets z[i] = Σq over %d activations each, for n activations, a multiple of 32; groupSumsGeneric is its twin.", group))
	z, q, n := g.arg("z"), g.arg("q"), g.arg("n")
	c := &quantGen{gen: g, ones8: g.u32(0x01010101), ones16: g.u32(0x00010001)}
	g.while(n, 32, "block", func() {
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
