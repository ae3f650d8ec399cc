//go:build !purego

package quant

import "unsafe"

// rowChunk is how many rows go through all tokens before the next ones: few enough to stay in the first-level cache.
const rowChunk = 32

// rows32With makes a kernel of one that multiplies rows in blocks of 32 by one token.
func rows32With(rows32 func(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)) kernel {
	return func(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
		blocks := a.Cols / q8Block
		chunk := rows
		if a.N > 1 {
			chunk = rowChunk
		}
		for r := 0; r < rows; r += chunk {
			for t := range a.N {
				b := t * blocks
				rows32(&dst[t*ld+r], &w[r*stride], stride, min(chunk, rows-r), &a.q8[b*q8Block], &a.d[b], &a.s[b], blocks)
			}
		}
	}
}

// rowsKWith makes a kernel of one that multiplies rows in blocks of 256 by one token.
func rowsKWith(rowsK func(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)) kernel {
	return func(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
		blocks := a.Cols / kBlock
		chunk := rows
		if a.N > 1 {
			chunk = rowChunk
		}
		for r := 0; r < rows; r += chunk {
			for t := range a.N {
				b := t * blocks
				rowsK(&dst[t*ld+r], &w[r*stride], stride, min(chunk, rows-r), &a.k8[b*kBlock], &a.kd[b], &a.bsums[b*kBlock/kGroup], blocks)
			}
		}
	}
}

// floatsWith makes a kernel for type t, F16, BF16 or F32, of ones that take columns in multiples of step; the others are
// added in Go.
func floatsWith(kernels *dotKernels, t Type, step int) kernel {
	_, size := t.Block()
	return func(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
		head := a.Cols - a.Cols%step
		chunk := rows
		if a.N > len(kernels) {
			chunk = rowChunk
		}
		for r := 0; r < rows; r += chunk {
			for t := 0; t < a.N; t += len(kernels) {
				tokens := kernels[min(a.N-t, len(kernels))-1]
				tokens(&dst[t*ld+r], ld, &a.x[t*a.Cols], a.Cols, &w[r*stride], stride, min(chunk, rows-r), head)
			}
		}
		if head < a.Cols {
			floatTail(t, dst, ld, w[head*size:], stride, rows, a, head)
		}
	}
}

// floatTail adds the products of the columns from head on, fewer than 8; w begins with them.
func floatTail(t Type, dst []float32, ld int, w []byte, stride, rows int, a *Act, head int) {
	_, size := t.Block()
	var buf [8]float32
	tail := buf[:a.Cols-head]
	for r := range rows {
		floats(t, tail, w[r*stride:][:len(tail)*size])
		for t := range a.N {
			dst[t*ld+r] += dotFloats(tail, a.x[t*a.Cols+head:][:len(tail)])
		}
	}
}

type (
	dotKernels [4]func(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)
	mixKernels [4]func(out *float32, ldo int, p *float32, ldp int, v *uint16, stride, n, d int)
)

// scoresWith makes vectorSet.scores of kernels that take d in multiples of step; the other columns are added in Go.
func scoresWith(kernels *dotKernels, step int) func([]float32, int, []float32, int, int, []uint16, int, int, int) {
	return func(dst []float32, ldd int, q []float32, nq, ldq int, k []uint16, stride, n, d int) {
		if d == 0 {
			scoresGeneric(dst, ldd, q, nq, ldq, k, stride, n, d)
			return
		}
		head := d - d%step
		for i := 0; i < nq; i += len(kernels) {
			rows := kernels[min(nq-i, len(kernels))-1]
			rows(&dst[i*ldd], ldd, &q[i*ldq], ldq, (*byte)(unsafe.Pointer(&k[0])), 2*stride, n, head)
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

// mixWith makes vectorSet.mix of kernels that take d in multiples of step; the other columns go through Go.
func mixWith(kernels *mixKernels, step int) func([]float32, int, []float32, int, int, []uint16, int, int, int) {
	return func(out []float32, ldo int, p []float32, ldp, nq int, v []uint16, stride, n, d int) {
		head := d - d%step
		for i := 0; i < nq && head > 0; i += len(kernels) {
			kernels[min(nq-i, len(kernels))-1](&out[i*ldo], ldo, &p[i*ldp], ldp, &v[0], stride, n, head)
		}
		if head < d {
			mixGeneric(out[head:], ldo, p, ldp, nq, v[head:], stride, n, d-head)
		}
	}
}
