package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// buildBlockFloat writes the conversions to and from blocks of 32 mantissas with one exponent. AVX2 serves all levels.
func buildBlockFloat(g *gen) {
	g.toBlockFloat()
	g.blockFloatToF16()
}

func (g *gen) toBlockFloat() {
	g.fn(avx2, "toBlockFloat", "(dst *byte, x *float32, blocks int)",
		"rounds blocks of 32 floats to q·2^e; toBlockFloatGeneric is the reference implementation.")
	dst, x, blocks := g.arg("dst"), g.arg("x"), g.arg("blocks")
	c := &quantGen{gen: g, abs: g.u32(math.MaxInt32), order: g.unpackedOrder()}
	low, high := g.u32(uint32(0xffffffff-126)), g.u32(127)
	least := g.GP32()
	g.MOVL(operand.I32(-24), least)
	g.while(blocks, 1, "block", func() {
		g.Comment("e = max(exponent of max|x| - 6, -24); NaN is larger than all numbers by its bits")
		amax := c.absMax(x, 4)
		c.foldMax(amax)
		e := g.GP32()
		g.VMOVD(amax.AsX(), e)
		g.SHRL(operand.Imm(23), e)
		g.SUBL(operand.Imm(133), e)
		g.CMPL(e, least)
		g.CMOVLLT(least, e)
		g.MOVB(e.As8(), operand.Mem{Base: dst, Disp: 32})
		g.Comment("q = round(x·2^-e), -127 … 127")
		g.NEGL(e)
		g.powerOfTwo(e, amax)
		v := g.vecs(4)
		for i := range v {
			g.VMULPS(operand.Mem{Base: x, Disp: 32 * i}, amax, v[i])
			g.VCVTPS2DQ(v[i], v[i])
			g.VPMAXSD(low, v[i], v[i])
			g.VPMINSD(high, v[i], v[i])
		}
		g.VPACKSSDW(v[1], v[0], v[0])
		g.VPACKSSDW(v[3], v[2], v[2])
		g.VPACKSSWB(v[2], v[0], v[0])
		g.VPERMD(v[0], c.order, v[0])
		g.VMOVDQU(v[0], operand.Mem{Base: dst})
		g.add(128, x)
		g.add(33, dst)
	})
	g.done()
}

func (g *gen) blockFloatToF16() {
	g.fn(avx2, "blockFloatToF16", "(dst *uint16, src *byte, blocks int)",
		"converts blocks of 32 values q·2^e to half floats; blockFloatToF16Generic is the reference implementation.")
	dst, src, blocks := g.arg("dst"), g.arg("src"), g.arg("blocks")
	g.while(blocks, 1, "block", func() {
		e, scale := g.GP32(), g.YMM()
		g.MOVBLSX(operand.Mem{Base: src, Disp: 32}, e)
		g.powerOfTwo(e, scale)
		for i := range 4 {
			v := g.YMM()
			g.VPMOVSXBD(operand.Mem{Base: src, Disp: 8 * i}, v)
			g.VCVTDQ2PS(v, v)
			g.VMULPS(scale, v, v)
			g.VCVTPS2PH(operand.Imm(0), v, operand.Mem{Base: dst, Disp: 16 * i})
		}
		g.add(64, dst)
		g.add(33, src)
	})
	g.done()
}

// powerOfTwo sets all lanes of v to 2^e, and changes e.
func (g *gen) powerOfTwo(e reg.GPVirtual, v reg.VecVirtual) {
	g.ADDL(operand.Imm(127), e)
	g.SHLL(operand.Imm(23), e)
	g.VMOVD(e, v.AsX())
	g.VPBROADCASTD(v.AsX(), v)
}
