package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Attention with a cache of codes of 1, 2 or 4 bits, and the rotation that goes before it. A tile is some steps of 32/bits
// columns of the matrix,
//
//	codes    [steps][rows][4]   byte x of row r in a step: columns x, x+4, …, the first in its lowest bits
//
// so that a lane of 32 bits is a row. A row of factors is packed: z as float32, then for each tile q int8 and d as float32.
//
//	products   dst[i,r]  = s[r]·(z[i] + Σ_b d[i,b]·Σ_c u[r,b,c]·q[i,b,c])     of 4 bits, in tiles of 32 columns
//	sums       dst[i,r] += z[i] + Σ_b d[i,b]·Σ_c u[r,b,c]·q[i,b,c]
//
// Sums of 32 products of 4-bit codes with int8 stay below 32·15·127 = 60,960, in two lanes of 16 bits with a half each.
const (
	factorHead = 12   // bytes before the first tile: z of codes of 1, 2 and 4 bits
	codeAhead  = 4096 // codes are asked for so far ahead
	maxFactors = 5    // rows: each has two sums
)

// buildCodes writes the functions.
func buildCodes(g *gen) {
	for nq := 1; nq <= maxFactors; nq++ {
		g.products4(avx2, nq)
	}
	for _, bits := range []int{1, 2, 4} {
		for nq := 1; nq <= maxFactors; nq++ {
			g.addProducts(avx2, nq, bits)
		}
	}
	for _, bits := range []int{1, 2, 4} {
		g.turn(avx2, bits)
	}
	g.hadamard(avx2)
	g.quantizeSteps(avx2)
}

// codeProducts is what the products share.
type codeProducts struct {
	*gen
	bits        int
	mask, ones  reg.VecVirtual
	part, total []reg.VecVirtual
}

func (g *gen) codeProducts(nq, bits int) *codeProducts {
	mask := map[int]uint32{1: 0x01010101, 2: 0x03030303, 4: 0x0f0f0f0f}[bits]
	return &codeProducts{gen: g, bits: bits, mask: g.u32(mask), ones: g.u32(0x00010001), part: g.vecs(nq), total: g.vecs(nq)}
}

// products4 writes the products of nq rows of factors.
func (g *gen) products4(l level, nq int) {
	g.fn(l, fmt.Sprintf("products4x%d", nq), "(dst *float32, ldd int, f *byte, ldf int, c *byte, s *uint16, stride, rows, tiles int)",
		fmt.Sprintf("multiplies %d packed rows of factors, ldf bytes apart, with rows of 4-bit codes, stride of them in a step;", nq),
		"rows is a multiple of 8:",
		"dst[i,r] = s[r]·(z[i] + Σ d·Σ u·q), see _asm/codes.go; products4Generic is the reference implementation.")
	c := g.codeProducts(nq, 4)
	dst, codes, stride, scales := g.arg("dst"), g.arg("c"), g.bytesArg("stride", 2), g.arg("s")
	g.whileMem(g.addr("rows"), uint64(g.lanes()), "rows", func() {
		c.rows(codes, stride, nil)
		at, ldd := g.copyOf(dst), g.bytesArg("ldd", 2)
		g.Comment("dst = s·total")
		scale := g.vec()
		g.VCVTPH2PS(operand.Mem{Base: scales}, scale)
		g.add(g.bytes/2, scales)
		for _, t := range c.total {
			g.VMULPS(scale, t, t)
			g.VMOVUPS(t, operand.Mem{Base: at})
			g.ADDQ(ldd, at)
		}
		g.add(g.bytes, dst)
		g.add(g.bytes, codes)
	})
	g.done()
}

