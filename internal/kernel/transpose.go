package kernel

import "fmt"

// Transpose sets dst[c*ldd+r] = src[r*lds+c] for r < rows and c < cols: columns become rows. ldd and lds are the
// distances between rows, in elements. Any counts are right, multiples of 8 are fast. dst and src must not overlap. It
// panics when a slice is too short.
func Transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if rows <= 0 || cols <= 0 {
		return
	}
	if short(len(dst), cols, ldd, rows) || short(len(src), rows, lds, cols) {
		panic(fmt.Sprintf("kernel: transpose of %d×%d, in slices of %d and %d", rows, cols, len(dst), len(src)))
	}
	vectors().transpose(dst, ldd, src, lds, rows, cols)
}

// transposeF32Generic goes by squares, so that a line of a cache is read and written once.
func transposeF32Generic(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	const side = 16
	for r0 := 0; r0 < rows; r0 += side {
		for c0 := 0; c0 < cols; c0 += side {
			for r := r0; r < min(r0+side, rows); r++ {
				for c, v := range src[r*lds+c0:][:min(side, cols-c0)] {
					dst[(c0+c)*ldd+r] = v
				}
			}
		}
	}
}
