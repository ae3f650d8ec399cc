package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// buildFit writes the inner loops of the encoders of package encode, for eight groups of weights side by side: weight j of
// group l is lane l of vector j. Products and sums are rounded one after the other, in the order of the reference
// implementation, so that the results have the same bits. AVX2 serves all levels.
func buildFit(g *gen) {
	g.fitStats()
	g.fitSums()
	g.fitTry()
	g.fitCodes()
	g.blocks()
}

// fitStats writes what an encoder wants to know of the groups before it looks for scales.
func (g *gen) fitStats() {
	g.fn(avx2, "fitStats", "(stats, wx, x, w *float32, n int)",
		"sets wx = w·x for n vectors, and stats to Σw, Σw·x, the smallest and the largest x; fitStatsGeneric is the reference implementation.")
	stats, wx, x, w, n := g.arg("stats"), g.arg("wx"), g.arg("x"), g.arg("w"), g.arg("n")
	sw, swx, lo, hi := g.vec(), g.vec(), g.vec(), g.vec()
	g.zero(sw, swx)
	g.VMOVUPS(operand.Mem{Base: x}, lo)
	g.VMOVAPS(lo, hi)
	g.while(n, 1, "weight", func() {
		v, t, u := g.vec(), g.vec(), g.vec()
		g.VMOVUPS(operand.Mem{Base: x}, v)
		g.VMOVUPS(operand.Mem{Base: w}, t)
		g.VMULPS(v, t, u)
		g.VMOVUPS(u, operand.Mem{Base: wx})
		g.VADDPS(t, sw, sw)
		g.VADDPS(u, swx, swx)
		g.VMINPS(v, lo, lo)
		g.VMAXPS(v, hi, hi)
		for _, p := range []reg.GPVirtual{x, w, wx} {
			g.add(32, p)
		}
	})
	for i, v := range []reg.VecVirtual{sw, swx, lo, hi} {
		g.VMOVUPS(v, operand.Mem{Base: stats, Disp: 32 * i})
	}
	g.done()
}

// fitCoder is how weights become codes: round((x-shift)·inv), at least low and at most top; without shift where that is nil.
type fitCoder struct {
	*gen
	shift, inv, low, top, magic reg.VecVirtual
}

// tiny is what scales are not inverted below, as fitInverse says.
const tiny = 1e-15

// newFitCoder loads the parameters of that name.
func (g *gen) newFitCoder() *fitCoder {
	c := &fitCoder{gen: g, shift: g.vec(), inv: g.vec(), low: g.vec(), top: g.vec(), magic: g.f32(3 << 22)}
	g.VMOVUPS(operand.Mem{Base: g.arg("shift")}, c.shift)
	g.VMOVUPS(operand.Mem{Base: g.arg("inv")}, c.inv)
	g.VBROADCASTSS(g.addr("low"), c.low)
	g.VBROADCASTSS(g.addr("top"), c.top)
	return c
}

// code returns the codes of the weights at m.
func (c *fitCoder) code(m operand.Mem) reg.VecVirtual {
	q := c.vec()
	c.VMOVUPS(m, q)
	if c.shift != nil {
		c.VSUBPS(c.shift, q, q)
	}
	c.VMULPS(c.inv, q, q)
	c.VADDPS(c.magic, q, q)
	c.VSUBPS(c.magic, q, q)
	c.VMINPS(c.top, q, q)
	c.VMAXPS(c.low, q, q)
	return q
}

// fitSums writes the sums from which the best scale for codes follows, of even and odd weights apart to hide the latency
// of the additions.
func (g *gen) fitSums() {
	g.fn(avx2, "fitSums", "(sums, x, w, wx *float32, n int, shift, inv *float32, low, top float32)",
		"sets sums to Σw·q, Σw·q² and Σwx·q over n vectors, an even number, q = round((x-shift)·inv) from low to top;",
		"fitSumsGeneric is the reference implementation.")
	sums, x, w, wx, n := g.arg("sums"), g.arg("x"), g.arg("w"), g.arg("wx"), g.arg("n")
	c := g.newFitCoder()
	acc := [2][]reg.VecVirtual{g.vecs(3), g.vecs(3)}
	g.zero(acc[0]...)
	g.zero(acc[1]...)
	g.while(n, 2, "pair", func() {
		for i, a := range acc {
			g.Comment("Σ += w·q, (w·q)·q, wx·q")
			q, t := c.code(operand.Mem{Base: x, Disp: 32 * i}), g.vec()
			g.VMULPS(operand.Mem{Base: w, Disp: 32 * i}, q, t)
			g.VADDPS(t, a[0], a[0])
			g.VMULPS(q, t, t)
			g.VADDPS(t, a[1], a[1])
			g.VMULPS(operand.Mem{Base: wx, Disp: 32 * i}, q, t)
			g.VADDPS(t, a[2], a[2])
		}
		for _, p := range []reg.GPVirtual{x, w, wx} {
			g.add(64, p)
		}
	})
	for i := range 3 {
		g.VADDPS(acc[1][i], acc[0][i], acc[0][i])
		g.VMOVUPS(acc[0][i], operand.Mem{Base: sums, Disp: 32 * i})
	}
	g.done()
}

