package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Attention with a cache of 4-bit codes, and the rotation that goes before it. A tile is 32 columns of the matrix,
//
//	codes    [4 steps][rows][4]   byte x of row r in step s: columns 8s+x and 8s+4+x, u = 0 … 15 each
//
// so that a lane of 32 bits is a row. A row of factors is packed: z as float32, then for each tile 32 q int8 and d as float32.
//
//	products   dst[i,r]  = s[r]·(z[i] + Σ_b d[i,b]·Σ_c u[r,b,c]·q[i,b,c])
//	sums       dst[i,r] += z[i] + Σ_b d[i,b]·Σ_c u[r,b,c]·q[i,b,c]
//
// Sums of 32 products of codes with int8 stay below 32·15·127 = 60,960, in two lanes of 16 bits with a half each.
const (
	factorBlock = 36
	codeAhead   = 4096 // codes are asked for so far ahead
	maxFactors  = 5    // rows: each has two sums
)

// buildCodes writes the functions.
func buildCodes(g *gen) {
	for _, sums := range []bool{false, true} {
		for nq := 1; nq <= maxFactors; nq++ {
			g.products4(avx2, nq, sums)
		}
	}
	g.hadamard(avx2)
}

// codeProducts is what the parts of products4 share.
type codeProducts struct {
	*gen
	mask, ones  reg.VecVirtual
	part, total []reg.VecVirtual
}

// products4 writes the products of nq rows of factors, or what adds them up.
func (g *gen) products4(l level, nq int, sums bool) {
	name, sig := "products4", "(dst *float32, ldd int, f *byte, ldf int, c *byte, s *uint16, stride, rows, tiles int)"
	doc := "dst[i,r] = s[r]·(z[i] + Σ d·Σ u·q), see _asm/codes.go; products4Generic is the reference implementation."
	if sums {
		name, sig = "addProducts4", "(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles int)"
		doc = "dst[i,r] += z[i] + Σ d·Σ u·q, see _asm/codes.go; addProducts4Generic is the reference implementation."
	}
	g.fn(l, fmt.Sprintf("%sx%d", name, nq), sig,
		fmt.Sprintf("multiplies %d packed rows of factors, ldf bytes apart, with rows of 4-bit codes, stride of them in a tile;", nq),
		"rows is a multiple of 8:", doc)
	c := &codeProducts{gen: g, mask: g.u32(0x0f0f0f0f), ones: g.u32(0x00010001), part: g.vecs(nq), total: g.vecs(nq)}
	dst, codes, stride := g.arg("dst"), g.arg("c"), g.bytesArg("stride", 2)
	var scales reg.GPVirtual
	if !sums {
		scales = g.arg("s")
	}
	g.whileMem(g.addr("rows"), uint64(g.lanes()), "rows", func() {
		c.rows(codes, stride)
		at, ldd := g.copyOf(dst), g.bytesArg("ldd", 2)
		if !sums {
			g.Comment("dst = s·total")
			scale := g.vec()
			g.VCVTPH2PS(operand.Mem{Base: scales}, scale)
			for _, t := range c.total {
				g.VMULPS(scale, t, t)
			}
			g.add(g.bytes/2, scales)
		}
		for _, t := range c.total {
			if sums {
				g.VADDPS(operand.Mem{Base: at}, t, t)
			}
			g.VMOVUPS(t, operand.Mem{Base: at})
			g.ADDQ(ldd, at)
		}
		g.add(g.bytes, dst)
		g.add(g.bytes, codes)
	})
	g.done()
}

// rows computes the totals of the rows of a vector.
func (c *codeProducts) rows(codes, stride reg.GPVirtual) {
	f, tiles, at := c.matrixArg("f", "ldf", 0, len(c.total)), c.arg("tiles"), c.copyOf(codes)
	c.Comment("total = z")
	for i, t := range c.total {
		c.VBROADCASTSS(f.row(i), t)
	}
	c.move(f, 4)
	c.while(tiles, 1, "tile", func() {
		c.zero(c.part...)
		for s := range 4 {
			c.step(at, f, 8*s, s == 0)
			c.ADDQ(stride, at)
		}
		c.Comment("total += d·part")
		for i, p := range c.part {
			d := c.vec()
			c.VPMADDWD(c.ones, p, p)
			c.VCVTDQ2PS(p, p)
			c.VBROADCASTSS(f.row(i).Offset(32), d)
			c.VFMADD231PS(d, p, c.total[i])
		}
		c.move(f, factorBlock)
	})
}

