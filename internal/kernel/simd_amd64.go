//go:build !purego

package kernel

import "github.com/latentgo/latentgo/internal/cpu"

//go:generate sh -c "cd _asm && go run ."

// The assembly checks nothing: its callers hold pointers into slices that the exported functions have checked, and pass
// lengths of at least 1. The functions ending in With make of one level's assembly a member of its set.
func init() {
	vectorSets[cpu.AVX2] = vectorSet{
		f16ToF32: convertF16, f32ToF16: convertF32,
		toBlockFloat: toBlockFloatWithAVX2, blockFloatToF16: blockFloatToF16WithAVX2,
		scores: scoresWith(scoresAVX2, 8), weightedSum: weightedSumWith(weightedSumF16AVX2, 8, weightedSumF16Generic), weightedSumF32: weightedSumWith(weightedSumF32AVX2, 8, weightedSumF32Generic),
		scoresQ8: cacheAVX2.scoresQ8, weightedSumQ8: cacheAVX2.weightedSumQ8,
		products4: codesAVX2.products4, addProducts: codesAVX2.addProducts, turn: turnWithAVX2, hadamard: hadamardWithAVX2, quantizeSteps: quantizeStepsWithAVX2,
		expSum: expSumWith(expSumAVX2), siluMul: gatedWith(siluMulAVX2), geluMul: gatedWith(geluMulAVX2),
		sumSquares: sumSquaresWith(sumSquaresAVX2), transpose: transposeSquares,
	}
	vectorSets[cpu.AVXVNNI] = vectorSets[cpu.AVX2]
	vectorSets[cpu.AVX512] = vectorSet{
		f16ToF32: convertF16, f32ToF16: convertF32,
		toBlockFloat: toBlockFloatWithAVX2, blockFloatToF16: blockFloatToF16WithAVX2,
		scores: scoresWith(scoresAVX512, 1), weightedSum: weightedSumWith(weightedSumF16AVX512, 1, weightedSumF16Generic), weightedSumF32: weightedSumWith(weightedSumF32AVX512, 1, weightedSumF32Generic),
		scoresQ8: cacheAVX512.scoresQ8, weightedSumQ8: cacheAVX512.weightedSumQ8,
		products4: codesAVX2.products4, addProducts: codesAVX2.addProducts, turn: turnWithAVX2, hadamard: hadamardWithAVX2, quantizeSteps: quantizeStepsWithAVX2,
		expSum: expSumWith(expSumAVX512), siluMul: gatedWith(siluMulAVX512), geluMul: gatedWith(geluMulAVX512),
		sumSquares: sumSquaresWith(sumSquaresAVX512), transpose: transposeSquares,
	}
	vectorSets[cpu.AMX] = vectorSets[cpu.AVX512]
	vectorSets[cpu.AMX].promptScores, vectorSets[cpu.AMX].promptSum = scoresTiles, weightedSumTiles
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

func toBlockFloatWithAVX2(dst []byte, x []float32) {
	if len(x) > 0 {
		toBlockFloatAVX2(&dst[0], &x[0], len(x)/BlockFloatBlock)
	}
}

func blockFloatToF16WithAVX2(dst []uint16, src []byte) {
	blockFloatToF16AVX2(&dst[0], &src[0], len(src)/BlockFloatSize)
}

// The attention kernels by level, for 1, 2, … query rows.
var (
	scoresAVX2   = dotKernels{scoresF16x1AVX2, scoresF16x2AVX2, scoresF16x3AVX2, scoresF16x4AVX2, scoresF16x5AVX2, scoresF16x6AVX2}
	scoresAVX512 = dotKernels{
		scoresF16x1AVX512, scoresF16x2AVX512, scoresF16x3AVX512, scoresF16x4AVX512, scoresF16x5AVX512, scoresF16x6AVX512,
		scoresF16x7AVX512, scoresF16x8AVX512, scoresF16x9AVX512,
	}
	weightedSumF16AVX2   = weightedSumKernels{weightedSumF16x1AVX2, weightedSumF16x2AVX2, weightedSumF16x3AVX2, weightedSumF16x4AVX2, weightedSumF16x5AVX2, weightedSumF16x6AVX2}
	weightedSumF16AVX512 = weightedSumKernels{weightedSumF16x1AVX512, weightedSumF16x2AVX512, weightedSumF16x3AVX512, weightedSumF16x4AVX512, weightedSumF16x5AVX512, weightedSumF16x6AVX512, weightedSumF16x7AVX512, weightedSumF16x8AVX512, weightedSumF16x9AVX512}

	weightedSumF32AVX2   = weightedSumKernels{weightedSumF32x1AVX2, weightedSumF32x2AVX2, weightedSumF32x3AVX2, weightedSumF32x4AVX2, weightedSumF32x5AVX2, weightedSumF32x6AVX2}
	weightedSumF32AVX512 = weightedSumKernels{weightedSumF32x1AVX512, weightedSumF32x2AVX512, weightedSumF32x3AVX512, weightedSumF32x4AVX512, weightedSumF32x5AVX512, weightedSumF32x6AVX512, weightedSumF32x7AVX512, weightedSumF32x8AVX512, weightedSumF32x9AVX512}
)

// expSumWith makes vectorSet.expSum of a kernel.
func expSumWith(kernel func(dst, x *float32, n int, max float32) float32) func(dst, x []float32, max float32) float32 {
	return func(dst, x []float32, max float32) float32 {
		if len(x) == 0 {
			return 0
		}
		return kernel(&dst[0], &x[0], len(x), max)
	}
}

// gatedWith makes vectorSet.siluMul or geluMul of a kernel. Each element is read before it is written, so dst may be an
// operand.
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

// transposeSquares is vectorSet.transpose; what is no multiple of eight goes through Go.
func transposeSquares(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	r, c := rows&^7, cols&^7
	if r > 0 && c > 0 {
		transposeF32AVX2(&dst[0], ldd, &src[0], lds, r, c)
	}
	if c < cols {
		transposeF32Generic(dst[c*ldd:], ldd, src[c:], lds, r, cols-c)
	}
	if r < rows {
		transposeF32Generic(dst[r:], ldd, src[r*lds:], lds, rows-r, cols)
	}
}
