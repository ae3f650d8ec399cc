//go:build (amd64 || arm64) && !purego

package kernel

import "sync"

type (
	codeProducts = func(dst *float32, ldd int, f *byte, ldf int, c *byte, s *uint16, stride, rows, tiles int)
	codeSums     = func(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int)
)

// codeKernels is what a level has for caches in codes, for 1, 2, … rows of factors.
type codeKernels struct {
	products []codeProducts // none: sums do
	sums     [5][]codeSums  // by bits
}

// products4 is vectorSet.products4.
func (k *codeKernels) products4(dst []float32, ldd int, f []byte, stride, nq int, c Codes, scales []uint16) {
	if len(k.products) == 0 {
		k.scaledSums(dst, ldd, f, stride, nq, c, scales)
		return
	}
	for i, n := 0, 0; i < nq; i += n {
		n = rowGroup(nq-i, len(k.products))
		k.products[n-1](&dst[i*ldd], ldd, &f[i*stride], stride, &c.Codes[0], &scales[0], c.Rows, c.Rows, c.Cols/q8Block)
	}
}

// scaledSums is products4 by sums.
func (k *codeKernels) scaledSums(dst []float32, ldd int, f []byte, stride, nq int, c Codes, scales []uint16) {
	for i := range nq {
		clear(dst[i*ldd:][:c.Rows])
	}
	k.addProducts(dst, ldd, f, stride, nq, c, c.Rows, q8Block)
	for r, h := range scales[:c.Rows] {
		s := halfToFloat(h)
		for i := range nq {
			dst[i*ldd+r] *= s
		}
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
