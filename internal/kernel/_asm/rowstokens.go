package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Weight rows in blocks of 32 times four or eight tokens that each get the bits that rows32 gives one: a row's q are unpacked once
// for all, which decode steps of several sequences share. Each lane sees the operations of rows32, in their order. The tokens' scales
// come interleaved by fours, (d, s) of each of the four, block after block.
//
//	acc_t[l] += (d_w·d_t) · Σ_{4 columns} (q_w - bias)·q_t        mins[t] += m·s_t

// A token's bias costs more at AVXVNNI than |q_w|·(±q_t) does, so that codes are unpacked as at AVX2 there.

// buildRowsTokens writes the products of weight rows with four tokens, for vectors of 256 bits, and with eight where registers
// suffice. At AVX-512 too 256 bits do, as in rows32 for a single row.
func buildRowsTokens(g *gen) {
	for _, l := range []level{avx2, {avxvnni.name, 32, false}, avx512.narrow()} {
		for _, f := range formats32 {
			g.rowsTokens(l, f, 4)
			if f.tables == nil || l.evex() {
				g.rowsTokens(l, f, 8)
			}
		}
	}
}

// tokensGen is what the parts of one function share.
type tokensGen struct {
	*rowGen
	n         int             // tokens
	q         []reg.GPVirtual // of the first token of each four, advanced
	pair      []reg.GPVirtual // scales of each four, likewise
	ldq, ldq3 reg.GPVirtual
}

// rowsTokens writes dst[t*ld+r] for all rows and n tokens.
func (g *gen) rowsTokens(l level, f format32, n int) {
	g.fn(l, fmt.Sprintf("rows%sx%d", f.name, n), "(dst *float32, ld int, w *byte, stride, rows int, q *int8, ldq int, pairs *float32, blocks int)",
		fmt.Sprintf("multiplies rows of %s by %d tokens, ldq apart in q, with scales d and s of each four side by side in pairs:", f.name, n),
		"dst[t*ld+i] has the bits of rows"+f.name+l.name+".")
	r := &tokensGen{rowGen: &rowGen{gen: g, format32: f, dst: g.arg("dst")}, n: n}
	r.w = matrix{p: []reg.GPVirtual{g.arg("w")}}
	r.ldq = g.arg("ldq")
	r.ldq3 = g.times3(r.ldq)
	r.constants()
	if n == 8 || l.evex() {
		r.stack = g.AllocLocal(8 * n)
	}
	g.whileMem(g.addr("rows"), 1, "row", r.row)
	g.done()
}

// row multiplies one row.
func (r *tokensGen) row() {
	acc, mins := r.vecs(r.n), []reg.VecVirtual(nil)
	r.zero(acc...)
	if r.min {
		mins = r.vecs(r.n / 4)
		r.zero(mins...)
	}
	w := matrix{p: []reg.GPVirtual{r.copyOf(r.w.p[0])}}
	blocks := r.arg("blocks")
	r.fours(blocks)
	r.while(blocks, 1, "blocks", func() {
		r.tokens(w, acc, mins)
		r.add(r.size, w.p[0])
		for i := range r.q {
			r.add(32, r.q[i])
			r.add(32, r.pair[i])
		}
	})
	for i := range r.q {
		r.store(acc[4*i:][:4], mins, i)
	}
	r.add(4, r.dst)
	stride := r.arg("stride")
	r.ADDQ(stride, r.w.p[0])
}

// fours loads where each four's activations and scales are.
func (r *tokensGen) fours(blocks reg.GPVirtual) {
	r.q, r.pair = []reg.GPVirtual{r.arg("q")}, []reg.GPVirtual{r.arg("pairs")}
	if r.n == 8 {
		q, pair := r.GP64(), r.GP64()
		r.LEAQ(operand.Mem{Base: r.q[0], Index: r.ldq, Scale: 4}, q)
		r.MOVQ(blocks, pair)
		r.SHLQ(operand.U8(5), pair)
		r.ADDQ(r.pair[0], pair)
		r.q, r.pair = append(r.q, q), append(r.pair, pair)
	}
}

