//go:build !purego

package quant

import (
	"unsafe"

	"github.com/latentgo/latentgo/internal/cpu"
)

//go:generate sh -c "cd _asm && go run ."

// The assembly checks nothing: its callers hold pointers into slices that the exported functions have checked, and pass
// lengths of at least 1. The functions ending in With turn assembly of one level into a member of its set.
func init() {
	vectorSets[cpu.AVX2] = vectorSet{
		f16ToF32: convertF16, f32ToF16: convertF32,
		scores: scoresWith(&scoresAVX2, 8), mix: mixWith(&mixAVX2, 8),
		expSum: expSumWith(expSumAVX2), siluMul: gatedWith(siluMulAVX2), geluMul: gatedWith(geluMulAVX2),
		sumSquares: sumSquaresWith(sumSquaresAVX2),
	}
	vectorSets[cpu.AVX512] = vectorSet{
		f16ToF32: convertF16, f32ToF16: convertF32,
		scores: scoresWith(&scoresAVX512, 1), mix: mixWith(&mixAVX512, 1),
		expSum: expSumWith(expSumAVX512), siluMul: gatedWith(siluMulAVX512), geluMul: gatedWith(geluMulAVX512),
		sumSquares: sumSquaresWith(sumSquaresAVX512),
	}
}

// convertF16 is vectorSet.f16ToF32; the last elements, fewer than eight, go through Go.
func convertF16(dst []float32, src []uint16) {
	n := len(src) &^ 7
	if n > 0 {
		f16ToF32AVX2(&dst[0], &src[0], n)
	}
	f16ToF32Generic(dst[n:], src[n:])
}

// convertF32 is vectorSet.f32ToF16.
func convertF32(dst []uint16, src []float32) {
	n := len(src) &^ 7
	if n > 0 {
		f32ToF16AVX2(&dst[0], &src[0], n)
	}
	f32ToF16Generic(dst[n:], src[n:])
}

// The attention kernels by level, for 1 to 4 query rows.
var (
	scoresAVX2   = dotKernels{scoresF16x1AVX2, scoresF16x2AVX2, scoresF16x3AVX2, scoresF16x4AVX2}
	scoresAVX512 = dotKernels{scoresF16x1AVX512, scoresF16x2AVX512, scoresF16x3AVX512, scoresF16x4AVX512}
	mixAVX2      = mixKernels{mix1AVX2, mix2AVX2, mix3AVX2, mix4AVX2}
	mixAVX512    = mixKernels{mix1AVX512, mix2AVX512, mix3AVX512, mix4AVX512}
)

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

// expSumWith makes vectorSet.expSum of a kernel.
func expSumWith(kernel func(dst, x *float32, n int, max float32) float32) func(dst, x []float32, max float32) float32 {
	return func(dst, x []float32, max float32) float32 {
		if len(x) == 0 {
			return 0
		}
		return kernel(&dst[0], &x[0], len(x), max)
	}
}

// gatedWith makes vectorSet.siluMul or geluMul of a kernel. Each element is read before it is written, so dst may be an operand.
func gatedWith(kernel func(dst, gate, up *float32, n int)) func(dst, gate, up []float32) {
	return func(dst, gate, up []float32) {
		if len(gate) > 0 {
			kernel(&dst[0], &gate[0], &up[0], len(gate))
		}
	}
}

// sumSquaresWith makes vectorSet.sumSquares of a kernel.
func sumSquaresWith(kernel func(x *float32, n int) float32) func(x []float32) float32 {
	return func(x []float32) float32 {
		if len(x) == 0 {
			return 0
		}
		return kernel(&x[0], len(x))
	}
}
