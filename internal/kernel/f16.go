package kernel

import (
	"fmt"

	"github.com/x448/float16"
)

// F16ToF32 converts half floats to float32: dst[i] = src[i], exactly; a NaN stays one. dst must be as long as src at
// least; it panics when it is not. Nothing is allocated.
func F16ToF32(dst []float32, src []uint16) {
	if len(dst) < len(src) {
		panic(fmt.Sprintf("kernel: %d half floats into %d floats", len(src), len(dst)))
	}
	vectors().f16ToF32(dst[:len(src)], src)
}

// F32ToF16 converts float32 to half floats, rounding to nearest, ties to even: values from 65520 on become infinite, a
// NaN stays one. dst must be as long as src at least; it panics when it is not. Nothing is allocated.
func F32ToF16(dst []uint16, src []float32) {
	if len(dst) < len(src) {
		panic(fmt.Sprintf("kernel: %d floats into %d half floats", len(src), len(dst)))
	}
	vectors().f32ToF16(dst[:len(src)], src)
}

// f16ToF32Generic converts into dst, which is as long as src.
func f16ToF32Generic(dst []float32, src []uint16) {
	for i, h := range src {
		dst[i] = halfToFloat(h)
	}
}

// f32ToF16Generic converts into dst, which is as long as src.
func f32ToF16Generic(dst []uint16, src []float32) {
	for i, f := range src {
		dst[i] = float16.Fromfloat32(f).Bits()
	}
}

// SubF16 subtracts half floats from as many values.
func SubF16(x []float32, h []uint16) {
	for i, v := range h[:len(x)] {
		x[i] -= halfToFloat(v)
	}
}
