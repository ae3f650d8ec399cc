package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The layouts of the formats in blocks of 256, as the reference implementations' comments describe them.

// at addresses a byte of the block.
func (k *kGen) at(offset int) operand.Mem { return operand.Mem{Base: k.w, Disp: offset} }

// twice returns 32 bytes of the block, at 512 bits in both halves: the two halves of a vector of weights often are different bits
// of the same bytes.
func (k *kGen) twice(offset int) reg.VecVirtual {
	v := k.vec()
	if k.wide() {
		k.VBROADCASTI64X4(k.at(offset), v)
	} else {
		k.VMOVDQU(k.at(offset), v)
	}
	return v
}

// shift shifts bytes right by low bits, at 512 bits those of the upper half by high, left where the number is negative.
// What comes in from the neighbour is for the caller to clear.
func (k *kGen) shift(v reg.VecVirtual, low, high int) {
	if !k.wide() {
		k.shiftAll(v, low)
		return
	}
	if low == high {
		k.shiftAll(v, low)
		return
	}
	l, h := uint32(low)&31, uint32(high)&31 // rotations
	k.VPRORVD(k.tableOf(fmt.Sprintf("rotate%d_%d", l, h), l, l, l, l, l, l, l, l, h, h, h, h, h, h, h, h), v, v)
}

// shiftAll shifts all words right by n, left when n is negative. There are no shifts of bytes; words of 32 bits do, with a mask
// for what crosses from byte to byte.
func (k *kGen) shiftAll(v reg.VecVirtual, n int) {
	switch {
	case n > 0:
		k.VPSRLD(operand.Imm(uint64(n)), v, v)
	case n < 0:
		k.VPSLLD(operand.Imm(uint64(-n)), v, v)
	}
}

// halvesOf returns, for vector i, which run of 32 weights it begins with, and which one is in its upper half; at 256 bits a
// vector is one run.
func (k *kGen) halvesOf(i int) (low, high int) {
	low = i * k.bytes / 32
	return low, low + k.bytes/32 - 1
}

// scales2: 16 bytes, sc in the low half of each, mn in the high half.
func (k *kGen) scales2() {
	k.Comment("sc = s & 15, mn = s >> 4, as int16")
	sc, mn := k.vec(), k.vec()
	k.VPMOVZXBW(k.at(0), sc.AsY())
	k.VPSRLD(operand.Imm(4), sc.AsY(), mn.AsY())
	k.low16(0x0f, sc)
	k.low16(0x0f, mn)
	k.mn = mn
	k.scales16(sc)
}

// low16 masks the 16 words of the ymm v.
func (k *kGen) low16(mask uint32, v reg.VecVirtual) {
	t := k.vec()
	k.VPBROADCASTD(k.constant(mask|mask<<16), t.AsY())
	if k.evex() {
		k.VPANDD(t.AsY(), v.AsY(), v.AsY())
	} else {
		k.VPAND(t, v, v)
	}
}

// twoBits returns bits 2j and 2j+1 of 32 bytes, below others, for the runs j of 32 weights that vector i consists of.
func (k *kGen) twoBits(offset, i int) reg.VecVirtual {
	low, high := k.halvesOf(i)
	k.Commentf("q = bytes >> %d, bytes >> %d in the upper half, & 3", 2*(low%4), 2*(high%4))
	v := k.twice(offset + low/4*32)
	k.shift(v, 2*(low%4), 2*(high%4))
	return v
}

// quants2: two bits, four runs of 32 weights in 32 bytes.
func (k *kGen) quants2(i int) reg.VecVirtual {
	v := k.twoBits(16, i)
	k.bits(0x03, v)
	return v
}

