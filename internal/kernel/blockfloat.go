package kernel

import (
	"fmt"
	"math"
)

// Block floating point: 32 values share an exponent, and each has a mantissa of 8 bits with its sign.
//
//	x ≈ q·2^e        |q| ≤ 127, and above 63 for the largest; e is -24 at least
//
// A block is its 32 mantissas and its exponent. All of its values are half floats, unless they overflow, and rounding
// them again changes nothing. A value that is not finite makes one that overflows half floats.
const (
	BlockFloatBlock = 32
	BlockFloatSize  = 33
	leastBlockFloat = -24 // the exponent of the smallest half float
)

// ToBlockFloat rounds x to nearest, ties to even. The last block is filled up with zeros. dst must have room for whole
// blocks; it panics when it has not. Nothing is allocated.
func ToBlockFloat(dst []byte, x []float32) {
	n := len(x) / BlockFloatBlock
	vectors().toBlockFloat(dst[:n*BlockFloatSize], x[:n*BlockFloatBlock])
	if rest := x[n*BlockFloatBlock:]; len(rest) > 0 {
		var last [BlockFloatBlock]float32
		copy(last[:], rest)
		toBlockFloatGeneric(dst[n*BlockFloatSize:][:BlockFloatSize], last[:]) // a kernel would move it to the heap
	}
}

// BlockFloatToF16 converts whole blocks to half floats, exactly; it panics when dst is too short.
func BlockFloatToF16(dst []uint16, src []byte) {
	n := len(src) / BlockFloatSize
	if len(src) != n*BlockFloatSize || len(dst) < n*BlockFloatBlock {
		panic(fmt.Sprintf("kernel: %d bytes of blocks into %d half floats", len(src), len(dst)))
	}
	if n > 0 {
		vectors().blockFloatToF16(dst[:n*BlockFloatBlock], src)
	}
}

func toBlockFloatGeneric(dst []byte, x []float32) {
	for ; len(x) > 0; dst, x = dst[BlockFloatSize:], x[BlockFloatBlock:] {
		most := uint32(0)
		for _, v := range x[:BlockFloatBlock] {
			most = max(most, math.Float32bits(v)&math.MaxInt32)
		}
		e := max(int(most>>23)-127-6, leastBlockFloat)
		inverse := math.Float32frombits(uint32(127-e) << 23)
		for i, v := range x[:BlockFloatBlock] {
			q := -127.0
			if s := float64(v * inverse); s < 128 { // false for a NaN
				q = min(max(math.RoundToEven(s), -127), 127)
			}
			dst[i] = byte(int8(q))
		}
		dst[BlockFloatBlock] = byte(int8(e))
	}
}

func blockFloatToF16Generic(dst []uint16, src []byte) {
	for ; len(src) > 0; dst, src = dst[BlockFloatBlock:], src[BlockFloatSize:] {
		e := int(int8(src[BlockFloatBlock]))
		scale := math.Float32frombits(uint32(e+127) << 23)
		var x [BlockFloatBlock]float32
		for i, q := range src[:BlockFloatBlock] {
			x[i] = float32(int8(q)) * scale
		}
		f32ToF16Generic(dst[:BlockFloatBlock], x[:])
	}
}
