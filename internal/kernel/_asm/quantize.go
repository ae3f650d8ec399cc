package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// buildQuantize writes the quantisation of activations. It takes so little of a token's time that AVX2 serves all levels.
// Every operation is the reference implementation's, in its order, so that the results have the same bits.
func buildQuantize(g *gen) {
	g.quantQ8()
	g.quantQ8K()
}

// The largest magnitude is found by its bits: those of a float without its sign grow with it, and NaN's are above all others.
// Rounding adds 3·2^22, after which the lowest bits of the mantissa are the nearest integer, ties to even, in two's complement;
// the sum is rounded once, as x·id is before it, so that no fused multiplication may be used.

// quantGen is what the two functions share.
type quantGen struct {
	*gen
	abs, magic, bytes, order, ones8, ones16 reg.VecVirtual
	tiny, largest, one, limit               operand.Mem
}

func (g *gen) newQuantGen(limit float32) *quantGen {
	return &quantGen{
		gen: g, abs: g.u32(math.MaxInt32), magic: g.f32(3 << 22), bytes: g.u32(0xff),
		order: g.unpackedOrder(),
		ones8: g.u32(0x01010101), ones16: g.u32(0x00010001),
		tiny:    g.quad(math.Float32bits(127 / float32(math.MaxFloat32))),
		largest: g.quad(math.Float32bits(math.MaxFloat32)),
		limit:   g.quad(math.Float32bits(limit)),
		one:     g.quad(math.Float32bits(1)),
	}
}

// quad returns the address of four times the same word.
func (g *gen) quad(w uint32) operand.Mem { return g.data(fmt.Sprintf("quad%08x", w), w, w, w, w) }

// quantQ8 writes the form of blocks of 32.
func (g *gen) quantQ8() {
	g.fn(avx2, "quantQ8", "(q *int8, d, s, x *float32, blocks int)",
		"quantises blocks of 32 floats: d = max|x|/127, q = round(x·127/max|x|), s = d·Σq; quantQ8 is the reference implementation.")
	q, d, s, x, blocks := g.arg("q"), g.arg("d"), g.arg("s"), g.arg("x"), g.arg("blocks")
	c := g.newQuantGen(127)
	g.while(blocks, 1, "block", func() {
		g.Comment("amax = max|x|; NaN is larger than all numbers by its bits")
		amax := c.absMax(x, 4)
		c.foldMax(amax)
		id, dd, t := g.XMM(), g.XMM(), g.XMM()
		g.Comment("id = 127/amax, d = amax/127, both 0 for a tiny amax; id = 0 for one that is not finite")
		g.VMOVUPS(c.limit, t)
		g.VDIVPS(amax.AsX(), t, id)
		c.whereFinite(amax.AsX(), id)
		c.notLessEqual(c.tiny, amax.AsX(), dd)
		g.VANDPS(amax.AsX(), dd, dd)
		g.VDIVPS(t, dd, dd)
		g.VMOVSS(dd, operand.Mem{Base: d})
		p := c.round32(x, id)
		g.VMOVDQU(p, operand.Mem{Base: q})
		c.laneSums(p)
		g.Comment("s = d·Σq")
		u := g.YMM()
		g.VEXTRACTI128(operand.Imm(1), p, u.AsX())
		g.VPADDD(u.AsX(), p.AsX(), p.AsX())
		g.VCVTDQ2PS(p.AsX(), p.AsX())
		g.VMULSS(dd, p.AsX(), p.AsX())
		g.VMOVSS(p.AsX(), operand.Mem{Base: s})
		g.add(128, x)
		g.add(32, q)
		g.add(4, d)
		g.add(4, s)
	})
	g.done()
}

// quantQ8K writes the form of blocks of 256.
func (g *gen) quantQ8K() {
	g.fn(avx2, "quantQ8K", "(q *int8, d *float32, bsums *int16, x *float32, blocks int)",
		"quantises blocks of 256 floats: m the first of the largest magnitude, d = -m/127, q = round(-127·x/m), bsums = Σq",
		"over 16; quantQ8K is the reference implementation.")
	q, d, sums, x, blocks := g.arg("q"), g.arg("d"), g.arg("bsums"), g.arg("x"), g.arg("blocks")
	c := g.newQuantGen(-127)
	g.while(blocks, 1, "block", func() {
		amax := c.absMax(x, 32)
		c.foldMax(amax)
		m := c.findMax(x, amax)
		id, dd := c.inverseK(m, amax.AsX())
		g.VMOVSS(dd, operand.Mem{Base: d})
		n := g.GP64()
		g.MOVQ(operand.I32(8), n)
		g.while(n, 1, "part", func() {
			p := c.round32(x, id)
			g.VMOVDQU(p, operand.Mem{Base: q})
			c.laneSums(p)
			u := g.YMM()
			g.VEXTRACTI128(operand.Imm(1), p, u.AsX())
			g.VPEXTRW(operand.Imm(0), p.AsX(), operand.Mem{Base: sums})
			g.VPEXTRW(operand.Imm(0), u.AsX(), operand.Mem{Base: sums, Disp: 2})
			g.add(128, x)
			g.add(32, q)
			g.add(4, sums)
		})
		g.add(4, d)
	})
	g.done()
}