// scales3: the low four bits in the halves of 8 bytes, the high two in 4 bytes, four times two bits each; minus 32.
func (k *kGen) scales3() {
	k.Comment("sc = (low bytes, low bytes >> 4) & 15 | (high bytes >> 0, 2, 4, 6 & 3) << 4, minus 32, as int16")
	v, h := k.vec(), k.vec()
	x, y := v.AsX(), h.AsX()
	k.VMOVQ(k.at(96), x)
	k.VPUNPCKLQDQ(x, x, x)
	k.VPSRLVD(k.data("shift0044", 0, 0, 4, 4), x, x)
	k.VPBROADCASTD(k.at(104), y)
	k.VPSRLVD(k.data("shift0246", 0, 2, 4, 6), y, y)
	k.xmmBits(0x0f, v)
	k.xmmBits(0x03, h)
	k.VPSLLD(operand.Imm(4), y, y)
	if k.evex() {
		k.VPORD(y, x, x)
	} else {
		k.VPOR(y, x, x)
	}
	k.VPSUBB(k.quad(0x20202020), x, x)
	k.VPMOVSXBW(x, v.AsY())
	k.scales16(v)
}

// xmmBits masks the bytes of the xmm v.
func (k *kGen) xmmBits(mask byte, v reg.VecVirtual) {
	m := k.quad(all(mask))
	if k.evex() {
		k.VPANDD(m, v.AsX(), v.AsX())
	} else {
		k.VPAND(m, v.AsX(), v.AsX())
	}
}

// quants3: two bits as in Q2_K, and bit j of 32 bytes worth 4.
func (k *kGen) quants3(i int) reg.VecVirtual {
	low, high := k.halvesOf(i)
	v, h := k.twoBits(32, i), k.twice(0)
	k.Commentf("q |= bit %d, bit %d in the upper half, times 4", low, high)
	k.shift(h, low-2, high-2)
	k.combine(0x03, v, 0x04, h)
	return v
}

// scales4: sc and mn 0 to 3 are six bits of bytes 4 to 11; sc and mn 4 to 7 have their low four bits in the halves of bytes
// 12 to 15 and their high two on top of bytes 4 to 11.
func (k *kGen) scales4() {
	k.Comment("sc, mn 0-3 = s & 63; sc, mn 4-7 = s >> 2 & 48 | halves of the last four bytes; as int16")
	v, h, l := k.vec(), k.vec(), k.vec()
	x, y, z := v.AsX(), h.AsX(), l.AsX()
	if k.evex() {
		k.VMOVDQU32(k.at(0), x) // d, dmin and the twelve bytes
	} else {
		k.VMOVDQU(k.at(0), x)
	}
	k.VPSHUFD(operand.Imm(0b10_10_01_01), x, y)
	k.VPSHUFD(operand.Imm(0b11_11_11_11), x, z)
	k.VPSRLVD(k.data("shift0202", 0, 2, 0, 2), y, y) // bytes 4-7 for sc 0-3, 4-7, bytes 8-11 for mn
	k.VPSRLVD(k.data("shift0004", 0, 0, 0, 4), z, z)
	k.mask4(y, "six", 0x3f3f3f3f, 0x30303030, 0x3f3f3f3f, 0x30303030)
	k.mask4(z, "four", 0, 0x0f0f0f0f, 0, 0x0f0f0f0f)
	k.mn = h
	if k.evex() {
		k.VPORD(z, y, y)
	} else {
		k.VPOR(z, y, y)
	}
	k.sc = k.vec()
	k.VPMOVZXBW(y, k.sc.AsX())
	k.VPSRLDQ(operand.Imm(8), y, y)
	k.VPMOVZXBW(y, y)
	k.both(k.sc)
}

// mask4 masks the four words of x.
func (k *kGen) mask4(x reg.Register, name string, w ...uint32) {
	if k.evex() {
		k.VPANDD(k.data(name, w...), x, x)
	} else {
		k.VPAND(k.data(name, w...), x, x)
	}
}

// quants4: 32 bytes of 64 weights, the first 32 in the low halves.
func (k *kGen) quants4(i int) reg.VecVirtual {
	v := k.fourBits(16, i)
	k.bits(0x0f, v)
	return v
}

