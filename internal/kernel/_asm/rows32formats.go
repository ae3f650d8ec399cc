package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The layouts of the formats in blocks of 32, as the reference implementations' comments describe them.

// pair returns 16 bytes of a block twice, which the load units do.
func (r *rowGen) pair(block operand.Mem, offset int) reg.VecVirtual {
	v := r.vec()
	if m := block.Offset(offset); r.evex() {
		r.VBROADCASTI32X4(m, v)
	} else {
		r.VBROADCASTI128(m, v)
	}
	return v
}

// nibbles: byte j has the q of weight j low, of weight j+16 high; the bytes end the block.
func (r *rowGen) nibbles(block operand.Mem) reg.VecVirtual {
	r.Comment("q = (bytes, bytes >> 4) & 15")
	v := r.pair(block, r.size-16)
	r.VPSRLVD(r.high, v, v)
	if r.evex() {
		r.VPANDD(r.mask, v, v)
	} else {
		r.VPAND(r.mask, v, v)
	}
	return v
}

// int8s: the q as they are, after the half d; for VNNI with the sign bit flipped, that is plus 128.
func (r *rowGen) int8s(block operand.Mem) reg.VecVirtual {
	r.Comment("q as it is, for VNNI q ^ 128 = q + 128")
	v, m := r.vec(), block.Offset(2)
	switch {
	case r.evex():
		r.VPXORD(m, r.biases, v)
	case r.unsigned:
		r.VPXOR(m, r.biases, v)
	default:
		r.VMOVDQU(m, v)
	}
	return v
}

// fiveBits: nibbles, and 32 bits before them that are worth 16. AVX-512 uses the bits as a mask; AVX2 spreads each of them over a
// byte: the byte that holds it is copied there, all other bits are set, and the comparison with all ones is the bit.
func (r *rowGen) fiveBits(block operand.Mem) reg.VecVirtual {
	v, at := r.nibbles(block), r.size-20
	r.Comment("q += 16·bit")
	if r.evex() {
		k := r.K()
		r.KMOVD(block.Offset(at), k)
		r.VPADDB(r.table[0], v, k, v)
		return v
	}
	h := r.vec()
	r.VPBROADCASTD(block.Offset(at), h)
	r.VPSHUFB(r.table[1], h, h)  // byte i holds bit i in its place
	r.VPOR(r.table[2], h, h)     // all ones when the bit is set
	r.VPCMPEQB(r.table[3], h, h) // 0xff or 0
	r.VPAND(r.table[0], h, h)    // 16 or 0
	r.VPOR(h, v, v)
	return v
}

// fiveBitsTable loads what fiveBits needs.
func (r *rowGen) fiveBitsTable() {
	r.table = []reg.VecVirtual{r.u32(0x10101010)}
	if r.evex() {
		return
	}
	const a, b = 0xf7fbfdfe, 0x7fbfdfef // all but one bit of each byte: 0, 1, 2, 3 and 4, 5, 6, 7
	r.table = append(r.table,
		r.words("bitBytes", 0, 0, 0x01010101, 0x01010101, 0x02020202, 0x02020202, 0x03030303, 0x03030303),
		r.words("bitClear", a, b, a, b, a, b, a, b),
		r.u32(0xffffffff))
}

// lookup: nibbles that stand for sixteen values; plus the bias, but for those computed with as signed ones.
func (r *rowGen) lookup(block operand.Mem) reg.VecVirtual {
	v := r.nibbles(block)
	r.Comment("q = values[q]")
	r.VPSHUFB(v, r.table[0], v)
	return v
}

// Values of the codes of IQ4_NL and IQ4_XS, and doubled values of those of MXFP4.
var (
	iq4Values = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}
	fp4Values = [16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}
)

// codes returns 16 bytes of values plus bias, for VPSHUFB.
func (g *gen) codes(name string, values [16]int8, bias byte) reg.VecVirtual {
	var w [4]uint32
	for i, x := range values {
		w[i/4] |= uint32(byte(x)+bias) << (i % 4 * 8)
	}
	return g.words(name, w[:]...)
}

// iq4Table loads what lookup needs for IQ4_NL.
func (r *rowGen) iq4Table() {
	if r.unsigned {
		r.table = []reg.VecVirtual{r.codes("iq4biased", iq4Values, r.bias)}
		return
	}
	r.table = []reg.VecVirtual{r.codes("iq4", iq4Values, 0)}
}

// fp4Table loads what lookup needs for MXFP4.
func (r *rowGen) fp4Table() {
	r.table = []reg.VecVirtual{r.codes("fp4", fp4Values, r.bias)}
}
