package kernel

import (
	"fmt"
	"math"
)

// ExpSum sets dst[i] = exp(x[i]-max) and returns the sum of dst: the numerator of a softmax and its denominator when
// max is the largest x. It is right to 2 units in the last place for every x-max, infinities and subnormal results
// included; the sum is that of float32 additions. dst must be as long as x, and may be x; it panics when lengths
// differ. The sum of nothing is 0.
func ExpSum(dst, x []float32, max float32) float32 {
	sameLength(dst, x, x)
	return vectors().expSum(dst, x, max)
}

// SiLUMul sets dst[i] = silu(gate[i])·up[i], silu(g) = g/(1+exp(-g)). The lengths must be equal, the slices may be the
// same; it panics when lengths differ.
func SiLUMul(dst, gate, up []float32) {
	sameLength(dst, gate, up)
	vectors().siluMul(dst, gate, up)
}

// GELUMul sets dst[i] = gelu(gate[i])·up[i] with gelu in its tanh form, gelu(g) = g/2·(1+tanh(√(2/π)·(g+0.044715·g³))).
// Lengths as for [SiLUMul].
func GELUMul(dst, gate, up []float32) {
	sameLength(dst, gate, up)
	vectors().geluMul(dst, gate, up)
}

// SumSquares returns Σ x[i]², as RMS norms need it, 0 for no elements.
func SumSquares(x []float32) float32 { return vectors().sumSquares(x) }

func sameLength(a, b, c []float32) {
	if len(a) != len(b) || len(b) != len(c) {
		panic(fmt.Sprintf("kernel: vectors of %d, %d and %d elements", len(a), len(b), len(c)))
	}
}

func expSumGeneric(dst, x []float32, max float32) float32 {
	var sum float64
	for i, v := range x {
		e := math.Exp(float64(v - max))
		dst[i] = float32(e)
		sum += e
	}
	return float32(sum)
}

func siluMulGeneric(dst, gate, up []float32) {
	for i, v := range gate {
		g := float64(v)
		dst[i] = float32(g/(1+math.Exp(-g))) * up[i]
	}
}

// geluMulGeneric uses 1+tanh(u) = 2/(1+exp(-2u)), which keeps its precision for negative u.
func geluMulGeneric(dst, gate, up []float32) {
	k := 2 * math.Sqrt(2/math.Pi)
	for i, v := range gate {
		g := float64(v)
		dst[i] = float32(g/(1+math.Exp(-k*(g+0.044715*g*g*g)))) * up[i]
	}
}

func sumSquaresGeneric(x []float32) float32 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return float32(sum)
}
