//go:build !purego

package kernel

import "sync"

// The kernels of caches in codes, for 1, 2, … rows of factors. AVX-512 has none of its own.
var codesAVX2 = codeKernels{
	products: []codeProducts{products4x1AVX2, products4x2AVX2, products4x3AVX2, products4x4AVX2, products4x5AVX2},
	sums: [5][]codeSums{
		1: {addProducts1x1AVX2, addProducts1x2AVX2, addProducts1x3AVX2, addProducts1x4AVX2, addProducts1x5AVX2},
		2: {addProducts2x1AVX2, addProducts2x2AVX2, addProducts2x3AVX2, addProducts2x4AVX2, addProducts2x5AVX2},
		4: {addProducts4x1AVX2, addProducts4x2AVX2, addProducts4x3AVX2, addProducts4x4AVX2, addProducts4x5AVX2},
	},
}

type (
	codeProducts = func(dst *float32, ldd int, f *byte, ldf int, c *byte, s *uint16, stride, rows, tiles int)
	codeSums     = func(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int)
)

// codeKernels is what a level has for caches in codes.
type codeKernels struct {
	products []codeProducts
	sums     [5][]codeSums // by bits
}

// products4 is vectorSet.products4.
func (k *codeKernels) products4(dst []float32, ldd int, f []byte, stride, nq int, c Codes, scales []uint16) {
	for i, n := 0, 0; i < nq; i += n {
		n = rowGroup(nq-i, len(k.products))
		k.products[n-1](&dst[i*ldd], ldd, &f[i*stride], stride, &c.Codes[0], &scales[0], c.Rows, c.Rows, c.Cols/q8Block)
	}
}

// lastRows has room for products with the last rows, fewer than eight.
var lastRows = sync.Pool{New: func() any { return new([5 * 8]float32) }}

// addProducts is vectorSet.addProducts; the last rows go by way of a buffer.
func (k *codeKernels) addProducts(dst []float32, ldd int, f []byte, stride, nq int, c Codes, rows, tile int) {
	full, tiles, steps := rows&^7, c.Cols/tile, tile/StepCols(c.Bits)
	for i, n := 0, 0; i < nq && full > 0; i += n {
		n = rowGroup(nq-i, len(k.sums[c.Bits]))
		k.sums[c.Bits][n-1](&dst[i*ldd], ldd, &f[i*stride], stride, &c.Codes[0], c.Rows, full, tiles, steps)
	}
	if full == rows {
		return
	}
	last := lastRows.Get().(*[5 * 8]float32)
	defer lastRows.Put(last)
	for i, n := 0, 0; i < nq; i += n {
		n = rowGroup(nq-i, len(k.sums[c.Bits]))
		for j := range n {
			copy(last[8*j:][:8], dst[(i+j)*ldd:][full:rows])
		}
		k.sums[c.Bits][n-1](&last[0], 8, &f[i*stride], stride, &c.Codes[4*full], c.Rows, 8, tiles, steps)
		for j := range n {
			copy(dst[(i+j)*ldd:][full:rows], last[8*j:])
		}
	}
}

// hadamardWithAVX2 is vectorSet.hadamard.
func hadamardWithAVX2(x []float32) {
	if len(x) < 8 {
		hadamardGeneric(x)
		return
	}
	hadamardAVX2(&x[0], len(x))
}

// quantizeStepsWithAVX2 is vectorSet.quantizeSteps; the last values, fewer than eight, go through Go.
func quantizeStepsWithAVX2(u []int32, y, half, most, worth []float32, gain, inverse float32) float32 {
	n, sum := len(y)&^7, float32(0)
	if n > 0 {
		sum = quantizeStepsAVX2(&u[0], &y[0], &half[0], &most[0], &worth[0], n, gain, inverse)
	}
	return sum + quantizeStepsGeneric(u[n:], y[n:], half[n:], most[n:], worth[n:], gain, inverse)
}
