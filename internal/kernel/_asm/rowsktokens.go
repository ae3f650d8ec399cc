package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Weight rows in blocks of 256 times four or eight tokens that each get the bits that rowsK gives one, as in
// rowstokens.go: a block's q and scales are unpacked once for all. The tokens' integer sums stay in registers; acc and
// mins, which a block needs once, lie on the stack. What a block needs of the tokens lies side by side:
//
//	acts   per block: q [tokens][256] int8, their sums over 16 [tokens][16] int16, their scales [tokens] float32

// buildRowsKTokens writes the products of weight rows with four and eight tokens, for AVX2 and, where rowsK is, for AVX-512.
func buildRowsKTokens(g *gen) {
	for _, f := range append(latticeFormats(), formatsK...) {
		g.rowsKTokens(avx2, f, 4)
		g.rowsKTokens(avx2, f, 8)
	}
	for _, f := range formatsK {
		g.rowsKTokens(avx512, f, 4)
		g.rowsKTokens(avx512, f, 8)
	}
}

// kTokens is what the parts of one function share.
type kTokens struct {
	*kGen
	n     int           // tokens
	acts  reg.GPVirtual // of the block
	stack operand.Mem   // d·d_a of all tokens, dmin·d_a, their acc, their mins

	acc []reg.VecVirtual // at AVX-512, which has registers enough for these
}

// Where things are in acts and on the stack.
func (k *kTokens) quantsOf(t, i int) operand.Mem {
	return operand.Mem{Base: k.acts, Disp: 256*t + i*k.bytes}
}
func (k *kTokens) sumsOf(t int) operand.Mem  { return operand.Mem{Base: k.acts, Disp: 256*k.n + 32*t} }
func (k *kTokens) scalesOf() operand.Mem     { return operand.Mem{Base: k.acts, Disp: 288 * k.n} }
func (k *kTokens) scaleAt(t int) operand.Mem { return k.stack.Offset(4 * t) }
func (k *kTokens) minAt(t int) operand.Mem   { return k.stack.Offset(4*k.n + 4*t) }
func (k *kTokens) accAt(t int) operand.Mem   { return k.stack.Offset(8*k.n + 32*t) }
func (k *kTokens) totalAt(t int) operand.Mem { return k.stack.Offset(8*k.n + 4*t) } // instead, see whole
func (k *kTokens) minsAt(t int) operand.Mem  { return k.stack.Offset(40*k.n + 32*t) }

// rowsKTokens writes dst[t*ld+r] for all rows and n tokens.
func (g *gen) rowsKTokens(l level, f formatK, n int) {
	g.fn(l, fmt.Sprintf("rows%sx%d", f.name, n), "(dst *float32, ld int, w *byte, stride, rows int, acts *byte, blocks int)",
		fmt.Sprintf("multiplies rows of %s by %d tokens, whose activations, sums and scales lie side by side in acts:", f.name, n),
		"dst[t*ld+i] has the bits of rows"+f.name+l.name+".")
	dst, row := g.arg("dst"), g.arg("w")
	k := &kTokens{kGen: &kGen{gen: g, formatK: f}, n: n}
	k.constants()
	k.loadAhead()
	if g.evex() && !k.whole() {
		k.acc = g.vecs(n)
	}
	room := 40 * n
	if f.min {
		room += 32 * n
	}
	k.stack = g.AllocLocal(room)
	g.whileMem(g.addr("rows"), 1, "row", func() {
		k.w, k.acts = g.copyOf(row), g.arg("acts")
		k.clear()
		blocks := g.arg("blocks")
		g.while(blocks, 1, "block", func() {
			k.prefetch()
			k.block()
			g.add(f.size, k.w)
			g.add(292*n, k.acts)
		})
		k.store(dst)
		g.add(4, dst)
		g.ADDQ(g.addr("stride"), row)
	})
	g.done()
}

