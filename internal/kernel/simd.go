package kernel

import "github.com/latentgo/latentgo/internal/cpu"

// vectorSet is what one level of CPU features runs on plain vectors. The exported functions check the lengths.
type vectorSet struct {
	f16ToF32 func(dst []float32, src []uint16)
	f32ToF16 func(dst []uint16, src []float32)

	toBlockFloat    func(dst []byte, x []float32)
	blockFloatToF16 func(dst []uint16, src []byte)

	scores         scoresFunc
	weightedSum    weightedSumFunc[uint16]
	weightedSumF32 weightedSumFunc[float32]
	promptScores   scoresFunc              // scores where nil
	promptSum      weightedSumFunc[uint16] // weightedSum where nil

	scoresQ8      func(dst []float32, ldd int, q []byte, stride, nq int, k CacheRows, n int)
	weightedSumQ8 func(out []float32, ldo int, p []float32, ldp, nq int, v CacheRows, from, n, d int)

	products4     func(dst []float32, ldd int, f []byte, stride, nq int, c Codes, scales []uint16)
	addProducts   func(dst []float32, ldd int, f []byte, stride, nq int, c Codes, rows, tile int)
	turn          func(dst, src []byte, lds, blocks, bits int)
	hadamard      func(x []float32)
	quantizeSteps func(u []int32, y, half, most, worth []float32, gain, inverse float32) float32

	expSum     func(dst, x []float32, max float32) float32
	siluMul    func(dst, gate, up []float32)
	geluMul    func(dst, gate, up []float32)
	sumSquares func(x []float32) float32

	transpose func(dst []float32, ldd int, src []float32, lds, rows, cols int)
}

// scoresFunc is ScoresF16.
type scoresFunc func(dst []float32, ldd int, q []float32, nq, ldq int, k []uint16, stride, n, d int)

// weightedSumFunc is WeightedSumF16 or WeightedSumF32.
type weightedSumFunc[T uint16 | float32] func(out []float32, ldo int, p []float32, ldp, nq int, v []T, stride, n, d int)

// vectorSets is indexed by level. The generic set is the reference implementation of the others; those are set by the
// platform's init.
var vectorSets = [cpu.NumLevels]vectorSet{cpu.Generic: {
	f16ToF32: f16ToF32Generic, f32ToF16: f32ToF16Generic,
	toBlockFloat: toBlockFloatGeneric, blockFloatToF16: blockFloatToF16Generic,
	scores: scoresGeneric, weightedSum: weightedSumF16Generic, weightedSumF32: weightedSumF32Generic,
	scoresQ8: scoresQ8Generic, weightedSumQ8: weightedSumQ8Generic,
	products4: products4Generic, addProducts: addProductsGeneric, turn: turnGeneric, hadamard: hadamardGeneric, quantizeSteps: quantizeStepsGeneric,
	expSum: expSumGeneric, siluMul: siluMulGeneric, geluMul: geluMulGeneric, sumSquares: sumSquaresGeneric,
	transpose: transposeF32Generic,
}}

// vectors returns the set of the level in use.
func vectors() *vectorSet { return &vectorSets[cpu.Active()] }
