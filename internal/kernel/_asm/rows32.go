package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Weight rows in blocks of 32 times one token: what decoding consists of. It reads every weight once, so that it can be no
// faster than memory, and the aim is to be no slower, in one core.
//
// A block's 32 products are summed as integers to eight lanes of 4, which become floats and are added to the row's eight sums
// with the block's scale:
//
//	acc[l] += (d_w·d_a) · Σ_{4 columns} (q_w - bias)·q_a
//
// The sums across lanes come at the end of the row. Four rows share the load of the activations and the conversion of their
// scales: d (and m) of four rows are collected in one register, converted together, multiplied by d_a (and s_a), and then
// spread to the lanes of their rows.
//
//	AVX2     a vector is a row: 32 q, eight lanes. VPMADDUBSW (u8·s8, pairs to int16), VPMADDWD with ones (pairs to int32).
//	         It needs one unsigned factor. With a bias that is q_w, and Σbias·q_a is taken away; an int8 q_w becomes |q_w| and
//	         moves its sign to q_a, since 255·127·2 would not fit into 16 bits.
//	AVXVNNI  a vector is a row. VPDPBUSD (u8·s8, fours to int32); an int8 q_w becomes unsigned by flipping its sign bit, a bias
//	         of 128, and the sums start from -Σbias·q_a.
//	AVX-512  the same: with two rows in a vector of 512 bits there is more to arrange than is saved.

// format32 describes a weight format in blocks of 32: w = d·(q - bias) + m.
type format32 struct {
	name   string
	size   int  // bytes of a block, which begins with the half d, or the halves d and m
	min    bool // there is an m
	e8m0   bool // d is a byte, the exponent of 2
	bias   byte // what to take from the unsigned q
	signed bool // q is an int8: at AVX2 that is computed with, for VNNI bias makes it unsigned

	quants func(r *rowGen, block operand.Mem) reg.VecVirtual // loads the 32 q of a block
	tables func(r *rowGen)                                   // loads constants for quants, nil when it needs no others than the nibbles'
}

// formats32 are all formats in blocks of 32. Their layouts are described beside the reference implementations in package kernel.
var formats32 = []format32{
	{name: "Q4_0", size: 18, bias: 8, quants: (*rowGen).nibbles},
	{name: "Q4_1", size: 20, min: true, quants: (*rowGen).nibbles},
	{name: "Q5_0", size: 22, bias: 16, quants: (*rowGen).fiveBits, tables: (*rowGen).fiveBitsTable},
	{name: "Q5_1", size: 24, min: true, quants: (*rowGen).fiveBits, tables: (*rowGen).fiveBitsTable},
	{name: "Q8_0", size: 34, bias: 128, signed: true, quants: (*rowGen).int8s},
	{name: "IQ4_NL", size: 18, bias: 128, signed: true, quants: (*rowGen).lookup, tables: (*rowGen).iq4Table},
	{name: "MXFP4", size: 17, e8m0: true, bias: 12, quants: (*rowGen).lookup, tables: (*rowGen).fp4Table},
}

// buildRows32 writes the products of weight rows with one token, for the formats in blocks of 32.
func buildRows32(g *gen) {
	for _, l := range []level{avx2, avxvnni, avx512.narrow()} {
		for _, f := range formats32 {
			g.rows32(l, f)
		}
	}
}

// prefetchLeast is the least distance in bytes at which weights are asked for before their use. Measured on 160 MB of weights:
// 2 KiB gave 14 GB/s, 4 KiB 22, 8 KiB 34, and more did not help.
const prefetchLeast = 8192

// rowGen is what the tiles of one function share.
type rowGen struct {
	*gen
	format32
	w          matrix
	a          *actPointers
	dst, left  reg.GPVirtual
	ones       reg.VecVirtual   // AVX2: int16 ones
	biases     reg.VecVirtual   // bytes of bias
	mask, high reg.VecVirtual   // of nibbles: bytes 0x0f, shifts 0 and 4
	pairs      reg.Register     // AVX-512: opmask of every other lane
	stack      operand.Mem      // the scales of a block
	table      []reg.VecVirtual // the format's own constants
}

