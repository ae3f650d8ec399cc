package kernel

import "encoding/binary"

// The IQ types of 1 to 3 bits: eight weights (four of IQ3) are a point of a lattice, see grids.go, with a sign each.
// All have blocks of 256 weights d·(2·sc+1)·q, with sc of a few bits per 32 or 16 weights. Numbers are little-endian.
//
// IQ2_XXS, 66 bytes: half d; for each 32 weights 4 bytes of points and a uint32: four times seven bits of signs, sc in
// the highest four bits. d counts an eighth.
//
// IQ2_XS, 74 bytes: half d; 32 uint16 with a point in nine bits and signs in seven; 8 bytes with an sc per 16 weights,
// the first in the low half. d counts an eighth.
//
// IQ2_S, 82 bytes: half d; 32 bytes of points; 32 bytes of signs; 8 bytes, one per 32 weights, with bits 8 and 9 of its
// four points; 8 bytes of sc as in IQ2_XS. d counts an eighth.
//
// IQ3_XXS, 98 bytes: half d; 64 bytes of points; for each 32 weights a uint32 as in IQ2_XXS. d counts a quarter.
//
// IQ3_S, 110 bytes: half d; 64 bytes of points; 8 bytes, one per 32 weights, with bit 8 of its eight points; 32 bytes
// of signs; 4 bytes with an sc per 32 weights, the first in the low half.
//
// IQ1_S, 50 bytes: half d; 32 bytes of points; for each 32 weights a uint16: bits 8 to 10 of its four points, sc in
// three bits, and in the highest whether an eighth is subtracted from all coordinates, or else added.
//
// IQ1_M, 56 bytes: 32 bytes of points; for each two points a byte: for each bits 8 to 10 and whether the eighth is
// subtracted; 4 uint16, one per 64 weights: an sc of three bits per 16 weights, and above them a quarter of half d, the
// lowest first.

// Biases of the codes that unpacking gives.
const (
	biasIQ2    = 43
	biasIQ3XXS = 62
	biasIQ3S   = 15
	biasIQ1    = 9
)

// scale32 sets the scale of group b of 32 weights, scale16 that of group g of 16.
func scale32(sc *[tileCols / kGroup]int32, b int, s uint32) {
	sc[2*b], sc[2*b+1] = int32(2*s+1), int32(2*s+1)
}

func scale16(sc *[tileCols / kGroup]int32, g int, s uint32) { sc[g] = int32(2*s + 1) }

// unpackIQ2_XXS writes the codes and scales of one block to a tile's row and returns d.
func unpackIQ2_XXS(q *[tileCols]byte, sc *[tileCols / kGroup]int32, w []byte) float32 {
	w = w[:66]
	for b := range 8 {
		points, word := w[2+8*b:][:4], binary.LittleEndian.Uint32(w[6+8*b:])
		scale32(sc, b, word>>28)
		for l, p := range points {
			store8(q[32*b+8*l:], signed(gridIQ2XXS[p], evenSigns(word>>(7*l)), biasIQ2))
		}
	}
	return half(w) / 8
}

// unpackIQ2_XS is unpackIQ2_XXS for IQ2_XS.
func unpackIQ2_XS(q *[tileCols]byte, sc *[tileCols / kGroup]int32, w []byte) float32 {
	w = w[:74]
	for i := range 32 {
		word := uint32(binary.LittleEndian.Uint16(w[2+2*i:]))
		store8(q[8*i:], signed(gridIQ2XS[word&511], evenSigns(word>>9), biasIQ2))
	}
	for g := range sc {
		scale16(sc, g, uint32(w[66+g/2]>>(g&1*4)&15))
	}
	return half(w) / 8
}

// unpackIQ2_S is unpackIQ2_XXS for IQ2_S.
func unpackIQ2_S(q *[tileCols]byte, sc *[tileCols / kGroup]int32, w []byte) float32 {
	w = w[:82]
	for i := range 32 {
		point := uint(w[2+i]) | uint(w[66+i/4])>>(i&3*2)&3<<8
		store8(q[8*i:], signed(gridIQ2S[point], w[34+i], biasIQ2))
	}
	for g := range sc {
		scale16(sc, g, uint32(w[74+g/2]>>(g&1*4)&15))
	}
	return half(w) / 8
}

// unpackIQ3_XXS is unpackIQ2_XXS for IQ3_XXS.
func unpackIQ3_XXS(q *[tileCols]byte, sc *[tileCols / kGroup]int32, w []byte) float32 {
	w = w[:98]
	for b := range 8 {
		points, word := w[2+8*b:][:8], binary.LittleEndian.Uint32(w[66+4*b:])
		scale32(sc, b, word>>28)
		for l := range 4 {
			point := gridIQ3XXS[points[2*l]] | gridIQ3XXS[points[2*l+1]]<<32
			store8(q[32*b+8*l:], signed(point, evenSigns(word>>(7*l)), biasIQ3XXS))
		}
	}
	return half(w) / 4
}

// unpackIQ3_S is unpackIQ2_XXS for IQ3_S.
func unpackIQ3_S(q *[tileCols]byte, sc *[tileCols / kGroup]int32, w []byte) float32 {
	w = w[:110]
	for b := range 8 {
		points, high := w[2+8*b:][:8], uint(w[66+b])
		scale32(sc, b, uint32(w[106+b/2]>>(b&1*4)&15))
		for l := range 4 {
			lo := gridIQ3S[uint(points[2*l])|high>>(2*l)&1<<8]
			hi := gridIQ3S[uint(points[2*l+1])|high>>(2*l+1)&1<<8]
			store8(q[32*b+8*l:], signed(lo|hi<<32, w[74+4*b+l], biasIQ3S))
		}
	}
	return half(w)
}

// shifted returns the codes of a point of IQ1, biased by biasIQ1.
func shifted(point uint64, minus bool) uint64 {
	if minus {
		return point
	}
	return point + 2*ones
}

// unpackIQ1_S is unpackIQ2_XXS for IQ1_S.
func unpackIQ1_S(q *[tileCols]byte, sc *[tileCols / kGroup]int32, w []byte) float32 {
	w = w[:50]
	for b := range 8 {
		word := uint32(binary.LittleEndian.Uint16(w[34+2*b:]))
		scale32(sc, b, word>>12&7)
		for l := range 4 {
			point := uint32(w[2+4*b+l]) | word>>(3*l)&7<<8
			store8(q[32*b+8*l:], shifted(gridIQ1S[point], word>>15 != 0))
		}
	}
	return half(w) / 8
}

// unpackIQ1_M is unpackIQ2_XXS for IQ1_M.
func unpackIQ1_M(q *[tileCols]byte, sc *[tileCols / kGroup]int32, w []byte) float32 {
	w = w[:56]
	d := uint16(0)
	for i := range 4 {
		word := binary.LittleEndian.Uint16(w[48+2*i:])
		d |= word >> 12 << (4 * i)
		for j := range 4 {
			scale16(sc, 4*i+j, uint32(word>>(3*j)&7))
		}
	}
	for i := range 32 {
		high := uint(w[32+i/2] >> (i & 1 * 4))
		store8(q[8*i:], shifted(gridIQ1S[uint(w[i])|high&7<<8], high&8 != 0))
	}
	return halfToFloat(d) / 8
}
