//go:build (amd64 || arm64) && !purego

package quant

import "unsafe"

type (
	dotKernels [4]func(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)
	mixKernels [4]func(out *float32, ldo int, p *float32, ldp int, v *uint16, stride, n, d int)
)

// scoresWith makes vectorSet.scores of kernels that take d in multiples of step; the other columns are added in Go. Query rows
// go in fours: the kernel converts a row of keys once for all of them.
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

// mixWith makes vectorSet.mix of kernels that take d in multiples of step; the other columns go through Go. A lane is a column, so
// that head and tail have nothing to do with each other.
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