// actPointers run over a token's activations in blocks of 32.
type actPointers struct{ q, d, s reg.GPVirtual }

// rows32 writes dst[r] = Σ_b d_w·d_a·Σ(q_w - bias)·q_a + m·s_a, rows in fours, then one by one, to the same last bit.
func (g *gen) rows32(l level, f format32) {
	g.fn(l, "rows"+f.name, "(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)",
		fmt.Sprintf("multiplies rows of %s by one token: dst[i] = w[i*stride…]·q, in blocks of 32 with scales d and s;", f.name),
		"mul"+f.name+" is the reference implementation.")
	r := &rowGen{gen: g, format32: f, w: g.rowsArg("w", "stride"), dst: g.arg("dst"), left: g.arg("rows")}
	r.constants()
	g.while(r.left, 4, "rows4", func() { r.tile(4) })
	g.while(r.left, 1, "rows1", func() { r.tile(1) })
	g.done()
}

// rowsArg loads a pointer to rows and their distance in bytes.
func (g *gen) rowsArg(p, stride string) matrix {
	m := matrix{p: []reg.GPVirtual{g.arg(p)}, stride: g.arg(stride)}
	m.stride3 = g.times3(m.stride)
	return m
}

// tile multiplies n rows, 4 or 1, and moves on. A vector holds a block's products of one row.
func (r *rowGen) tile(n int) {
	acc, mins := r.vecs(n), r.vec()
	r.zero(acc...)
	if r.min {
		r.zero(mins)
	}
	w := r.w
	w.p = []reg.GPVirtual{r.copyOf(r.w.p[0])}
	ahead := r.nextRows(n)
	r.a = &actPointers{q: r.arg("q"), d: r.arg("d"), s: r.arg("s")}
	blocks := r.arg("blocks")
	r.while(blocks, 1, "blocks", func() {
		r.prefetch(ahead, n)
		r.block(w, acc, mins, n)
		r.move(w, r.size)
		r.add(32, r.a.q)
		r.add(4, r.a.d)
		if r.min {
			r.add(4, r.a.s)
		}
	})
	r.finish(acc, mins, n)
	r.add(4*n, r.dst)
	for range n {
		r.ADDQ(r.w.stride, r.w.p[0])
	}
}

// nextRows returns where the rows lie that are to be asked for while n rows are multiplied: the next n, or further. Four
// rows at a time are four streams that end and begin again after a few hundred bytes, which no hardware prefetcher follows;
// but together they are one stream.
func (r *rowGen) nextRows(n int) reg.GPVirtual {
	if n == 1 {
		return nil
	}
	p, least := r.GP64(), r.GP64()
	r.MOVQ(operand.I32(prefetchLeast), least)
	r.LEAQ(operand.Mem{Base: r.w.stride3, Index: r.w.stride, Scale: 1}, p)
	r.CMPQ(p, least)
	r.CMOVQLT(least, p)
	r.ADDQ(r.w.p[0], p)
	return p
}

// prefetch asks for as many bytes at p as one block of n rows has, and advances p.
func (r *rowGen) prefetch(p reg.GPVirtual, n int) {
	if p == nil {
		return
	}
	for line := 0; line < n*r.size; line += 64 {
		r.PREFETCHT0(operand.Mem{Base: p, Disp: line})
	}
	r.add(n*r.size, p)
}

// block adds one block of n rows to acc, lane by lane, and m·s to the odd lanes of mins.
func (r *rowGen) block(w matrix, acc []reg.VecVirtual, mins reg.VecVirtual, n int) {
	r.scales(w, mins, n)
	r.Comment("acc += d_w·d_a·Σ(q_w - bias)·q_a")
	a := r.activations()
	bias := r.biasProduct(a)
	for u := range acc {
		p := r.product(r.quants(r, w.row(u)), a, bias)
		r.VCVTDQ2PS(p, p)
		if r.evex() {
			r.VFMADD231PS_BCST(r.scaleAt(u), p, acc[u])
			continue
		}
		s := r.vec()
		r.VBROADCASTSS(r.scaleAt(u), s)
		r.VFMADD231PS(s, p, acc[u])
	}
}