// store writes a row's results of four i.
func (r *tokensGen) store(acc, mins []reg.VecVirtual, i int) {
	r.Comment("dst = Σ acc + m·s")
	r.sum4(acc)
	if r.min {
		r.VPERMPS(mins[i].AsY(), r.index("odd", 1, 3, 5, 7, 1, 3, 5, 7), mins[i].AsY())
		r.VADDPS(mins[i].AsX(), acc[0].AsX(), acc[0].AsX())
	}
	dst, ld := r.copyOf(r.dst), r.bytesArg("ld", 2)
	if i > 0 {
		r.LEAQ(operand.Mem{Base: dst, Index: ld, Scale: 4}, dst)
	}
	ld3 := r.times3(ld)
	r.storeFour(acc[0], dst, ld, ld3)
}

// storeFour writes the four lowest lanes of v ld bytes apart.
func (g *gen) storeFour(v reg.VecVirtual, dst, ld, ld3 reg.GPVirtual) {
	g.VMOVSS(v.AsX(), rowPtr(dst, ld, ld3, 0))
	for t := 1; t < 4; t++ {
		g.VEXTRACTPS(operand.Imm(uint64(t)), v.AsX(), rowPtr(dst, ld, ld3, t))
	}
}

// tokens adds one block of the row.
func (r *tokensGen) tokens(w matrix, acc, mins []reg.VecVirtual) {
	r.pairScales(w, mins)
	r.Comment("acc += d_w·d_a·Σ(q_w - bias)·q_a")
	v := r.quants(r.rowGen, w.row(0))
	unsigned := v
	if r.signed && !r.evex() {
		unsigned = r.vec()
		r.VPABSB(v, unsigned)
	}
	for t := range acc {
		p, s := r.vec(), r.vec()
		q := rowPtr(r.q[t/4], r.ldq, r.ldq3, t%4)
		switch {
		case r.signed && !r.evex():
			a := r.vec()
			r.VMOVDQU(q, a)
			r.VPSIGNB(v, a, a) // |w|·(±a) = w·a
			r.dot(a, unsigned, p)
		case r.bias != 0:
			a := r.vec()
			r.loadBytes(q, a)
			r.dot(a, v, p)
			r.takeBias(a, p)
		case r.vnni() && !r.evex(): // whose instruction is written with registers only, see vnni.go
			a := r.vec()
			r.VMOVDQU(q, a)
			r.dot(a, v, p)
		default:
			r.dot(q, v, p)
		}
		if !r.vnni() {
			r.VPMADDWD(r.ones, p, p)
		}
		r.VCVTDQ2PS(p, p)
		r.VBROADCASTSS(r.stack.Offset(8*t), s)
		r.VFMADD231PS(s, p, acc[t])
	}
}

// dot sets p = Σ w·a over fours, at AVX2 over pairs of int16.
func (r *tokensGen) dot(a operand.Op, w, p reg.VecVirtual) {
	if r.vnni() {
		r.zero(p)
		r.VPDPBUSD(a, w, p)
		return
	}
	r.VPMADDUBSW(a, w, p)
}

// takeBias takes Σ bias·a from p, the result of dot, and may change a.
func (r *tokensGen) takeBias(a, p reg.VecVirtual) {
	if r.vnni() {
		b := r.vec()
		r.dot(a, r.biases, b)
		r.VPSUBD(b, p, p)
		return
	}
	r.VPMADDUBSW(a, r.biases, a)
	r.VPSUBW(a, p, p)
}

// pairScales puts d_w·d_a of token t to lane 2t of the stack, and adds m·s_a to lane 2(t mod 4)+1 of its four's mins.
func (r *tokensGen) pairScales(w matrix, mins []reg.VecVirtual) {
	r.Comment("d_w·d_a of each token, m·s_a")
	d := r.vec()
	switch {
	case r.e8m0:
		r.exponents(w, d, 1)
		r.VBROADCASTSS(d.AsX(), d)
	case r.min:
		r.VPBROADCASTD(w.row(0), d.AsX())
		r.VCVTPH2PS(d.AsX(), d)
	default:
		r.VPBROADCASTW(w.row(0), d.AsX())
		r.VCVTPH2PS(d.AsX(), d)
	}
	for i, pair := range r.pair {
		v := d
		if i+1 < len(r.pair) {
			v = r.vec()
		}
		r.VMULPS(operand.Mem{Base: pair}, d, v)
		if r.min {
			r.VADDPS(v, mins[i], mins[i])
		}
		r.VMOVUPS(v, r.stack.Offset(32*i))
	}
}
