package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Weight rows in blocks of 32 times four tokens that each get the bits that rows32 gives one: a row's q are unpacked once for the
// four, which decode steps of several sequences share. Each lane sees the operations of rows32, in their order. The tokens' scales
// come interleaved, (d, s) of each of the four, block after block.
//
//	acc_t[l] += (d_w·d_t) · Σ_{4 columns} (q_w - bias)·q_t        mins[t] += m·s_t

// buildRowsTokens writes the products of weight rows with four tokens, for AVX2.
func buildRowsTokens(g *gen) {
	for _, f := range formats32 {
		g.rowsTokens(avx2, f)
	}
}

// tokensGen is what the parts of one function share.
type tokensGen struct {
	*rowGen
	q               reg.GPVirtual // of the first token, advanced
	ldq, ldq3, pair reg.GPVirtual
	sign            reg.VecVirtual // signed formats: the weights with their sign
}

// rowsTokens writes dst[t*ld+r] for all rows and four tokens.
func (g *gen) rowsTokens(l level, f format32) {
	g.fn(l, "rows"+f.name+"x4", "(dst *float32, ld int, w *byte, stride, rows int, q *int8, ldq int, pairs *float32, blocks int)",
		fmt.Sprintf("multiplies rows of %s by four tokens, ldq apart in q, with scales d and s of the four side by side in pairs:", f.name),
		"dst[t*ld+i] has the bits of rows"+f.name+l.name+".")
	r := &tokensGen{rowGen: &rowGen{gen: g, format32: f, dst: g.arg("dst")}}
	r.w = matrix{p: []reg.GPVirtual{g.arg("w")}}
	r.ldq = g.arg("ldq")
	r.ldq3 = g.times3(r.ldq)
	r.constants()
	g.whileMem(g.addr("rows"), 1, "row", r.row)
	g.done()
}

// row multiplies one row.
func (r *tokensGen) row() {
	acc, mins := r.vecs(4), r.vec()
	r.zero(acc...)
	if r.min {
		r.zero(mins)
	}
	w := matrix{p: []reg.GPVirtual{r.copyOf(r.w.p[0])}}
	r.q, r.pair = r.arg("q"), r.arg("pairs")
	blocks := r.arg("blocks")
	r.while(blocks, 1, "blocks", func() {
		r.tokens(w, acc, mins)
		r.add(r.size, w.p[0])
		r.add(32, r.q)
		r.add(32, r.pair)
	})
	r.Comment("dst = Σ acc + m·s")
	r.sum4(acc)
	if r.min {
		r.VPERMPS(mins.AsY(), r.index("odd", 1, 3, 5, 7, 1, 3, 5, 7), mins.AsY())
		r.VADDPS(mins.AsX(), acc[0].AsX(), acc[0].AsX())
	}
	ld := r.bytesArg("ld", 2)
	ld3 := r.times3(ld)
	for t := range 4 {
		m := rowPtr(r.dst, ld, ld3, t)
		if t == 0 {
			r.VMOVSS(acc[0].AsX(), m)
		} else {
			r.VEXTRACTPS(operand.Imm(uint64(t)), acc[0].AsX(), m)
		}
	}
	r.add(4, r.dst)
	stride := r.arg("stride")
	r.ADDQ(stride, r.w.p[0])
}

// tokens adds one block of the row.
func (r *tokensGen) tokens(w matrix, acc []reg.VecVirtual, mins reg.VecVirtual) {
	r.pairScales(w, mins)
	r.Comment("acc += d_w·d_a·Σ(q_w - bias)·q_a")
	v := r.quants(r.rowGen, []operand.Mem{w.row(0)})
	unsigned := v
	if r.signed {
		unsigned = r.vec()
		r.VPABSB(v, unsigned)
	}
	for t := range acc {
		p, s := r.vec(), r.vec()
		q := rowPtr(r.q, r.ldq, r.ldq3, t)
		switch {
		case r.signed:
			a := r.vec()
			r.VMOVDQU(q, a)
			r.VPSIGNB(v, a, a) // |w|·(±a) = w·a
			r.VPMADDUBSW(a, unsigned, p)
		case r.bias != 0:
			b := r.vec()
			r.VMOVDQU(q, b)
			r.VPMADDUBSW(b, v, p)
			r.VPMADDUBSW(b, r.biases, b)
			r.VPSUBW(b, p, p)
		default:
			r.VPMADDUBSW(q, v, p)
		}
		r.VPMADDWD(r.ones, p, p)
		r.VCVTDQ2PS(p, p)
		r.VBROADCASTSS(r.stack.Offset(8*t), s)
		r.VFMADD231PS(s, p, acc[t])
	}
}

// pairScales puts d_w·d_a of token t to lane 2t of the stack, and adds m·s_a to lane 2t+1 of mins.
func (r *tokensGen) pairScales(w matrix, mins reg.VecVirtual) {
	r.Comment("d_w·d_a of each token, m·s_a")
	v := r.vec()
	switch {
	case r.e8m0:
		r.exponents(w, v, 1)
		r.VBROADCASTSS(v.AsX(), v)
	case r.min:
		r.VPBROADCASTD(w.row(0), v.AsX())
		r.VCVTPH2PS(v.AsX(), v)
	default:
		r.VPBROADCASTW(w.row(0), v.AsX())
		r.VCVTPH2PS(v.AsX(), v)
	}
	r.VMULPS(operand.Mem{Base: r.pair}, v, v)
	if r.min {
		r.VADDPS(v, mins, mins)
	}
	r.VMOVUPS(v, r.stack)
}