// fitTry writes the sums of fitSums that a scale alone needs, and keeps the scale where it is better.
func (g *gen) fitTry() {
	g.fn(avx2, "fitTry", "(best, d, x, w, wx *float32, n int, by float32, of *float32, low, top float32) int32",
		"sets d and best to d' = Σwx·q/Σw·q² and d'·Σwx·q where that is more than best, over n vectors, an even number, q = round(x·by/of)",
		"from low to top; it returns a bit for each such lane. fitTryGeneric is the reference implementation.")
	best, d := g.arg("best"), g.arg("d")
	x, w, wx, n := g.arg("x"), g.arg("w"), g.arg("wx"), g.arg("n")
	c := &fitCoder{gen: g, inv: g.vec(), low: g.vec(), top: g.vec(), magic: g.f32(3 << 22)}
	g.VBROADCASTSS(g.addr("low"), c.low)
	g.VBROADCASTSS(g.addr("top"), c.top)
	g.Comment("inv = by/of, 0 for a tiny one")
	of, large := g.vec(), g.vec()
	g.VMOVUPS(operand.Mem{Base: g.arg("of")}, of)
	g.VANDPS(g.u32(math.MaxInt32), of, large)
	g.VCMPPS(operand.Imm(greaterEqual), g.f32(tiny), large, large)
	g.VBROADCASTSS(g.addr("by"), c.inv)
	g.VDIVPS(of, c.inv, c.inv)
	g.VANDPS(large, c.inv, c.inv)
	acc := [2][]reg.VecVirtual{g.vecs(2), g.vecs(2)}
	g.zero(acc[0]...)
	g.zero(acc[1]...)
	g.while(n, 2, "pair", func() {
		for i, a := range acc {
			g.Comment("Σ += (w·q)·q, wx·q")
			q, t := c.code(operand.Mem{Base: x, Disp: 32 * i}), g.vec()
			g.VMULPS(operand.Mem{Base: w, Disp: 32 * i}, q, t)
			g.VMULPS(q, t, t)
			g.VADDPS(t, a[0], a[0])
			g.VMULPS(operand.Mem{Base: wx, Disp: 32 * i}, q, t)
			g.VADDPS(t, a[1], a[1])
		}
		for _, p := range []reg.GPVirtual{x, w, wx} {
			g.add(64, p)
		}
	})
	qq, xq := acc[0][0], acc[0][1]
	g.VADDPS(acc[1][0], qq, qq)
	g.VADDPS(acc[1][1], xq, xq)
	g.Comment("better: Σw·q² > 0 and (Σwx·q)² > best·Σw·q²")
	old, better, t := g.vec(), g.vec(), g.vec()
	g.VMOVUPS(operand.Mem{Base: best}, old)
	g.VMULPS(qq, old, t)
	g.VMULPS(xq, xq, better)
	g.VCMPPS(operand.Imm(greater), t, better, better)
	g.zero(t)
	g.VCMPPS(operand.Imm(greater), t, qq, t)
	g.VANDPS(t, better, better)
	g.Comment("d = Σwx·q/Σw·q², best = d·Σwx·q")
	g.VDIVPS(qq, xq, t)
	g.VMULPS(t, xq, xq)
	g.VBLENDVPS(better, xq, old, old)
	g.VMOVUPS(old, operand.Mem{Base: best})
	g.VMOVUPS(operand.Mem{Base: d}, old)
	g.VBLENDVPS(better, t, old, old)
	g.VMOVUPS(old, operand.Mem{Base: d})
	bits := g.GP32()
	g.VMOVMSKPS(better, bits)
	g.Store(bits, g.ReturnIndex(0))
	g.done()
}

