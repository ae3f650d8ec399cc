package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Weight rows in blocks of 256 times four tokens that each get the bits that rowsK gives one, as in rowstokens.go: a
// block's q and scales are unpacked once for the four. The four integer sums stay in registers; acc and mins, which a
// block needs once, lie on the stack. The tokens' scales come interleaved, those of all four block after block.

// buildRowsKTokens writes the products of weight rows with four tokens, for AVX2.
func buildRowsKTokens(g *gen) {
	for _, f := range formatsK {
		g.rowsKTokens(avx2, f)
	}
}

// kTokens is what the parts of one function share.
type kTokens struct {
	*kGen
	ldq, ldq3, lds, lds3 reg.GPVirtual // distances of the tokens' activations and sums
	stack                operand.Mem   // d·d_a of four tokens, dmin·d_a, their acc, their mins
}

// Where things are on the stack.
func (k *kTokens) scaleAt(t int) operand.Mem { return k.stack.Offset(4 * t) }
func (k *kTokens) minAt(t int) operand.Mem   { return k.stack.Offset(16 + 4*t) }
func (k *kTokens) accAt(t int) operand.Mem   { return k.stack.Offset(32 + 32*t) }
func (k *kTokens) minsAt(t int) operand.Mem  { return k.stack.Offset(160 + 32*t) }

// rowsKTokens writes dst[t*ld+r] for all rows and four tokens.
func (g *gen) rowsKTokens(l level, f formatK) {
	g.fn(l, "rows"+f.name+"x4", "(dst *float32, ld int, w *byte, stride, rows int, q *int8, ldq int, d *float32, bsums *int16, ldsums, blocks int)",
		fmt.Sprintf("multiplies rows of %s by four tokens, ldq apart in q, with sums of 16 that are ldsums apart and scales", f.name),
		"side by side in d: dst[t*ld+i] has the bits of rows"+f.name+l.name+".")
	dst, row := g.arg("dst"), g.arg("w")
	k := &kTokens{kGen: &kGen{gen: g, formatK: f}, stack: g.AllocLocal(288)}
	k.constants()
	k.ldq = g.arg("ldq")
	k.ldq3 = g.times3(k.ldq)
	if f.min {
		k.lds = g.bytesArg("ldsums", 1)
		k.lds3 = g.times3(k.lds)
	}
	g.whileMem(g.addr("rows"), 1, "row", func() {
		k.w, k.q, k.d = g.copyOf(row), g.arg("q"), g.arg("d")
		if f.min {
			k.sums = g.arg("bsums")
		}
		k.clear()
		blocks := g.arg("blocks")
		g.while(blocks, 1, "block", func() {
			for line := 0; line < f.size; line += 64 {
				g.PREFETCHT0(operand.Mem{Base: k.w, Disp: prefetchLeast + line})
			}
			k.block()
			g.add(f.size, k.w)
			g.add(256, k.q)
			g.add(16, k.d)
			if f.min {
				g.add(32, k.sums)
			}
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
	for t := range 4 {
		k.VMOVUPS(zero, k.accAt(t))
		if k.min {
			k.VMOVUPS(zero, k.minsAt(t))
		}
	}
}

// store writes the four results of a row.
func (k *kTokens) store(dst reg.GPVirtual) {
	k.Comment("dst = Σ acc - Σ mins")
	acc := k.vecs(4)
	for t, a := range acc {
		k.VMOVUPS(k.accAt(t), a)
		if k.min {
			k.VSUBPS(k.minsAt(t), a, a)
		}
	}
	k.sum4(acc)
	ld := k.bytesArg("ld", 2)
	ld3 := k.times3(ld)
	for t := range acc {
		m := rowPtr(dst, ld, ld3, t)
		if t == 0 {
			k.VMOVSS(acc[0].AsX(), m)
		} else {
			k.VEXTRACTPS(operand.Imm(uint64(t)), acc[0].AsX(), m)
		}
	}
}

// block adds one block of a row to acc and mins of each token, as kGen.block does for one.
func (k *kTokens) block() {
	k.Comment("sc, mn")
	k.formatK.scales(k.kGen)
	sum := k.vecs(4)
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
	k.Comment("acc += d·d_a·sum, mins += dmin·d_a·Σmn·Σq_a")
	k.blockScales()
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
		m, d, mins := k.minSumsOf(rowPtr(k.sums, k.lds, k.lds3, t)), k.vec(), k.vec()
		k.VCVTDQ2PS(m, m)
		k.VBROADCASTSS(k.minAt(t), d)
		k.VMOVUPS(k.minsAt(t), mins)
		k.VFMADD231PS(m, d, mins)
		k.VMOVUPS(mins, k.minsAt(t))
	}
}

// quantsOf addresses vector i of a token's activations.
func (k *kTokens) quantsOf(t, i int) operand.Mem {
	m := rowPtr(k.q, k.ldq, k.ldq3, t)
	m.Disp = i * k.bytes
	return m
}

// pairs returns Σ(q-bias)·q_a over pairs of columns, as kGen.product does, and leaves the weights as they are.
func (k *kTokens) pairs(w, unsigned reg.VecVirtual, m operand.Mem) reg.VecVirtual {
	p := k.vec()
	switch {
	case k.table:
		k.VMOVDQU(m, p)
		k.VPSIGNB(w, p, p)
		k.VPMADDUBSW(p, unsigned, p)
	case k.bias != 0:
		b := k.vec()
		k.VMOVDQU(m, b)
		k.VPMADDUBSW(b, w, p)
		k.VPMADDUBSW(b, k.biases, b)
		k.VPSUBW(b, p, p)
	default:
		k.VPMADDUBSW(m, w, p)
	}
	return p
}

// blockScales puts d·d_a and dmin·d_a of the four tokens on the stack.
func (k *kTokens) blockScales() {
	v, all := k.ownFactors(), k.vec()
	quad := operand.Mem{Base: k.d}
	k.VBROADCASTSS(v.AsX(), all.AsX())
	k.VMULPS(quad, all.AsX(), all.AsX())
	k.VMOVUPS(all.AsX(), k.scaleAt(0))
	if k.min {
		k.VPSHUFD(operand.Imm(0x55), v.AsX(), v.AsX())
		k.VMULPS(quad, v.AsX(), v.AsX())
		k.VMOVUPS(v.AsX(), k.minAt(0))
	}
}
