//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/latentgo/latentgo/internal/cpu"
)

func init() {
	vectorSets[cpu.NEON] = vectorSet{
		f16ToF32: convertF16, f32ToF16: convertF32,
		toBlockFloat: toBlockFloatGeneric, blockFloatToF16: blockFloatToF16WithNEON,
		scores: scoresWith(scoresNEON, 8), weightedSum: weightedSumWith(weightedSumF16NEON, 8, weightedSumF16Generic), weightedSumF32: weightedSumTransposed(dotsF32NEON, 8),
		scoresQ8: scoresQ8Generic, weightedSumQ8: weightedSumQ8Generic,
		products4: codesNEON.products4, addProducts: codesNEON.addProducts, turn: turnGeneric, hadamard: hadamardGeneric, quantizeSteps: quantizeStepsGeneric,
		expSum: expSum, siluMul: siluMul, geluMul: geluMul, sumSquares: sumSquares,
		transpose: transposeF32Generic,
	}
	vectorSets[cpu.I8MM] = vectorSets[cpu.NEON]
}

// The attention kernels for 1 to 4 query rows.
var (
	scoresNEON         = dotKernels{scoresF16x1NEON, scoresF16x2NEON, scoresF16x3NEON, twice(scoresF16x2NEON)}
	weightedSumF16NEON = weightedSumKernels{halfRows(weightedSum1NEON), halfRows(weightedSum2NEON), halfRows(weightedSum3NEON), halfRows(weightedSum4NEON)}
)

// The kernels of caches in codes, for 1, 2 and 3 rows of factors.
var codesNEON = codeKernels{sums: [5][]codeSums{
	1: {addProducts1x1NEON, eachRow(addProducts1x1NEON), addProducts1x3NEON},
	2: {addProducts2x1NEON, eachRow(addProducts2x1NEON), addProducts2x3NEON},
	4: {addProducts4x1NEON, eachRow(addProducts4x1NEON), addProducts4x3NEON},
}}

// eachRow makes a kernel for two rows of factors of one for a row.
func eachRow(one codeSums) codeSums {
	return func(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int) {
		one(dst, ldd, f, ldf, c, stride, rows, tiles, steps)
		one(rowAt(dst, ldd), ldd, (*byte)(unsafe.Add(unsafe.Pointer(f), ldf)), ldf, c, stride, rows, tiles, steps)
	}
}

type dotKernel = func(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)

// halfRows makes a kernel that takes rows of bytes of one that takes halves.
func halfRows(weightedSum func(out *float32, ldo int, p *float32, ldp int, v *uint16, stride, n, d int)) weightedSumKernel {
	return func(out *float32, ldo int, p *float32, ldp int, v *byte, stride, n, d int) {
		weightedSum(out, ldo, p, ldp, (*uint16)(unsafe.Pointer(v)), stride/2, n, d)
	}
}

// rowAt returns the place n floats behind p.
func rowAt(p *float32, n int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*n)) }

func convertF16(dst []float32, src []uint16) {
	n := len(src) &^ 7
	if n > 0 {
		f16ToF32NEON(&dst[0], &src[0], n)
	}
	f16ToF32Generic(dst[n:], src[n:])
}

func convertF32(dst []uint16, src []float32) {
	n := len(src) &^ 7
	if n > 0 {
		f32ToF16NEON(&dst[0], &src[0], n)
	}
	f32ToF16Generic(dst[n:], src[n:])
}

func blockFloatToF16WithNEON(dst []uint16, src []byte) {
	blockFloatToF16NEON(&dst[0], &src[0], len(src)/BlockFloatSize)
}

// The kernels take vectors of four: the last elements go through one that is padded with zeros.

func expSum(dst, x []float32, max float32) (sum float32) {
	n := len(x) &^ 3
	if n > 0 {
		sum = expSumNEON(&dst[0], &x[0], n, max)
	}
	if n < len(x) {
		last := lastFour(x[n:])
		expSumNEON(&last[0], &last[0], 4, max)
		for _, v := range last[:copy(dst[n:], last[:])] {
			sum += v
		}
	}
	return sum
}

func siluMul(dst, gate, up []float32) {
	n := len(gate) &^ 3
	if n > 0 {
		siluMulNEON(&dst[0], &gate[0], &up[0], n)
	}
	if n < len(gate) {
		g, u := lastFour(gate[n:]), lastFour(up[n:])
		siluMulNEON(&g[0], &g[0], &u[0], 4)
		copy(dst[n:], g[:])
	}
}

func geluMul(dst, gate, up []float32) {
	n := len(gate) &^ 3
	if n > 0 {
		geluMulNEON(&dst[0], &gate[0], &up[0], n)
	}
	if n < len(gate) {
		g, u := lastFour(gate[n:]), lastFour(up[n:])
		geluMulNEON(&g[0], &g[0], &u[0], 4)
		copy(dst[n:], g[:])
	}
}

func lastFour(x []float32) (v [4]float32) {
	copy(v[:], x)
	return v
}

func sumSquares(x []float32) (sum float32) {
	n := len(x) &^ 15
	if n > 0 {
		sum = sumSquaresNEON(&x[0], n)
	}
	for _, v := range x[n:] {
		sum += v * v
	}
	return sum
}