// fourBits returns the halves of bytes that make vector i, below others, 32 bytes for 64 weights from offset on.
func (k *kGen) fourBits(offset, i int) reg.VecVirtual {
	low, high := k.halvesOf(i)
	k.Commentf("q = bytes >> %d, bytes >> %d in the upper half, & 15", 4*(low%2), 4*(high%2))
	v := k.twice(offset + low/2*32)
	k.shift(v, 4*(low%2), 4*(high%2))
	return v
}

// quants5: quants4, and bit j of 32 bytes worth 16.
func (k *kGen) quants5(i int) reg.VecVirtual {
	low, high := k.halvesOf(i)
	v, h := k.fourBits(48, i), k.twice(16)
	k.Commentf("q |= bit %d, bit %d in the upper half, times 16", low, high)
	k.shift(h, low-4, high-4)
	k.combine(0x0f, v, 0x10, h)
	return v
}

// scales6: 16 int8.
func (k *kGen) scales6() {
	v := k.vec()
	k.VPMOVSXBW(k.at(192), v.AsY())
	k.scales16(v)
}

// quants6: of 128 weights the first 64 have their low bits in the low halves of 64 bytes, the others in the high halves;
// weights 32·j to 32·j+31 have their high bits in bits 2j and 2j+1 of 32 bytes.
func (k *kGen) quants6(i int) reg.VecVirtual {
	low, high := k.halvesOf(i)
	part, j := low/4, low%4
	k.Commentf("q = bytes >> %d & 15 | (bits %d and %d, in the upper half %d and %d) << 4", 4*(j/2), 2*j, 2*j+1, 2*(high%4), 2*(high%4)+1)
	v, h := k.vec(), k.twice(128+32*part)
	if k.wide() {
		k.VMOVDQU32(k.at(64*part), v)
	} else {
		k.VMOVDQU(k.at(64*part+32*(j%2)), v)
	}
	k.shiftAll(v, 4*(j/2))
	k.shift(h, 2*j-4, 2*(high%4)-4)
	k.combine(0x0f, v, 0x30, h)
	return v
}

// scalesXS: eight times six bits minus 32: low four bits in 4 bytes, high two in the two bytes before.
func (k *kGen) scalesXS() {
	k.Comment("sc = four bits | two bits << 4, each spread to its byte, minus 32, as int16")
	l, h, m := k.GP64(), k.GP64(), k.GP64()
	k.MOVQ(operand.U64(0x0f0f0f0f0f0f0f0f), m)
	k.MOVL(k.at(4), l.As32())
	k.PDEPQ(m, l, l)
	k.MOVQ(operand.U64(0x3030303030303030), m)
	k.MOVWLZX(k.at(2), h.As32())
	k.PDEPQ(m, h, h)
	k.ORQ(h, l)
	v := k.vec()
	k.VMOVQ(l, v.AsX())
	k.VPSUBB(k.quad(0x20202020), v.AsX(), v.AsX())
	k.VPMOVSXBW(v.AsX(), v.AsX())
	k.both(v)
	k.sc = v
}

// quantsXS: 16 bytes of 32 weights, the first 16 in the low halves, codes of sixteen values.
func (k *kGen) quantsXS(i int) reg.VecVirtual {
	k.Comment("q = values[bytes & 15], values[bytes >> 4]")
	v := k.vec()
	if k.wide() {
		idx := k.dwordTable("quads0011", 0, 0, 1, 0, 0, 0, 1, 0, 2, 0, 3, 0, 2, 0, 3, 0)
		k.VMOVDQU32(k.at(8+32*i), v.AsY())
		k.VPERMQ(v, idx, v)
	} else {
		k.VBROADCASTI128(k.at(8+16*i), v)
	}
	k.VPSRLVD(k.tableOf("shift04", 0, 0, 0, 0, 4, 4, 4, 4, 0, 0, 0, 0, 4, 4, 4, 4), v, v)
	k.bits(0x0f, v)
	k.VPSHUFB(v, k.values, v)
	return v
}
