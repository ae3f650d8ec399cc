package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// buildF16 writes the conversions between half and single precision; F16C does them, eight at a time.
func buildF16(g *gen) {
	g.fn(avx2, "f16ToF32", "(dst *float32, src *uint16, n int)",
		"converts n halves, a multiple of 8; f16ToF32Generic is the reference implementation.")
	g.convert(2, 4, func(src, dst operand.Mem) {
		v := g.YMM()
		g.VCVTPH2PS(src, v)
		g.VMOVUPS(v, dst)
	})

	g.fn(avx2, "f32ToF16", "(dst *uint16, src *float32, n int)",
		"converts n floats, a multiple of 8, to nearest even; f32ToF16Generic is the reference implementation.")
	g.convert(4, 2, func(src, dst operand.Mem) {
		v := g.YMM()
		g.VMOVUPS(src, v)
		g.VCVTPS2PH(operand.Imm(0), v, dst) // rounding 0 of the instruction: nearest even, whatever MXCSR says
	})
}

// convert applies one to 8 elements of in bytes at src and out bytes at dst, until n are done: 32 at a time, which is as fast as
// the first-level cache can be written, then 8.
func (g *gen) convert(in, out int, one func(src, dst operand.Mem)) {
	dst, src, n := g.arg("dst"), g.arg("src"), g.arg("n")
	for _, step := range []int{32, 8} {
		g.while(n, uint64(step), "loop", func() {
			g.Commentf("dst[i] = convert(src[i]), %d at a time", step)
			for i := 0; i < step; i += 8 {
				one(operand.Mem{Base: src, Disp: i * in}, operand.Mem{Base: dst, Disp: i * out})
			}
			g.add(step*in, src)
			g.add(step*out, dst)
		})
	}
	g.done()
}

// loadF16 converts the halves at m to floats in v, which holds as many as the level's register. A mask, AVX-512 only, reads
// its lanes and clears the others.
func (g *gen) loadF16(m operand.Mem, k *mask, v reg.VecVirtual) {
	if k != nil {
		g.VCVTPH2PS_Z(m, k.k, v)
		return
	}
	g.VCVTPH2PS(m, v)
}

// loadBF16 is loadF16 for bfloat16, the upper half of a float: widening and a shift.
func (g *gen) loadBF16(m operand.Mem, k *mask, v reg.VecVirtual) {
	if k != nil {
		g.VPMOVZXWD_Z(m, k.k, v)
	} else {
		g.VPMOVZXWD(m, v)
	}
	g.VPSLLD(operand.Imm(16), v, v)
}