// step adds eight columns.
func (c *codeProducts) step(at reg.GPVirtual, f matrix, col int, first bool) {
	c.Comment("part += Σ u·q")
	low, high := c.vec(), c.vec()
	c.VMOVDQU(operand.Mem{Base: at}, high)
	c.PREFETCHT0(operand.Mem{Base: at, Disp: codeAhead})
	c.VPAND(c.mask, high, low)
	c.VPSRLW(operand.Imm(4), high, high)
	c.VPAND(c.mask, high, high)
	for i, p := range c.part {
		for half, u := range []reg.VecVirtual{low, high} {
			t := c.vec()
			c.VPBROADCASTD(f.row(i).Offset(col+4*half), t)
			c.VPMADDUBSW(t, u, t)
			c.VPADDW(t, p, p)
		}
	}
}

// hadamard writes the Walsh-Hadamard transform of n values, a power of two from 8 on, without its factor.
func (g *gen) hadamard(l level) {
	g.fn(l, "hadamard", "(x *float32, n int)",
		"multiplies n values by the Walsh-Hadamard matrix, n a power of two and at least 8; hadamardGeneric is the reference implementation.")
	const neg = 0x80000000
	signs := []reg.VecVirtual{g.vec(), g.vec(), g.vec()}
	g.VMOVUPS(g.data("signs1", 0, neg, 0, neg, 0, neg, 0, neg), signs[0])
	g.VMOVUPS(g.data("signs2", 0, 0, neg, neg, 0, 0, neg, neg), signs[1])
	g.VMOVUPS(g.data("signs4", 0, 0, 0, 0, neg, neg, neg, neg), signs[2])
	x, left := g.arg("x"), g.arg("n")
	g.Comment("sums and differences of lanes 1, 2 and 4 apart")
	g.while(left, 8, "lanes", func() {
		v, t := g.vec(), g.vec()
		g.VMOVUPS(operand.Mem{Base: x}, v)
		for i, s := range signs {
			switch i {
			case 0:
				g.VPERMILPS(operand.Imm(0b10_11_00_01), v, t)
			case 1:
				g.VPERMILPS(operand.Imm(0b01_00_11_10), v, t)
			case 2:
				g.VPERM2F128(operand.Imm(1), v, v, t)
			}
			g.VXORPS(s, v, v)
			g.VADDPS(t, v, v)
		}
		g.VMOVUPS(v, operand.Mem{Base: x})
		g.add(32, x)
	})
	g.Comment("sums and differences of vectors h bytes apart")
	h, size := g.GP64(), g.bytesArg("n", 2)
	g.MOVQ(operand.I32(32), h)
	top, end := g.label("distance"), g.label("distanceEnd")
	g.Label(top)
	g.CMPQ(h, size)
	g.JGE(operand.LabelRef(end))
	a, pairs := g.arg("x"), g.copyOf(size)
	g.SHRQ(operand.Imm(1), pairs)
	g.while(pairs, 32, "pairs", func() {
		u, v, w := g.vec(), g.vec(), g.vec()
		second := operand.Mem{Base: a, Index: h, Scale: 1}
		g.VMOVUPS(operand.Mem{Base: a}, u)
		g.VMOVUPS(second, v)
		g.VADDPS(v, u, w)
		g.VSUBPS(v, u, u)
		g.VMOVUPS(w, operand.Mem{Base: a})
		g.VMOVUPS(u, second)
		g.add(32, a)
		g.Comment("past the end of a run of h bytes: on to the next")
		next, offset := g.label("same"), g.copyOf(a)
		g.SUBQ(g.arg("x"), offset)
		g.TESTQ(h, offset)
		g.JEQ(operand.LabelRef(next))
		g.ADDQ(h, a)
		g.Label(next)
	})
	g.SHLQ(operand.Imm(1), h)
	g.JMP(operand.LabelRef(top))
	g.Label(end)
	g.done()
}