// fitCodes writes the codes themselves, as bytes from 0.
func (g *gen) fitCodes() {
	g.fn(avx2, "fitCodes", "(q *byte, x *float32, n int, shift, inv *float32, low, top float32)",
		"sets q to the codes of n vectors less low, q = round((x-shift)·inv) from low to top; fitCodesGeneric is the reference implementation.")
	q, x, n := g.arg("q"), g.arg("x"), g.arg("n")
	c := g.newFitCoder()
	g.while(n, 1, "weight", func() {
		v, t := c.code(operand.Mem{Base: x}), g.vec()
		g.VSUBPS(c.low, v, v)
		g.VCVTPS2DQ(v, v)
		g.VEXTRACTI128(operand.Imm(1), v, t.AsX())
		g.VPACKUSDW(t.AsX(), v.AsX(), v.AsX())
		g.VPACKUSWB(v.AsX(), v.AsX(), v.AsX())
		g.VMOVQ(v.AsX(), operand.Mem{Base: q})
		g.add(32, x)
		g.add(8, q)
	})
	g.done()
}

// blocks writes the parts of ggml's reference encoders for one block of 32 weights, and the measure of errors.
func (g *gen) blocks() {
	g.signedMax32()
	g.absMax()
	g.range32()
	g.codes32()
	g.roundAway32()
	g.squares()
}

// signedMax32 finds the weight of the largest magnitude.
func (g *gen) signedMax32() {
	g.fn(avx2, "signedMax32", "(x *float32) float32",
		"returns the first of 32 values with the largest magnitude, NaN if there is one; signedMax is the reference implementation.")
	x := g.arg("x")
	c := &quantGen{gen: g, abs: g.u32(math.MaxInt32)}
	amax := c.absMax(x, 4)
	c.foldMax(amax)
	m := c.findMax(x, amax)
	g.Store(m.AsX(), g.ReturnIndex(0))
	g.done()
}

// absMax finds the largest magnitude. Bits of magnitudes have their order, with NaN at the top.
func (g *gen) absMax() {
	g.fn(avx2, "absMax", "(x *float32, n int) float32",
		"returns the largest magnitude of n values, a multiple of 32, NaN if there is one; absMax is the reference implementation.")
	x, n := g.arg("x"), g.arg("n")
	c := &quantGen{gen: g, abs: g.u32(math.MaxInt32)}
	m := g.vecs(4)
	g.zero(m...)
	g.while(n, 32, "loop", func() {
		for i, m := range m {
			t := g.vec()
			g.VANDPS(operand.Mem{Base: x, Disp: 32 * i}, c.abs, t)
			g.VPMAXSD(t, m, m)
		}
		g.add(128, x)
	})
	for _, v := range m[1:] {
		g.VPMAXSD(v, m[0], m[0])
	}
	c.foldMax(m[0])
	g.Store(m[0].AsX(), g.ReturnIndex(0))
	g.done()
}

// range32 finds the extremes.
func (g *gen) range32() {
	g.fn(avx2, "range32", "(x *float32) (lo, hi float32)",
		"returns the smallest and the largest of 32 numbers, a zero of either sign; range32Generic is the reference implementation.")
	x := g.arg("x")
	lo, hi := g.vec(), g.vec()
	g.VMOVUPS(operand.Mem{Base: x}, lo)
	g.VMOVAPS(lo, hi)
	for i := 1; i < 4; i++ {
		g.VMINPS(operand.Mem{Base: x, Disp: 32 * i}, lo, lo)
		g.VMAXPS(operand.Mem{Base: x, Disp: 32 * i}, hi, hi)
	}
	for i, v := range []reg.VecVirtual{lo, hi} {
		fold := func(t reg.Register) {
			if i == 0 {
				g.VMINPS(t, v.AsX(), v.AsX())
			} else {
				g.VMAXPS(t, v.AsX(), v.AsX())
			}
		}
		t := g.XMM()
		g.VEXTRACTF128(operand.Imm(1), v, t)
		fold(t)
		for _, swap := range []uint64{0b01_00_11_10, 0b10_11_00_01} {
			g.VPERMILPS(operand.Imm(swap), v.AsX(), t)
			fold(t)
		}
		g.Store(v.AsX(), g.ReturnIndex(i))
	}
	g.done()
}

