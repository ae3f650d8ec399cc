//go:build (amd64 || arm64) && !purego

package quant

import "unsafe"

type (
	dotKernels []func(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)
	mixKernel  = func(out *float32, ldo int, p *float32, ldp int, v *byte, stride, n, d int)
	mixKernels []mixKernel
)

// rowGroup returns how many of n rows go to the next kernel of most: all take about the same number.
func rowGroup(n, most int) int {
	calls := (n + most - 1) / most
	return (n + calls - 1) / calls
}

// scoresWith makes vectorSet.scores of kernels that take d in multiples of step; the other columns are added in Go. Query rows
// go together as far as there are kernels: they convert a row of keys once for all of them.
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

// mixWith makes vectorSet.mix of kernels that take d in multiples of step; the other columns go through Go. A lane is a column, so
// that head and tail have nothing to do with each other.
func mixWith(kernels mixKernels, step int) func([]float32, int, []float32, int, int, []uint16, int, int, int) {
	return func(out []float32, ldo int, p []float32, ldp, nq int, v []uint16, stride, n, d int) {
		head := d - d%step
		for i, n1 := 0, 0; i < nq && head > 0; i += n1 {
			n1 = rowGroup(nq-i, len(kernels))
			kernels[n1-1](&out[i*ldo], ldo, &p[i*ldp], ldp, (*byte)(unsafe.Pointer(&v[0])), 2*stride, n, head)
		}
		if head < d {
			mixGeneric(out[head:], ldo, p, ldp, nq, v[head:], stride, n, d-head)
		}
	}
}

// mixF32With makes vectorSet.mixF32 of a kernel that takes d in multiples of step.
func mixF32With(kernel mixKernel, step int) func([]float32, []float32, []float32, int, int, int) {
	return func(out, p, v []float32, stride, n, d int) {
		head := d - d%step
		if head > 0 {
			kernel(&out[0], 0, &p[0], 0, (*byte)(unsafe.Pointer(&v[0])), 4*stride, n, head)
		}
		if head < d {
			mixF32Generic(out[head:], p, v[head:], stride, n, d-head)
		}
	}
}