// addProducts writes what adds up the products of nq rows of factors with codes of bits.
func (g *gen) addProducts(l level, nq, bits int) {
	g.fn(l, fmt.Sprintf("addProducts%dx%d", bits, nq),
		"(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int)",
		fmt.Sprintf("multiplies %d packed rows of factors, ldf bytes apart, with rows of %d-bit codes, stride of them in a", nq, bits),
		"step, steps in a tile; rows is a multiple of 8:",
		"dst[i,r] += z[i] + Σ d·Σ u·q, see _asm/codes.go; addProductsGeneric is the reference implementation.")
	c := g.codeProducts(nq, bits)
	dst, codes, stride := g.arg("dst"), g.arg("c"), g.bytesArg("stride", 2)
	g.whileMem(g.addr("rows"), uint64(g.lanes()), "rows", func() {
		steps := g.GP64()
		c.rows(codes, stride, steps)
		at, ldd := g.copyOf(dst), g.bytesArg("ldd", 2)
		for _, t := range c.total {
			g.VADDPS(operand.Mem{Base: at}, t, t)
			g.VMOVUPS(t, operand.Mem{Base: at})
			g.ADDQ(ldd, at)
		}
		g.add(g.bytes, dst)
		g.add(g.bytes, codes)
	})
	g.done()
}

// rows computes the totals of the rows of a vector. steps counts those of a tile, nil are four of 4 bits.
func (c *codeProducts) rows(codes, stride reg.GPVirtual, steps reg.GPVirtual) {
	f, tiles, at := c.matrixArg("f", "ldf", 0, len(c.total)), c.arg("tiles"), c.copyOf(codes)
	c.Comment("total = z")
	for i, t := range c.total {
		c.VBROADCASTSS(f.row(i), t)
	}
	c.move(f, factorHead-c.bits/2*4)
	c.while(tiles, 1, "tile", func() {
		c.zero(c.part...)
		d := 0 // where the tile's scale is
		if steps == nil {
			for s := range 4 {
				c.step(at, f, 8*s)
				c.ADDQ(stride, at)
			}
			d = 32
		} else {
			c.Load(c.Param("steps"), steps)
			c.while(steps, 1, "step", func() {
				c.step(at, f, 0)
				c.ADDQ(stride, at)
				c.move(f, 32/c.bits)
			})
		}
		c.Comment("total += d·part")
		for i, p := range c.part {
			scale := c.vec()
			c.VPMADDWD(c.ones, p, p)
			c.VCVTDQ2PS(p, p)
			c.VBROADCASTSS(f.row(i).Offset(d), scale)
			c.VFMADD231PS(scale, p, c.total[i])
		}
		c.move(f, d+4)
	})
}

// step adds a step's columns.
func (c *codeProducts) step(at reg.GPVirtual, f matrix, col int) {
	c.Comment("part += Σ u·q")
	all := c.vec()
	c.VMOVDQU(operand.Mem{Base: at}, all)
	c.PREFETCHT0(operand.Mem{Base: at, Disp: codeAhead})
	for at := 0; at < 8; at += c.bits {
		u := c.vec()
		if at > 0 {
			c.VPSRLW(operand.Imm(uint64(at)), all, u)
			c.VPAND(c.mask, u, u)
		} else {
			c.VPAND(c.mask, all, u)
		}
		for i, p := range c.part {
			t := c.vec()
			c.VPBROADCASTD(f.row(i).Offset(col+4*at/c.bits), t)
			c.VPMADDUBSW(t, u, t)
			c.VPADDW(t, p, p)
		}
	}
}

