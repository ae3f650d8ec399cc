package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// buildVector writes the element-wise functions of a transformer, at each level. Any number of elements is right. The transpose of a
// matrix of floats is here as well, and floats of unpacked weights.
func buildVector(g *gen) {
	g.transpose(avx2)
	g.floats(avx2, false)
	g.floats(avx2, true)
	g.floatsK(avx2)
	for _, l := range []level{avx2, avx512} {
		g.expSum(l)
		g.gated(l, "siluMul", "siluMulGeneric", (*gen).siluExponent)
		g.gated(l, "geluMul", "geluMulGeneric", (*gen).geluExponent)
		g.sumSquares(l)
	}
}

// exp(x) = 2^n·e^r with n = round(x/ln2), |r| ≤ ln2/2. n·ln2 is taken away in two parts, the first of which has few enough
// bits for an exact product; e^r is a polynomial of degree 7; 2^n goes into the exponent. The error is below 1.3 units in the last
// place, in some 25 instructions for 8 or 16 values.

// expConsts are the registers that exp needs.
type expConsts struct {
	lo, hi, log2e, magic, ln2hi, ln2lo, one, bias reg.VecVirtual
	poly                                          []operand.Mem
}

// Coefficients of (e^r - 1 - r)/r² on |r| ≤ ln2/2, highest power first: Cephes, expf.
var expPoly = []float32{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1}

func (g *gen) expConsts() *expConsts {
	c := &expConsts{
		lo:    g.f32(-104), // e^-104 rounds to 0
		hi:    g.f32(89),   // e^89 overflows to +Inf
		log2e: g.f32(math.Log2E),
		magic: g.f32(3 << 22), // adding it leaves the nearest integer in the low bits of the mantissa
		ln2hi: g.f32(0.693359375),
		ln2lo: g.f32(-2.12194440e-4),
		one:   g.f32(1),
		bias:  g.u32(127),
	}
	for _, p := range expPoly {
		c.poly = append(c.poly, g.constant(math.Float32bits(p)))
	}
	return c
}

// exp replaces x by e^x. NaN stays NaN: MIN and MAX return their second source when one is NaN.
func (g *gen) exp(c *expConsts, x reg.VecVirtual) {
	n, y, z, t := g.vec(), g.vec(), g.vec(), g.vec()
	g.Comment("n = round(x/ln2), r = x - n·ln2")
	g.VMAXPS(x, c.lo, x)
	g.VMINPS(x, c.hi, x)
	g.VMOVAPS(c.magic, n)
	g.VFMADD231PS(c.log2e, x, n)
	g.VSUBPS(c.magic, n, y)
	g.VFNMADD231PS(c.ln2hi, y, x)
	g.VFNMADD231PS(c.ln2lo, y, x)
	g.Comment("y = 1 + r + r²·p(r)")
	g.VBROADCASTSS(c.poly[0], y)
	for _, p := range c.poly[1:] {
		g.VBROADCASTSS(p, t)
		g.VFMADD213PS(t, x, y)
	}
	g.VMULPS(x, x, z)
	g.VADDPS(c.one, x, x)
	g.VFMADD231PS(y, z, x)
	g.Comment("e^x = y·2^(n/2)·2^(n-n/2): two steps, so that subnormal and infinite results come out right")
	g.VPSUBD(c.magic, n, n)
	g.VPSRAD(operand.Imm(1), n, t)
	g.VPSUBD(t, n, n)
	for _, n := range []reg.VecVirtual{t, n} {
		g.VPADDD(c.bias, n, n)
		g.VPSLLD(operand.Imm(23), n, n)
		g.VMULPS(n, x, x)
	}
}

// expSum writes the numerator of a softmax and its sum.
func (g *gen) expSum(l level) {
	g.fn(l, "expSum", "(dst, x *float32, n int, max float32) float32",
		"sets dst[i] = exp(x[i]-max) for i < n, and returns their sum; expSumGeneric is the reference implementation.")
	dst, src, n := g.arg("dst"), g.arg("x"), g.arg("n")
	c, top, sum := g.expConsts(), g.vec(), g.vec()
	max, _ := g.Param("max").Resolve()
	g.VBROADCASTSS(max.Addr, top)
	g.zero(sum)
	g.eachVector(n, func(k *mask) {
		x := g.vec()
		g.load(operand.Mem{Base: src}, k, x)
		g.VSUBPS(top, x, x)
		g.exp(c, x)
		g.store(x, k, operand.Mem{Base: dst})
		g.keep(k, x)
		g.VADDPS(x, sum, sum)
		g.add(g.bytes, src)
		g.add(g.bytes, dst)
	})
	g.sum1(sum)
	g.Store(sum.AsX(), g.ReturnIndex(0))
	g.done()
}

