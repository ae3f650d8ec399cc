package kernel

import (
	"encoding/binary"
	"math"
)

// halfToFloat returns the value of an IEEE 754 half float, exactly; NaN payloads survive.
//
// The 15 bits of exponent and mantissa, put into the place of a float's, mean a number that is 2^-112 times too small,
// for subnormal halves too; what then is 2^16 or more was infinite or NaN.
func halfToFloat(h uint16) float32 {
	b := math.Float32bits(math.Float32frombits(uint32(h&0x7fff)<<13) * 0x1p112)
	if b >= 0x47800000 {
		b |= 0x7f800000
	}
	return math.Float32frombits(b | uint32(h&0x8000)<<16)
}

// bfloatToFloat returns the value of a bfloat16: the upper half of a float.
func bfloatToFloat(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// floatToBfloat rounds to the nearest bfloat16, ties to even; a NaN becomes a quiet one.
func floatToBfloat(f float32) uint16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// e8m0Half returns half the value of an OCP exponent byte, 2^(e-128), as MXFP4 wants it: its q are doubled E2M1 values.
func e8m0Half(e byte) float32 {
	if e < 2 {
		return math.Float32frombits(0x00200000 << e)
	}
	return math.Float32frombits(uint32(e-1) << 23)
}

// half reads the half float at the start of b.
func half(b []byte) float32 { return halfToFloat(binary.LittleEndian.Uint16(b)) }

// decodeHalvesGeneric decodes len(f) half floats from w, four from a word where none of them is infinite or NaN: their bits
// below the sign shifted by three into a float's place, as in halfToFloat, with the sign staying where it is.
func decodeHalvesGeneric(f []float32, w []byte) {
	const mask = -1<<31 | 0x0fffe000
	w = w[:2*len(f)]
	for len(f) >= 4 && len(w) >= 8 {
		x := load8(w)
		if (x&(0x7c00*onesOf16)+0x0400*onesOf16)&(0x8000*onesOf16) == 0 {
			f[0] = math.Float32frombits(uint32(int32(x<<16)>>3&mask)) * 0x1p112
			f[1] = math.Float32frombits(uint32(int32(x)>>3&mask)) * 0x1p112
			f[2] = math.Float32frombits(uint32(int32(x>>16)>>3&mask)) * 0x1p112
			f[3] = math.Float32frombits(uint32(int32(x>>32)>>3&mask)) * 0x1p112
		} else {
			for i := range 4 {
				f[i] = half(w[2*i:])
			}
		}
		f, w = f[4:], w[8:]
	}
	for i := range f {
		f[i] = half(w[2*i:])
	}
}

// decodeBfloats decodes len(f) bfloat16 from w.
func decodeBfloats(f []float32, w []byte) {
	w = w[:2*len(f)]
	for len(f) >= 4 && len(w) >= 8 {
		x := load8(w)
		f[0] = math.Float32frombits(uint32(x) << 16)
		f[1] = math.Float32frombits(uint32(x) & 0xffff0000)
		f[2] = math.Float32frombits(uint32(x>>16) & 0xffff0000)
		f[3] = math.Float32frombits(uint32(x>>32) & 0xffff0000)
		f, w = f[4:], w[8:]
	}
	for i := range f {
		f[i] = bfloatToFloat(binary.LittleEndian.Uint16(w[2*i:]))
	}
}