// turn writes the exchange of rows and columns of squares of codes, n = 32/bits of each. Four rows of a square are 16
// bytes: byte x of row y has columns x, x+4, …. These are transposed as 4 × 4 bytes; then byte x of each of the 8/bits
// vectors has the same columns of rows that are four apart, a small square of its own, which exchanges of ever larger
// fields between pairs of vectors turn (H. S. Warren, Hacker's Delight, 7-3):
//
//	t = (a >> s ^ b) & m        b ^= t        a ^= t << s
func (g *gen) turn(l level, bits int) {
	g.fn(l, fmt.Sprintf("turn%d", bits), "(dst, src *byte, lds int, blocks int)",
		fmt.Sprintf("turns squares of %d × %d codes of %d bits, lds bytes apart in src and one behind the other in dst; turnGeneric is the reference implementation.", 32/bits, 32/bits, bits))
	dst, src, lds, blocks := g.arg("dst"), g.arg("src"), g.arg("lds"), g.arg("blocks")
	vectors := 8 / bits
	g.while(blocks, 1, "squares", func() {
		v, t := make([]reg.VecVirtual, vectors), g.XMM()
		for i := range v {
			v[i] = g.XMM()
			g.VMOVDQU(operand.Mem{Base: src, Disp: 16 * i}, v[i])
			g.VPSHUFB(g.data("transposed4", 0x0c080400, 0x0d090501, 0x0e0a0602, 0x0f0b0703), v[i], v[i])
		}
		for s, apart := bits, 1; s < 8; s, apart = 2*s, 2*apart {
			mask := map[int]uint32{1: all(0x55), 2: all(0x33), 4: all(0x0f)}[s]
			m := g.data(fmt.Sprintf("fields%d", s), mask, mask, mask, mask)
			for i := range v {
				if i&apart != 0 {
					continue
				}
				a, b := v[i], v[i+apart]
				g.VPSRLW(operand.Imm(uint64(s)), a, t)
				g.VPXOR(b, t, t)
				g.VPAND(m, t, t)
				g.VPXOR(t, b, b)
				g.VPSLLW(operand.Imm(uint64(s)), t, t)
				g.VPXOR(t, a, a)
			}
		}
		for i := range v {
			g.VMOVDQU(v[i], operand.Mem{Base: dst, Disp: 16 * i})
		}
		g.ADDQ(lds, src)
		g.add(16*vectors, dst)
	})
	g.done()
}

// quantizeSteps writes the rounding of components to codes.
func (g *gen) quantizeSteps(l level) {
	g.fn(l, "quantizeSteps", "(u *int32, y, half, most, worth *float32, n int, gain, inverse float32) float32",
		"rounds n values, a multiple of 8, to codes and returns what their errors are worth; quantizeStepsGeneric is the reference implementation.")
	u, y, half, most, worth, n := g.arg("u"), g.arg("y"), g.arg("half"), g.arg("most"), g.arg("worth"), g.arg("n")
	gain, inverse, zero, sum, middle := g.vec(), g.vec(), g.vec(), g.vec(), g.f32(0.5)
	addr, _ := g.Param("gain").Resolve()
	g.VBROADCASTSS(addr.Addr, gain)
	addr, _ = g.Param("inverse").Resolve()
	g.VBROADCASTSS(addr.Addr, inverse)
	g.zero(zero, sum)
	g.while(n, 8, "values", func() {
		v, c, m := g.vec(), g.vec(), g.vec()
		g.VMOVUPS(operand.Mem{Base: y}, v)
		g.VMOVUPS(operand.Mem{Base: most}, m)
		g.VMULPS(inverse, v, c)
		g.VADDPS(operand.Mem{Base: half}, c, c)
		g.VMAXPS(zero, c, c)
		g.VMINPS(m, c, c)
		g.VCVTTPS2DQ(c, c)
		g.VMOVDQU(c, operand.Mem{Base: u})
		g.Comment("error = y - gain·(u - most/2)")
		g.VCVTDQ2PS(c, c)
		g.VMULPS(middle, m, m)
		g.VSUBPS(m, c, c)
		g.VMULPS(gain, c, c)
		g.VSUBPS(c, v, v)
		g.VMULPS(v, v, v)
		g.VMULPS(operand.Mem{Base: worth}, v, v)
		g.VADDPS(v, sum, sum)
		for _, p := range []reg.GPVirtual{u, y, half, most, worth} {
			g.add(32, p)
		}
	})
	g.sum1(sum)
	g.Store(sum.AsX(), g.ReturnIndex(0))
	g.done()
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