// codes32 writes codes that are rounded down.
func (g *gen) codes32() {
	g.fn(avx2, "codes32", "(q *byte, x *float32, shift, inv, bias, top float32)",
		"sets q to 32 codes (x-shift)·inv + bias, at least 0 and at most top, without what is behind the point; codes32Generic",
		"is the reference implementation.")
	q, x := g.arg("q"), g.arg("x")
	shift, inv, bias, top, zero := g.vec(), g.vec(), g.vec(), g.vec(), g.vec()
	for i, v := range []reg.VecVirtual{shift, inv, bias, top} {
		g.VBROADCASTSS(g.addr([]string{"shift", "inv", "bias", "top"}[i]), v)
	}
	g.zero(zero)
	v := g.vecs(4)
	for i, v := range v {
		g.VMOVUPS(operand.Mem{Base: x, Disp: 32 * i}, v)
		g.VSUBPS(shift, v, v)
		g.VMULPS(inv, v, v)
		g.VADDPS(bias, v, v)
		g.VMAXPS(zero, v, v)
		g.VMINPS(top, v, v)
		g.VCVTTPS2DQ(v, v)
	}
	g.packBytes(v, g.u32(0xff), g.unpackedOrder())
	g.VMOVDQU(v[0], operand.Mem{Base: q})
	g.done()
}

// unpackedOrder returns the order that packing within lanes of 128 bits needs to be undone.
func (g *gen) unpackedOrder() reg.VecVirtual { return g.words("unpacked", 0, 4, 1, 5, 2, 6, 3, 7) }

// packBytes leaves the lowest bytes of four vectors of integers in v[0], in order. bytes is 0xff in every lane, order is unpackedOrder.
func (g *gen) packBytes(v []reg.VecVirtual, bytes, order reg.VecVirtual) {
	for _, v := range v {
		g.VPAND(bytes, v, v)
	}
	g.VPACKUSDW(v[1], v[0], v[0])
	g.VPACKUSDW(v[3], v[2], v[2])
	g.VPACKUSWB(v[2], v[0], v[0])
	g.VPERMD(v[0], order, v[0])
}

// roundAway32 writes codes of Q8_0. Adding the number before ½ and cutting off what is behind the point rounds halves away from
// zero, as C's roundf.
func (g *gen) roundAway32() {
	g.fn(avx2, "roundAway32", "(q *byte, x *float32, inv float32)",
		"sets q to 32 values x·inv, of magnitudes below 128, rounded to the nearest, halves away from zero; roundAway32Generic is",
		"the reference implementation.")
	q, x := g.arg("q"), g.arg("x")
	inv := g.vec()
	g.VBROADCASTSS(g.addr("inv"), inv)
	sign, half := g.u32(1<<31), g.f32(math.Nextafter32(0.5, 0))
	v := g.vecs(4)
	for i, v := range v {
		t := g.vec()
		g.VMULPS(operand.Mem{Base: x, Disp: 32 * i}, inv, v)
		g.VANDPS(sign, v, t)
		g.VORPS(half, t, t)
		g.VADDPS(t, v, v)
		g.VCVTTPS2DQ(v, v)
	}
	g.packBytes(v, g.u32(0xff), g.unpackedOrder())
	g.VMOVDQU(v[0], operand.Mem{Base: q})
	g.done()
}

// squares adds up in double precision, so that nothing overflows or is lost.
func (g *gen) squares() {
	g.fn(avx2, "squares", "(x, y *float32, n int) (errs, all float64)",
		"returns Σ(x-y)² and Σx² over n values, a multiple of 4; squaresGeneric is the reference implementation.")
	x, y, n := g.arg("x"), g.arg("y"), g.arg("n")
	errs, all := g.vec(), g.vec()
	g.zero(errs, all)
	g.while(n, 4, "four", func() {
		v, d := g.vec(), g.vec()
		g.VMOVUPS(operand.Mem{Base: x}, v.AsX())
		g.VSUBPS(operand.Mem{Base: y}, v.AsX(), d.AsX())
		g.VCVTPS2PD(v.AsX(), v)
		g.VCVTPS2PD(d.AsX(), d)
		g.VFMADD231PD(v, v, all)
		g.VFMADD231PD(d, d, errs)
		g.add(16, x)
		g.add(16, y)
	})
	for i, v := range []reg.VecVirtual{errs, all} {
		t := g.XMM()
		g.VEXTRACTF128(operand.Imm(1), v, t)
		g.VADDPD(t, v.AsX(), v.AsX())
		g.VPERMILPD(operand.Imm(1), v.AsX(), t)
		g.VADDPD(t, v.AsX(), v.AsX())
		g.Store(v.AsX(), g.ReturnIndex(i))
	}
	g.done()
}