// scaleAt addresses the scale of row u. It goes through the stack: a broadcast from memory takes none of the execution units that
// the products need.
func (r *rowGen) scaleAt(u int) operand.Mem {
	if r.min {
		u *= 2
	}
	return r.stack.Offset(4 * u)
}

// activations loads the block's q_a.
func (r *rowGen) activations() reg.VecVirtual {
	a := r.vec()
	if m := (operand.Mem{Base: r.a.q}); r.evex() {
		r.VMOVDQU32(m, a)
	} else {
		r.VMOVDQU(m, a)
	}
	return a
}

// biasProduct returns what the products with the bias start from or lose: VNNI -Σbias·q_a over 4, AVX2 Σbias·q_a over 2.
// It depends on the activations only, so that four rows share it. Taking it away as integers keeps blocks exact whose weights
// are all 0 but whose q are not.
func (r *rowGen) biasProduct(a reg.VecVirtual) reg.VecVirtual {
	t := r.vec()
	switch {
	case r.vnni():
		r.zero(t)
		if r.bias != 0 {
			z := r.vec()
			r.zero(z)
			r.VPDPBUSD(a, r.biases, t)
			r.VPSUBD(t, z, t)
		}
	case r.bias != 0 && !r.signed:
		r.VPMADDUBSW(a, r.biases, t)
	}
	return t
}

// product returns Σ(q_w - bias)·q_a over each 4 columns, in int32.
func (r *rowGen) product(w, a, bias reg.VecVirtual) reg.VecVirtual {
	p := r.vec()
	switch {
	case r.vnni():
		if r.evex() {
			r.VMOVDQA32(bias, p)
		} else {
			r.VMOVDQA(bias, p)
		}
		r.VPDPBUSD(a, w, p)
		return p
	case r.signed:
		sign := r.vec()
		r.VPSIGNB(w, a, sign) // |w|·(±a) = w·a
		r.VPABSB(w, w)
		r.VPMADDUBSW(sign, w, p)
	default:
		r.VPMADDUBSW(a, w, p)
		if r.bias != 0 {
			r.VPSUBW(bias, p, p)
		}
	}
	r.VPMADDWD(r.ones, p, p)
	return p
}

// scales returns d_w·d_a of row i in lane i, or in lane 2i when there is an m; then m·s is added to lane 2i+1 of mins.
func (r *rowGen) scales(w matrix, mins reg.VecVirtual, n int) {
	r.Comment("d_w·d_a of each row, m·s_a")
	v, t := r.vec(), r.vec()
	if r.e8m0 {
		r.exponents(w, v, n)
	} else {
		r.halfScales(w, v, n)
	}
	r.VBROADCASTSS(operand.Mem{Base: r.a.d}, t.AsY())
	if r.min {
		r.withSums(operand.Mem{Base: r.a.s}, t)
	}
	r.VMULPS(t.AsY(), v.AsY(), v.AsY())
	if r.min {
		r.VADDPS(v.AsY(), mins.AsY(), mins.AsY())
	}
	r.VMOVUPS(v, r.stack)
}

// halfScales loads d, or d and m, of n rows to v as floats.
func (r *rowGen) halfScales(w matrix, v reg.VecVirtual, n int) {
	r.VMOVD(w.row(0), v.AsX()) // d and m, or d and two bytes of q that nobody looks at
	for i := 1; i < n; i++ {
		if r.min {
			r.VPINSRD(operand.Imm(uint64(i)), w.row(i), v.AsX(), v.AsX())
		} else {
			r.VPINSRW(operand.Imm(uint64(i)), w.row(i), v.AsX(), v.AsX())
		}
	}
	r.VCVTPH2PS(v.AsX(), v.AsY())
}