// gated writes dst = gate·up/(1+e^z), z a function of gate that exponent computes.
func (g *gen) gated(l level, name, reference string, exponent func(*gen) func(z, x reg.VecVirtual)) {
	g.fn(l, name, "(dst, gate, up *float32, n int)",
		"sets dst[i] = f(gate[i])·up[i] for i < n; "+reference+" is the reference implementation.")
	dst, gate, up, n := g.arg("dst"), g.arg("gate"), g.arg("up"), g.arg("n")
	c, z := g.expConsts(), exponent(g)
	g.eachVector(n, func(k *mask) {
		x, y, e := g.vec(), g.vec(), g.vec()
		g.load(operand.Mem{Base: gate}, k, x)
		z(e, x)
		g.exp(c, e)
		g.Comment("dst = gate/(1+e^z)·up")
		g.VADDPS(c.one, e, e)
		g.VDIVPS(e, x, x)
		g.load(operand.Mem{Base: up}, k, y)
		g.VMULPS(y, x, x)
		g.store(x, k, operand.Mem{Base: dst})
		for _, p := range []reg.GPVirtual{gate, up, dst} {
			g.add(g.bytes, p)
		}
	})
	g.done()
}

// siluExponent: silu(x) = x/(1+e^-x).
func (g *gen) siluExponent() func(z, x reg.VecVirtual) {
	sign := g.u32(1 << 31)
	return func(z, x reg.VecVirtual) {
		g.Comment("z = -gate")
		if g.evex() {
			g.VPXORD(sign, x, z)
		} else {
			g.VPXOR(sign, x, z)
		}
	}
}

// geluExponent: gelu(x) = x/2·(1+tanh(u)) = x/(1+e^-2u) with u = √(2/π)·(x + 0.044715·x³).
func (g *gen) geluExponent() func(z, x reg.VecVirtual) {
	k := math.Sqrt(2 / math.Pi)
	c1, c3 := g.f32(float32(-2*k)), g.f32(float32(-2*k*0.044715))
	return func(z, x reg.VecVirtual) {
		g.Comment("z = -2·√(2/π)·(gate + 0.044715·gate³)")
		g.VMULPS(x, x, z)
		g.VFMADD213PS(c1, c3, z)
		g.VMULPS(x, z, z)
	}
}

// sumSquares writes Σx², with four sums side by side to hide the latency of the addition. The mask of the last elements clears
// the other lanes, which then add 0.
func (g *gen) sumSquares(l level) {
	g.fn(l, "sumSquares", "(x *float32, n int) float32",
		"returns the sum of x[i]² for i < n; sumSquaresGeneric is the reference implementation.")
	src, n := g.arg("x"), g.arg("n")
	acc := g.vecs(4)
	g.zero(acc...)
	add := func(many int, k *mask) {
		g.Comment("acc += x²")
		for i := range many {
			x := g.vec()
			g.load(operand.Mem{Base: src, Disp: i * g.bytes}, k, x)
			g.VFMADD231PS(x, x, acc[i])
		}
		g.add(many*g.bytes, src)
	}
	g.while(n, uint64(4*g.lanes()), "loop", func() { add(4, nil) })
	g.eachVector(n, func(k *mask) { add(1, k) })
	g.VADDPS(acc[1], acc[0], acc[0])
	g.VADDPS(acc[3], acc[2], acc[2])
	g.VADDPS(acc[2], acc[0], acc[0])
	g.sum1(acc[0])
	g.Store(acc[0].AsX(), g.ReturnIndex(0))
	g.done()
}

