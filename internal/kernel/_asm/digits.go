package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The ternary types of lattice.go.

// flatSums returns sums of (q-1)·q_a: pairs are at most 2·3·127, so that eight fit into 15 bits. Lanes of Σq_a are of other
// columns than those of Σq·q_a, see whole.
func (k *kGen) flatSums() reg.VecVirtual {
	sum, ones, own := k.vec(), k.vec(), k.vec()
	k.Comment("sum = Σq·q_a - Σq_a")
	for i := range 8 {
		w := k.formatK.quants(k, i)
		m := operand.Mem{Base: k.q, Disp: 32 * i}
		if i == 0 {
			k.VPMADDUBSW(m, w, sum)
			continue
		}
		k.VPMADDUBSW(m, w, w)
		k.VPADDW(w, sum, sum)
	}
	k.VMOVDQU(k.ymm("ones16", 0x00010001), ones)
	k.VPMADDWD(ones, sum, sum)
	k.VPMADDWD(operand.Mem{Base: k.sums}, ones, own)
	k.VPSUBD(own, sum, sum)
	return sum
}

// scalesOne: types that have none.
func (k *kGen) scalesOne() {
	k.sc = k.vec()
	k.VMOVDQU(k.ymm("ones16", 0x00010001), k.sc)
	k.scAll = k.sc
}

func (k *kGen) quantsTQ2(i int) reg.VecVirtual {
	v := k.vec()
	k.VMOVDQU(k.at(i/4*32), v)
	k.shiftAll(v, 2*(i%4))
	k.VPAND(k.bytes32(3), v, v)
	return v
}

// quantsTQ1: bytes of five digits of 3, as b·256/243 rounded up: digit n is the integer part of 3·(b·3^n mod 256)/256. 32 bytes
// have the digits n of weights 32n … 32n+31, 16 bytes those of 16 weights each behind them, and four bytes four digits each.
func (k *kGen) quantsTQ1(i int) reg.VecVirtual {
	v := k.vec()
	if i < 5 {
		k.VMOVDQU(k.at(0), v)
		k.timesBytes(v, pow3(i))
		return k.digit(v)
	}
	k.VBROADCASTI128(k.at(32), v)
	if i < 7 {
		n := 2 * (i - 5)
		k.timesBytes(v, pow3(n), pow3(n), pow3(n), pow3(n), pow3(n+1), pow3(n+1), pow3(n+1), pow3(n+1))
		return k.digit(v)
	}
	last := k.vec()
	k.VPBROADCASTD(k.at(48), last.AsX())
	k.VINSERTI128(operand.Imm(1), last.AsX(), v, v)
	k.timesBytes(v, pow3(4), pow3(4), pow3(4), pow3(4), pow3(0), pow3(1), pow3(2), pow3(3))
	return k.digit(v)
}

func pow3(n int) uint32 {
	p := uint32(1)
	for range n {
		p *= 3
	}
	return p
}

// timesBytes multiplies the bytes of each word of 32 by one of the factors, modulo 256.
func (k *kGen) timesBytes(v reg.VecVirtual, factors ...uint32) {
	if len(factors) == 1 && factors[0] == 1 {
		return
	}
	words := make([]uint32, len(factors))
	name := "times"
	for i, f := range factors {
		words[i] = f * 0x00010001
		name += fmt.Sprintf("_%d", f)
	}
	f, odd := k.ymm(name, words...), k.vec()
	k.VPSRLW(operand.Imm(8), v, odd)
	k.VPMULLW(f, odd, odd)
	k.VPSLLW(operand.Imm(8), odd, odd)
	k.VPMULLW(f, v, v)
	k.VPAND(k.ymm("even", 0x00ff00ff), v, v)
	k.VPOR(odd, v, v)
}

// digit returns the integer part of 3·v/256.
func (k *kGen) digit(v reg.VecVirtual) reg.VecVirtual {
	d, t := k.vec(), k.vec()
	k.zero(d)
	for _, least := range []byte{86, 171} {
		k.VPMAXUB(k.bytes32(least), v, t)
		k.VPCMPEQB(v, t, t)
		k.VPSUBB(t, d, d)
	}
	return d
}