// exponents loads the exponents e of n rows to v as 2^(e-128), from a table: computing them takes more of the units that the
// products need. Four lanes are filled and no others.
func (r *rowGen) exponents(w matrix, v reg.VecVirtual, n int) {
	base, e := r.GP64(), r.GP64()
	r.LEAQ(r.data("e8m0", e8m0Bits()...), base)
	for i := range n {
		r.MOVBLZX(w.row(i), e.As32())
		if m := (operand.Mem{Base: base, Index: e, Scale: 4}); i == 0 {
			r.VMOVD(m, v.AsX())
		} else {
			r.VPINSRD(operand.Imm(uint64(i)), m, v.AsX(), v.AsX())
		}
	}
}

// e8m0Bits returns the floats 2^(e-128) for all exponents e, of which the first two are subnormal.
func e8m0Bits() []uint32 {
	bits := make([]uint32, 256)
	for e := range bits {
		bits[e] = math.Float32bits(float32(math.Ldexp(1, e-128)))
	}
	return bits
}

// withSums replaces every odd lane of t by the float at s: the factors (d_a, s_a) of the pairs (d, m).
func (r *rowGen) withSums(s operand.Mem, t reg.VecVirtual) {
	if r.evex() {
		r.VBROADCASTSS(s, r.pairs, t.AsY())
		return
	}
	u := r.vec()
	r.VBROADCASTSS(s, u)
	r.VBLENDPS(operand.Imm(0xaa), u, t, t)
}

// finish writes the n sums to dst.
func (r *rowGen) finish(acc []reg.VecVirtual, mins reg.VecVirtual, n int) {
	r.Comment("dst = Σ acc + m·s")
	if n == 1 {
		r.sum1(acc[0])
	} else {
		r.sum4(acc)
	}
	if r.min {
		r.VPERMPS(mins.AsY(), r.index("odd", 1, 3, 5, 7, 1, 3, 5, 7), mins.AsY())
		r.VADDPS(mins.AsX(), acc[0].AsX(), acc[0].AsX())
	}
	if dst := (operand.Mem{Base: r.dst}); n == 1 {
		r.VMOVSS(acc[0].AsX(), dst)
	} else {
		r.VMOVUPS(acc[0].AsX(), dst)
	}
}

// index returns a register with lane numbers.
func (g *gen) index(name string, lanes ...uint32) reg.VecVirtual {
	v := g.YMM()
	g.VMOVUPS(g.data(name, lanes...), v)
	return v
}

// constants loads what stays in registers over the whole function. At AVX2 that is up to six of the sixteen; four sums, the
// activations, bias products, a row's q and two temporaries take the rest.
func (r *rowGen) constants() {
	if r.evex() {
		r.pairs = r.opmask(0xaaaa)
	}
	r.stack = r.AllocLocal(32)
	if !r.vnni() {
		r.ones = r.u32(0x00010001)
	}
	if r.bias != 0 && (r.unsigned || !r.signed) {
		r.biases = r.u32(all(r.bias))
	}
	if r.size < 32 {
		r.mask = r.u32(0x0f0f0f0f)
		r.high = r.words("shift04", 0, 0, 0, 0, 4, 4, 4, 4)
	}
	if r.tables != nil {
		r.tables(r)
	}
}

// words loads a table of 32-bit words; one shorter than the register is repeated.
func (g *gen) words(name string, w ...uint32) reg.VecVirtual {
	v := g.vec()
	for len(w) < 16 {
		w = append(w, w...)
	}
	g.VMOVUPS(g.data(name, w...), v)
	return v
}

// opmask returns a mask register with bits.
func (g *gen) opmask(bits uint32) reg.Register {
	t, k := g.GP32(), g.K()
	g.MOVL(operand.U32(bits), t)
	g.KMOVW(t, k)
	return k
}