// transpose writes the transpose of a matrix in squares of 8: rows i and i+4 share a register, so that what is left to do stays within
// its halves.
func (g *gen) transpose(l level) {
	g.fn(l, "transposeF32", "(dst *float32, ldd int, src *float32, lds, rows, cols int)",
		"sets dst[c*ldd+r] = src[r*lds+c] for r < rows and c < cols, multiples of 8; transposeF32Generic is the reference implementation.")
	dst, src := g.arg("dst"), g.arg("src")
	ldd, lds := g.bytesArg("ldd", 2), g.bytesArg("lds", 2)
	ldd3, lds3 := g.times3(ldd), g.times3(lds)
	g.whileMem(g.addr("cols"), 8, "cols", func() {
		n, from, to := g.arg("rows"), g.copyOf(src), g.copyOf(dst)
		g.while(n, 8, "rows", func() {
			far := g.GP64()
			g.Comment("x[half][i] = [row i | row i+4], four columns each")
			g.LEAQ(operand.Mem{Base: from, Index: lds, Scale: 4}, far)
			var x [2][4]reg.VecVirtual
			for half := range x {
				for i := range x[half] {
					v := g.vec()
					g.VMOVUPS(rowPtr(from, lds, lds3, i).Offset(16*half), v.AsX())
					g.VINSERTF128(operand.Imm(1), rowPtr(far, lds, lds3, i).Offset(16*half), v, v)
					x[half][i] = v
				}
			}
			g.LEAQ(operand.Mem{Base: from, Index: lds, Scale: 8}, from)
			g.Comment("columns of four")
			g.LEAQ(operand.Mem{Base: to, Index: ldd, Scale: 4}, far)
			for half, at := range []reg.GPVirtual{to, far} {
				x := x[half]
				for pair := range 2 { // columns 2·pair and 2·pair+1 of the half
					a, b, y := g.vec(), g.vec(), g.vec()
					if pair == 0 {
						g.VUNPCKLPS(x[1], x[0], a)
						g.VUNPCKLPS(x[3], x[2], b)
					} else {
						g.VUNPCKHPS(x[1], x[0], a)
						g.VUNPCKHPS(x[3], x[2], b)
					}
					g.VSHUFPS(operand.Imm(0x44), b, a, y)
					g.VMOVUPS(y, rowPtr(at, ldd, ldd3, 2*pair))
					g.VSHUFPS(operand.Imm(0xee), b, a, a)
					g.VMOVUPS(a, rowPtr(at, ldd, ldd3, 2*pair+1))
				}
			}
			g.add(32, to)
		})
		g.add(32, src)
		g.LEAQ(operand.Mem{Base: dst, Index: ldd, Scale: 8}, dst)
	})
	g.done()
}

// floats writes the weights of blocks of 32 codes, with a minimum or without. Products and sums are rounded one after the other, as Go
// does it.
func (g *gen) floats(l level, min bool) {
	name, sig, sum := "floats", "(dst *float32, q *byte, d *float32, bias, blocks int)", ""
	if min {
		name, sig, sum = "floatsMin", "(dst *float32, q *byte, d, m *float32, bias, blocks int)", " + m[b]"
	}
	g.fn(l, name, sig, "sets dst[i] = d[b]·(q[i]-bias)"+sum+", b = i/32, for so many blocks; codeFloatsGeneric is the reference implementation.")
	dst, q, d := g.arg("dst"), g.arg("q"), g.arg("d")
	var m reg.GPVirtual
	if min {
		m = g.arg("m")
	}
	bias := g.vec()
	g.VMOVD(g.arg("bias").As32(), bias.AsX())
	g.VPBROADCASTD(bias.AsX(), bias)
	g.while(g.arg("blocks"), 1, "block", func() {
		f, add := g.vec(), g.vec()
		g.VBROADCASTSS(operand.Mem{Base: d}, f)
		if min {
			g.VBROADCASTSS(operand.Mem{Base: m}, add)
			g.add(4, m)
		}
		for i := 0; i < 32; i += g.lanes() {
			x := g.vec()
			g.VPMOVZXBD(operand.Mem{Base: q, Disp: i}, x)
			g.VPSUBD(bias, x, x)
			g.VCVTDQ2PS(x, x)
			g.VMULPS(f, x, x)
			if min {
				g.VADDPS(add, x, x)
			}
			g.VMOVUPS(x, operand.Mem{Base: dst, Disp: 4 * i})
		}
		g.add(4, d)
		g.add(32, q)
		g.add(128, dst)
	})
	g.done()
}

// floatsK writes the floats of codes in blocks of 256.
func (g *gen) floatsK(l level) {
	g.fn(l, "floatsK", "(dst *float32, q *byte, d, m *float32, bias, groups int)",
		"sets dst[i] = d[g]·(q[i]-bias) - m[g], g = i/16, for so many groups; codeFloatsKGeneric is the reference implementation.")
	dst, q, d, m := g.arg("dst"), g.arg("q"), g.arg("d"), g.arg("m")
	bias := g.vec()
	g.VMOVD(g.arg("bias").As32(), bias.AsX())
	g.VPBROADCASTD(bias.AsX(), bias)
	g.while(g.arg("groups"), 1, "group", func() {
		f, less := g.vec(), g.vec()
		g.VBROADCASTSS(operand.Mem{Base: d}, f)
		g.VBROADCASTSS(operand.Mem{Base: m}, less)
		for i := 0; i < 16; i += g.lanes() {
			x := g.vec()
			g.VPMOVZXBD(operand.Mem{Base: q, Disp: i}, x)
			g.VPSUBD(bias, x, x)
			g.VCVTDQ2PS(x, x)
			g.VMULPS(f, x, x)
			g.VSUBPS(less, x, x)
			g.VMOVUPS(x, operand.Mem{Base: dst, Disp: 4 * i})
		}
		g.add(4, d)
		g.add(4, m)
		g.add(16, q)
		g.add(64, dst)
	})
	g.done()
}