// absMax returns the lane by lane maximum of |x| over some vectors.
func (c *quantGen) absMax(x reg.GPVirtual, vectors int) reg.VecVirtual {
	m := c.YMM()
	c.VANDPS(operand.Mem{Base: x}, c.abs, m)
	for i := 1; i < vectors; i++ {
		t := c.YMM()
		c.VANDPS(operand.Mem{Base: x, Disp: 32 * i}, c.abs, t)
		c.VPMAXSD(t, m, m)
	}
	return m
}

// foldMax puts the largest lane of m into its four lowest.
func (c *quantGen) foldMax(m reg.VecVirtual) {
	t := c.YMM()
	c.VEXTRACTI128(operand.Imm(1), m, t.AsX())
	c.VPMAXSD(t.AsX(), m.AsX(), m.AsX())
	for _, swap := range []uint64{0b01_00_11_10, 0b10_11_00_01} {
		c.VPSHUFD(operand.Imm(swap), m.AsX(), t.AsX())
		c.VPMAXSD(t.AsX(), m.AsX(), m.AsX())
	}
}

// Predicates of VCMPPS.
const (
	lessEqual    = 0x12 // false for NaN
	notLessEqual = 0x06 // true for NaN
	greater      = 0x1e // false for NaN
	greaterEqual = 0x1d // false for NaN
	notEqual     = 0x04 // true for NaN
)

// whereFinite clears v unless tiny < amax ≤ MaxFloat32: below, the inverse overflows; above there is no scale.
func (c *quantGen) whereFinite(amax, v reg.Register) {
	t := c.XMM()
	c.VCMPPS(operand.Imm(greater), c.tiny, amax, t)
	c.VANDPS(t, v, v)
	c.VCMPPS(operand.Imm(lessEqual), c.largest, amax, t)
	c.VANDPS(t, v, v)
}

// notLessEqual sets v to all ones when amax is above the limit or NaN, else to 0.
func (c *quantGen) notLessEqual(limit operand.Mem, amax, v reg.Register) {
	c.VCMPPS(operand.Imm(notLessEqual), limit, amax, v)
}

// findMax returns, in four lanes, the first value of 256 at x that has the magnitude amax. There is one, so the search ends.
func (c *quantGen) findMax(x reg.GPVirtual, amax reg.VecVirtual) reg.VecVirtual {
	c.Comment("m = the first x with |x| = amax")
	all, p, bits, found := c.YMM(), c.copyOf(x), c.GP32(), c.label("found")
	c.VPBROADCASTD(amax.AsX(), all)
	next := c.label("search")
	c.Label(next)
	t := c.YMM()
	c.VANDPS(operand.Mem{Base: p}, c.abs, t)
	c.VPCMPEQD(all, t, t)
	c.VMOVMSKPS(t, bits)
	c.TESTL(bits, bits)
	c.JNE(operand.LabelRef(found))
	c.add(32, p)
	c.JMP(operand.LabelRef(next))
	c.Label(found)
	c.TZCNTL(bits, bits)
	m := c.YMM()
	c.VBROADCASTSS(operand.Mem{Base: p, Index: bits.As64(), Scale: 4}, m.AsX())
	return m
}

// inverseK returns id = -127/m, 0 when m is tiny or not finite, and d = 1/id, 0 for a tiny m and NaN for one not finite.
func (c *quantGen) inverseK(m reg.VecVirtual, amax reg.Register) (id, d reg.VecVirtual) {
	c.Comment("id = -127/m, d = 1/id")
	id, d = c.XMM(), c.XMM()
	t := c.XMM()
	c.VMOVUPS(c.limit, t)
	c.VDIVPS(m.AsX(), t, id)
	c.VMOVUPS(c.one, t)
	c.VDIVPS(id, t, d)
	c.whereFinite(amax, id)
	c.whereFinite(amax, d)
	c.notLessEqual(c.largest, amax, t)
	c.VORPS(t, d, d) // all ones is a NaN
	return id, d
}

// round32 returns round(x·id) of 32 floats as bytes in order: the low bytes of x·id + 3·2^22.
func (c *quantGen) round32(x reg.GPVirtual, id reg.VecVirtual) reg.VecVirtual {
	c.Comment("q = round(x·id)")
	all := c.YMM()
	c.VBROADCASTSS(id.AsX(), all)
	v := c.vecs(4)
	for i := range v {
		c.VMULPS(operand.Mem{Base: x, Disp: 32 * i}, all, v[i])
		c.VADDPS(c.magic, v[i], v[i])
	}
	c.packBytes(v, c.bytes, c.order)
	return v[0]
}

// laneSums replaces 32 int8 by the sums of each 16, in all of the four lanes of 32 bits.
func (c *quantGen) laneSums(p reg.VecVirtual) {
	c.Comment("Σq over 16")
	c.VPMADDUBSW(p, c.ones8, p)
	c.VPMADDWD(c.ones16, p, p)
	t := c.YMM()
	for _, swap := range []uint64{0b01_00_11_10, 0b10_11_00_01} {
		c.VPSHUFD(operand.Imm(swap), p, t)
		c.VPADDD(t, p, p)
	}
}
