//go:build (amd64 || arm64) && !purego

package kernel

import (
	"sync"
	"unsafe"
)

type (
	dotKernels         []func(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)
	weightedSumKernel  = func(out *float32, ldo int, p *float32, ldp int, v *byte, stride, n, d int)
	weightedSumKernels []weightedSumKernel
)

// rowGroup returns how many of n rows go to the next kernel of most: all take about the same number.
func rowGroup(n, most int) int {
	calls := (n + most - 1) / most
	return (n + calls - 1) / calls
}

// scoresWith makes vectorSet.scores of kernels that take d in multiples of step; the other columns are added in Go.
// Query rows go together as far as there are kernels: they convert a row of keys once for all of them.
func scoresWith(kernels dotKernels, step int) func([]float32, int, []float32, int, int, []uint16, int, int, int) {
	return func(dst []float32, ldd int, q []float32, nq, ldq int, k []uint16, stride, n, d int) {
		if d == 0 {
			scoresGeneric(dst, ldd, q, nq, ldq, k, stride, n, d)
			return
		}
		head := d - d%step
		for i, n1 := 0, 0; i < nq; i += n1 {
			n1 = rowGroup(nq-i, len(kernels))
			kernels[n1-1](&dst[i*ldd], ldd, &q[i*ldq], ldq, (*byte)(unsafe.Pointer(&k[0])), 2*stride, n, head)
		}
		for j := 0; j < n && head < d; j++ {
			for i := range nq {
				for c := head; c < d; c++ {
					dst[i*ldd+j] += q[i*ldq+c] * halfToFloat(k[j*stride+c])
				}
			}
		}
	}
}

// weightedSumWith makes vectorSet.weighted sum or weightedSumF32 of kernels that take d in multiples of step; the other
// columns go to the reference implementation. A lane is a column, so that head and tail have nothing to do with each
// other.
func weightedSumWith[T uint16 | float32](kernels weightedSumKernels, step int, reference weightedSumFunc[T]) weightedSumFunc[T] {
	return func(out []float32, ldo int, p []float32, ldp, nq int, v []T, stride, n, d int) {
		head := d - d%step
		for i, n1 := 0, 0; i < nq && head > 0; i += n1 {
			n1 = rowGroup(nq-i, len(kernels))
			kernels[n1-1](&out[i*ldo], ldo, &p[i*ldp], ldp, (*byte)(unsafe.Pointer(&v[0])), int(unsafe.Sizeof(v[0]))*stride, n, head)
		}
		if head < d {
			reference(out[head:], ldo, p, ldp, nq, v[head:], stride, n, d-head)
		}
	}
}

// transposedPiece is where weightedSumTransposed works. It comes from a pool: what kernels get through function values would
// go to the heap at every call.
type transposedPiece struct {
	v    [transposedWide * transposedDeep]float32
	sums [transposedRows * transposedWide]float32
}

// Rows and columns of a piece, and rows of out at a time.
const transposedDeep, transposedWide, transposedRows = 64, 32, 4

var transposedPieces = sync.Pool{New: func() any { return new(transposedPiece) }}

// weightedSumTransposed makes vectorSet.weightedSumF32 of kernels of scores that take depths in multiples of step: v is
// transposed, piece after piece.
func weightedSumTransposed(kernels dotKernels, step int) weightedSumFunc[float32] {
	const deep, wide, rows = transposedDeep, transposedWide, transposedRows
	return func(out []float32, ldo int, p []float32, ldp, nq int, v []float32, stride, n, d int) {
		piece := transposedPieces.Get().(*transposedPiece)
		defer transposedPieces.Put(piece)
		even := n - n%step
		for j := 0; j < even; j += deep {
			m := min(deep, even-j)
			for c := 0; c < d; c += wide {
				w := min(wide, d-c)
				for r := range m {
					for k, x := range v[(j+r)*stride+c:][:w] {
						piece.v[k*deep+r] = x
					}
				}
				for i, n1 := 0, 0; i < nq; i += n1 {
					n1 = rowGroup(nq-i, min(rows, len(kernels)))
					kernels[n1-1](&piece.sums[0], wide, &p[i*ldp+j], ldp, (*byte)(unsafe.Pointer(&piece.v[0])), 4*deep, w, m)
					for r := range n1 {
						axpyF32(out[(i+r)*ldo+c:][:w], 1, piece.sums[r*wide:])
					}
				}
			}
		}
		if even < n {
			weightedSumF32Generic(out, ldo, p[even:], ldp, nq, v[even*stride:], stride, n-even, d)
		}
	}
}
