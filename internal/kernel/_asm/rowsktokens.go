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

// buildRowsKTokens writes the products of weight rows with four and eight tokens, for AVX2.
func buildRowsKTokens(g *gen) {
	for _, f := range formatsK {
		g.rowsKTokens(avx2, f, 4)
		g.rowsKTokens(avx2, f, 8)
	}
}

// kTokens is what the parts of one function share.
type kTokens struct {
	*kGen
	n     int           // tokens
	acts  reg.GPVirtual // of the block
	stack operand.Mem   // d·d_a of all tokens, dmin·d_a, their acc, their mins
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
func (k *kTokens) totalAt(t int) operand.Mem { return k.stack.Offset(8*k.n + 4*t) } // where the bias is late
func (k *kTokens) minsAt(t int) operand.Mem  { return k.stack.Offset(40*k.n + 32*t) }

// rowsKTokens writes dst[t*ld+r] for all rows and n tokens.
func (g *gen) rowsKTokens(l level, f formatK, n int) {
	g.fn(l, fmt.Sprintf("rows%sx%d", f.name, n), "(dst *float32, ld int, w *byte, stride, rows int, acts *byte, blocks int)",
		fmt.Sprintf("multiplies rows of %s by %d tokens, whose activations, sums and scales lie side by side in acts:", f.name, n),
		"dst[t*ld+i] has the bits of rows"+f.name+l.name+".")
	dst, row := g.arg("dst"), g.arg("w")
	k := &kTokens{kGen: &kGen{gen: g, formatK: f}, n: n, stack: g.AllocLocal(72 * n)}
	k.constants()
	g.whileMem(g.addr("rows"), 1, "row", func() {
		k.w, k.acts = g.copyOf(row), g.arg("acts")
		k.clear()
		blocks := g.arg("blocks")
		g.while(blocks, 1, "block", func() {
			for line := 0; line < f.size; line += 64 {
				g.PREFETCHT0(operand.Mem{Base: k.w, Disp: prefetchLeast + line})
			}
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
	k.zero(zero)
	for t := range k.n {
		k.VMOVUPS(zero, k.accAt(t))
		if k.min {
			k.VMOVUPS(zero, k.minsAt(t))
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
		for t := range 4 {
			m := rowPtr(at, ld, ld3, t)
			if t == 0 {
				k.VMOVSS(acc.AsX(), m)
			} else {
				k.VEXTRACTPS(operand.Imm(uint64(t)), acc.AsX(), m)
			}
		}
		if four+4 < k.n {
			k.LEAQ(operand.Mem{Base: at, Index: ld, Scale: 4}, at)
		}
	}
}

// results returns the four results from one on.
func (k *kTokens) results(four int) reg.VecVirtual {
	if k.late() {
		acc := k.vec()
		k.VMOVUPS(k.totalAt(four), acc.AsX())
		return acc
	}
	acc := k.vecs(4)
	for t, a := range acc {
		k.VMOVUPS(k.accAt(four+t), a)
		if k.min {
			k.VSUBPS(k.minsAt(four+t), a, a)
		}
	}
	k.sum4(acc)
	return acc[0]
}

// block adds one block of a row to acc and mins of each token, as kGen.block does for one.
func (k *kTokens) block() {
	k.Comment("sc, mn")
	k.formatK.scales(k.kGen)
	sum := k.vecs(k.n)
	k.zero(sum...)
	k.Comment("sum += sc·Σ(q-bias)·q_a")
	for i := range 256 / k.bytes {
		w, sc := k.formatK.quants(k.kGen, i), k.spread(i)
		unsigned := w
		if k.table {
			unsigned = k.vec()
			k.VPABSB(w, unsigned)
		}
		for t := range sum {
			p := k.pairs(w, unsigned, k.quantsOf(t, i))
			k.accumulate(sum[t], p, sc)
		}
	}
	for t := range sum {
		k.unbias(sum[t], k.sumsOf(t))
	}
	k.Comment("acc += d·d_a·sum, mins += dmin·d_a·Σmn·Σq_a")
	k.blockScales()
	if k.late() {
		k.addTotals(sum)
		return
	}
	for t := range sum {
		d, acc := k.vec(), k.vec()
		k.VCVTDQ2PS(sum[t], sum[t])
		k.VBROADCASTSS(k.scaleAt(t), d)
		k.VMOVUPS(k.accAt(t), acc)
		k.VFMADD231PS(d, sum[t], acc)
		k.VMOVUPS(acc, k.accAt(t))
	}
	if !k.min {
		return
	}
	for t := range sum {
		m, d, mins := k.minSumsOf(k.sumsOf(t)), k.vec(), k.vec()
		k.VCVTDQ2PS(m, m)
		k.VBROADCASTSS(k.minAt(t), d)
		k.VMOVUPS(k.minsAt(t), mins)
		k.VFMADD231PS(m, d, mins)
		k.VMOVUPS(mins, k.minsAt(t))
	}
}

// addTotals adds the sums of sum's lanes, times d·d_a.
func (k *kTokens) addTotals(sum []reg.VecVirtual) {
	for four := 0; four < k.n; four += 4 {
		v, t, acc := sum[four:][:4], k.vec(), k.vec()
		k.VPHADDD(v[1], v[0], v[0])
		k.VPHADDD(v[3], v[2], v[2])
		k.VPHADDD(v[2], v[0], v[0])
		k.VEXTRACTI128(operand.Imm(1), v[0], t.AsX())
		k.VPADDD(t.AsX(), v[0].AsX(), v[0].AsX())
		k.VCVTDQ2PS(v[0].AsX(), v[0].AsX())
		k.VMOVUPS(k.totalAt(four), acc.AsX())
		k.VFMADD231PS(k.scaleAt(four), v[0].AsX(), acc.AsX())
		k.VMOVUPS(acc.AsX(), k.totalAt(four))
	}
}

// pairs returns Σq·q_a over pairs of columns, as kGen.product does, and leaves the weights as they are.
func (k *kTokens) pairs(w, unsigned reg.VecVirtual, m operand.Mem) reg.VecVirtual {
	p := k.vec()
	switch {
	case k.table:
		k.VMOVDQU(m, p)
		k.VPSIGNB(w, p, p)
		k.VPMADDUBSW(p, unsigned, p)
	default:
		k.VPMADDUBSW(m, w, p)
	}
	return p
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