// clear sets acc and mins to zero.
func (k *kTokens) clear() {
	zero := k.vec()
	if k.whole() {
		k.zero(zero)
		for four := 0; four < k.n; four += 4 {
			k.VMOVUPS(zero.AsX(), k.totalAt(four))
		}
		return
	}
	k.zero(append(k.acc, zero)...)
	for t := range k.n {
		if k.acc == nil {
			k.VMOVUPS(zero, k.accAt(t))
		}
		if k.min {
			k.VMOVUPS(zero.AsY(), k.minsAt(t))
		}
	}
}

// store writes the results of a row.
func (k *kTokens) store(dst reg.GPVirtual) {
	k.Comment("dst = Σ acc - Σ mins")
	at, ld := k.copyOf(dst), k.bytesArg("ld", 2)
	ld3 := k.times3(ld)
	for four := 0; four < k.n; four += 4 {
		acc := k.results(four)
		k.storeFour(acc, at, ld, ld3)
		if four+4 < k.n {
			k.LEAQ(operand.Mem{Base: at, Index: ld, Scale: 4}, at)
		}
	}
}

// results returns the four results from one on.
func (k *kTokens) results(four int) reg.VecVirtual {
	if k.whole() {
		acc := k.vec()
		k.VMOVUPS(k.totalAt(four), acc.AsX())
		return acc
	}
	acc := k.vecs(4)
	for t, a := range acc {
		if k.acc != nil {
			acc[t] = k.acc[four+t]
		} else {
			k.VMOVUPS(k.accAt(four+t), a)
		}
		if !k.min {
			continue
		}
		mins := k.vec()
		k.zero(mins)
		k.VMOVUPS(k.minsAt(four+t), mins.AsY())
		k.VSUBPS(mins, acc[t], acc[t])
	}
	k.sum4(acc)
	return acc[0]
}

// block adds one block of a row to acc and mins of each token, as kGen.block does for one.
func (k *kTokens) block() {
	k.ready()
	k.Comment("sc, mn")
	k.formatK.scales(k.kGen)
	k.minima()
	sum := k.vecs(k.n)
	k.zero(sum...)
	k.Comment("sum += sc·Σ(q-bias)·q_a")
	for i := 0; i < 256/k.bytes; i += k.vectors() {
		k.vector(sum, i)
	}
	var less reg.VecVirtual
	if k.less != nil {
		less = k.less(k.kGen)
	}
	for t := range sum {
		switch {
		case k.whole():
			k.unbias(sum[t], k.sumsOf(t))
		case k.less != nil:
			k.lessen(sum[t], k.sumsOf(t), less)
		}
	}
	k.Comment("acc += d·d_a·sum, mins += dmin·d_a·Σmn·Σq_a")
	k.blockScales()
	if k.whole() {
		k.addTotals(sum)
		return
	}
	for t := range sum {
		d, acc := k.vec(), k.vec()
		k.VCVTDQ2PS(sum[t], sum[t])
		if k.evex() {
			k.VFMADD231PS_BCST(k.scaleAt(t), sum[t], k.acc[t])
			continue
		}
		k.VBROADCASTSS(k.scaleAt(t), d)
		k.VMOVUPS(k.accAt(t), acc)
		k.VFMADD231PS(d, sum[t], acc)
		k.VMOVUPS(acc, k.accAt(t))
	}
	if !k.min {
		return
	}
	for t := range sum {
		m, d, mins := k.minSumsOf(k.sumsOf(t)).AsY(), k.YMM(), k.YMM()
		k.VCVTDQ2PS(m, m)
		k.VMOVUPS(k.minsAt(t), mins)
		if k.evex() {
			k.VFMADD231PS_BCST(k.minAt(t), m, mins)
		} else {
			k.VBROADCASTSS(k.minAt(t), d)
			k.VFMADD231PS(m, d, mins)
		}
		k.VMOVUPS(mins, k.minsAt(t))
	}
}

