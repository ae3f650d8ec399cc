//go:build !purego

package kernel

// The kernels of caches in codes, for 1, 2, … rows of factors. AVX-512 has none of its own.
var codesAVX2 = codeKernels{
	products: []codeProducts{products4x1AVX2, products4x2AVX2, products4x3AVX2, products4x4AVX2, products4x5AVX2},
	sums: [5][]codeSums{
		1: {addProducts1x1AVX2, addProducts1x2AVX2, addProducts1x3AVX2, addProducts1x4AVX2, addProducts1x5AVX2},
		2: {addProducts2x1AVX2, addProducts2x2AVX2, addProducts2x3AVX2, addProducts2x4AVX2, addProducts2x5AVX2},
		4: {addProducts4x1AVX2, addProducts4x2AVX2, addProducts4x3AVX2, addProducts4x4AVX2, addProducts4x5AVX2},
	},
}

// turnWithAVX2 is vectorSet.turn.
func turnWithAVX2(dst, src []byte, lds, blocks, bits int) {
	switch bits {
	case 4:
		turn4AVX2(&dst[0], &src[0], lds, blocks)
	case 2:
		turn2AVX2(&dst[0], &src[0], lds, blocks)
	default:
		turn1AVX2(&dst[0], &src[0], lds, blocks)
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
