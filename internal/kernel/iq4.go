package kernel

import "encoding/binary"

// IQ4_NL block, 18 bytes, 32 weights d·kvalues[q]: laid out as Q4_0.
//
// MXFP4 block (OCP Microscaling, E2M1 elements), 17 bytes, 32 weights d·fp4[q]:
//
//	0  e, d = 2^(e-128)
//	1  16 bytes as in Q4_0
//
// IQ4_XS block, 136 bytes, 256 weights d·(sc-32)·kvalues[q], sc per 32 weights:
//
//	0  half d
//	2  uint16: bits 4 and 5 of the eight sc, two bits each
//	4  4 bytes: bits 0 to 3 of the eight sc
//	8  8 times 16 bytes as in Q4_0

// iq4Values and fp4Values are the values of the 16 codes; fp4Values is E2M1 doubled.
var (
	iq4Values = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}
	fp4Values = [16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, fp4Min}
)

const fp4Min = -12 // the smallest of fp4Values

// iq4Codes and fp4Codes are the values plus their type's bias: what unpacking gives, see codesOf.
var iq4Codes, fp4Codes = biased(&iq4Values, 128), biased(&fp4Values, -fp4Min)

// biased returns the values plus bias, which must make all of them positive.
func biased(values *[16]int8, bias int) (codes [16]byte) {
	for i, v := range values {
		codes[i] = byte(int(v) + bias)
	}
	return codes
}

// lookup16 writes the codes of 16 bytes of indices: the low halves' first.
func lookup16(o, w []byte, codes *[16]byte) {
	o, w = o[:32], w[:16]
	for j := range 16 {
		o[j] = codes[w[j]&15]
		o[j+16] = codes[w[j]>>4]
	}
}

// unpackIQ4_NL writes the codes and scales of the blocks in w, at most 8, to a tile's row.
func unpackIQ4_NL(q *[tileCols]byte, d *[tileCols / q8Block]float32, w []byte) {
	for b := 0; len(w) >= 18 && b < len(d); b, w = b+1, w[18:] {
		d[b] = half(w)
		lookup16(q[b*32:], w[2:], &iq4Codes)
	}
}

// unpackMXFP4 is unpackIQ4_NL for MXFP4.
func unpackMXFP4(q *[tileCols]byte, d *[tileCols / q8Block]float32, w []byte) {
	for b := 0; len(w) >= 17 && b < len(d); b, w = b+1, w[17:] {
		d[b] = e8m0Half(w[0])
		lookup16(q[b*32:], w[1:], &fp4Codes)
	}
}

// unpackIQ4_XS writes the codes and scales of one block to a tile's row and returns d.
func unpackIQ4_XS(q *[tileCols]byte, sc *[tileCols / kGroup]int32, w []byte) float32 {
	w = w[:136]
	high := binary.LittleEndian.Uint16(w[2:])
	for b := range 8 {
		s := int32(w[4+b/2]>>(4*(b&1))&15|byte(high>>(2*b)&3)<<4) - 32
		sc[2*b], sc[2*b+1] = s, s
		lookup16(q[b*32:], w[8+16*b:], &iq4Codes)
	}
	return half(w)
}