// addTotals adds the sums of sum's lanes, times d·d_a.
func (k *kTokens) addTotals(sum []reg.VecVirtual) {
	for four := 0; four < k.n; four += 4 {
		v, acc := sum[four:][:4], k.vec()
		k.laneTotals(v)
		k.lowerLane(v[0])
		k.VCVTDQ2PS(v[0].AsX(), v[0].AsX())
		k.VMOVUPS(k.totalAt(four), acc.AsX())
		k.VFMADD231PS(k.scaleAt(four), v[0].AsX(), acc.AsX())
		k.VMOVUPS(acc.AsX(), k.totalAt(four))
	}
}

// laneTotals leaves the sums of the int32 in each lane of 128 bits of v[0] … v[3] in that lane of v[0].
func (k *kTokens) laneTotals(v []reg.VecVirtual) {
	if !k.evex() {
		k.VPHADDD(v[1], v[0], v[0])
		k.VPHADDD(v[3], v[2], v[2])
		k.VPHADDD(v[2], v[0], v[0])
		return
	}
	add := func(low, high func(...operand.Op), a, b reg.VecVirtual) {
		t := k.vec()
		high(b, a, t)
		low(b, a, a)
		k.VPADDD(t, a, a)
	}
	add(k.VPUNPCKLDQ, k.VPUNPCKHDQ, v[0], v[1])
	add(k.VPUNPCKLDQ, k.VPUNPCKHDQ, v[2], v[3])
	add(k.VPUNPCKLQDQ, k.VPUNPCKHQDQ, v[0], v[2])
}

// vector adds vector i of a block's weights, or i and i+1, to the sums of the tokens.
func (k *kTokens) vector(sum []reg.VecVirtual, i int) {
	if k.packs() {
		w, sc := k.two(i), k.spread(i)
		for t := range sum {
			k.accumulate(sum[t], k.packed(w, k.quantsOf(t, i), k.quantsOf(t, i+1)), sc)
		}
		return
	}
	w := k.formatK.quants(k.kGen, i)
	unsigned, signed := w, k.table || k.signed
	if k.negate != nil {
		s := k.formatK.negate(k.kGen, i)
		w, signed = k.vec(), true
		k.VPXOR(unsigned, s, w)
		k.VPSUBB(s, w, w)
	} else if signed {
		unsigned = k.vec()
		k.VPABSB(w, unsigned)
	}
	sc := k.sc
	if !k.flat {
		sc = k.spread(i)
	}
	negate := signed && k.evex()
	var negative reg.OpmaskVirtual
	var zero reg.VecVirtual
	if negate {
		negative, zero = k.K(), k.vec()
		k.zero(zero)
		k.VPMOVB2M(w, negative)
	}
	for t := range sum {
		p, m := k.vec(), k.quantsOf(t, i)
		switch {
		case negate:
			k.VMOVDQU8(m, p)
			k.VPSUBB(p, zero, negative, p)
			k.VPMADDUBSW(p, unsigned, p)
		case signed:
			k.VMOVDQU(m, p)
			k.VPSIGNB(w, p, p) // |w|·(±a) = w·a
			k.VPMADDUBSW(p, unsigned, p)
		default:
			k.VPMADDUBSW(m, w, p)
		}
		k.accumulate(sum[t], p, sc)
	}
}

// blockScales puts d·d_a and dmin·d_a of the tokens on the stack.
func (k *kTokens) blockScales() {
	v := k.ownFactors()
	put := func(lane uint64, at operand.Mem) {
		all := k.vec()
		k.VPSHUFD(operand.Imm(lane*0x55), v.AsX(), all.AsX())
		for four := 0; four < k.n; four += 4 {
			t := k.vec()
			k.VMULPS(k.scalesOf().Offset(4*four), all.AsX(), t.AsX())
			k.VMOVUPS(t.AsX(), at.Offset(4*four))
		}
	}
	put(0, k.scaleAt(0))
	if k.min {
		put(1, k.minAt(0))
	}
}
