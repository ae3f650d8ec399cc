package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/latentgo/latentgo/internal/cpu"
)

// ulps returns how many units in the last place of want, or of the smallest normal number, got is away.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	switch {
	case math.IsNaN(want) || math.IsInf(float64(w), 0) || got != got:
		if got == w || got != got && math.IsNaN(want) {
			return 0
		}
		return math.Inf(1)
	}
	a := float32(math.Abs(float64(w)))
	unit := float64(math.Float32frombits(math.Float32bits(a)+1)) - float64(a)
	if unit > math.MaxFloat32 {
		unit = math.Ldexp(1, 104)
	}
	return math.Abs(float64(got)-want) / unit
}

// expPoints covers the whole range where exp is neither 0 nor infinite, its ends and what lies beyond.
func expPoints() []float32 {
	var x []float32
	for v := float32(-110); v < 95; v += 0.00137 {
		x = append(x, v)
	}
	inf := float32(math.Inf(1))
	return append(x, 0, float32(math.Copysign(0, -1)), inf, -inf, 1e30, -1e30, math.MaxFloat32, -math.MaxFloat32, float32(math.NaN()), 1e-30, -1e-40,
		-87.33654, -87.33655, -103.27893, -103.9720, -103.9721, -103.98, -104, -88.38, -103.28, 88.39, 88.72, 88.722839, 88.72284, 89)
}

// TestExpSumAccuracy holds every point within 2 units in the last place of exp in float64, subnormal results included.
func TestExpSumAccuracy(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		x := expPoints()
		dst := make([]float32, len(x))
		ExpSum(dst, x, 0)
		worst := 0.0
		for i, v := range x {
			u := ulps(dst[i], math.Exp(float64(v)))
			if worst = max(worst, u); u > 2 {
				t.Errorf("exp(%v) = %v, want %v: %.1f ulp", v, dst[i], math.Exp(float64(v)), u)
			}
		}
		t.Logf("worst: %.2f ulp", worst)
	})
}

// TestExpSum is a softmax of every length, in place and not.
func TestExpSum(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 1))
		for n := range 150 {
			x, dst := atFence[float32](t, n, n%2 == 0), atFence[float32](t, n, n%2 == 0)
			var want float64
			for i := range x {
				x[i] = float32(rng.NormFloat64() * 10)
				if rng.IntN(9) == 0 {
					x[i] = float32(math.Inf(-1))
				}
				want += math.Exp(float64(x[i] - 3))
			}
			sum := ExpSum(dst, x, 3)
			if math.Abs(float64(sum)-want) > 1e-6*want {
				t.Fatalf("n=%d: sum %v, want %v", n, sum, want)
			}
			if again := ExpSum(x, x, 3); again != sum {
				t.Fatalf("n=%d: in place the sum is %v, else %v", n, again, sum)
			}
			for i := range x {
				if x[i] != dst[i] {
					t.Fatalf("n=%d: element %d is %v in place, else %v", n, i, x[i], dst[i])
				}
			}
		}
	})
}

// gatePoints are the gates of the activation functions' tests.
func gatePoints() []float32 {
	x := []float32{0, float32(math.Copysign(0, -1)), 1e-30, -1e-30, 1e-42, -1e-42, 100, -100, 1e4, -1e4, 3e38, float32(math.Inf(1)), float32(math.NaN())}
	for v := float32(-20); v < 20; v += 0.0007 {
		x = append(x, v)
	}
	return x
}

// TestGatedAccuracy compares with the formulas in float64. The argument of the exponential is itself rounded, so that
// far from 0 the relative error is its rounding error: 2^-23 times its magnitude.
func TestGatedAccuracy(t *testing.T) {
	silu := func(g float64) float64 { return g / (1 + math.Exp(-g)) }
	gelu := func(g float64) float64 { return g / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(g+0.044715*g*g*g))) }
	forLevels(t, func(t *testing.T) {
		x := gatePoints()
		up, dst := make([]float32, len(x)), make([]float32, len(x))
		for i := range up {
			up[i] = 1
		}
		SiLUMul(dst, x, up)
		for i, v := range x {
			if want := silu(float64(v)); !closeTo(dst[i], want, 4e-7) {
				t.Errorf("silu(%v) = %v, want %v", v, dst[i], want)
			}
		}
		GELUMul(dst, x, up)
		for i, v := range x {
			// tanh in float64 is 1 to its last bit from 19 on: nothing is left of the sum for gates below -5.
			if want := gelu(float64(v)); !closeTo(dst[i], want, 2e-6) && math.Abs(float64(dst[i])-want) > 1e-7 {
				t.Errorf("gelu(%v) = %v, want %v", v, dst[i], want)
			}
		}
	})
}

// closeTo reports whether got is want within a relative error, an absolute one at the smallest magnitudes, or both NaN.
func closeTo(got float32, want, rel float64) bool {
	if math.IsNaN(want) || math.IsInf(want, 0) {
		return got == float32(want) || got != got && math.IsNaN(want)
	}
	return math.Abs(float64(got)-want) <= rel*math.Abs(want)+1e-36
}

// TestGatedLengths takes every length, at fences, with dst the gate or the factor.
func TestGatedLengths(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(2, 2))
		for n := range 100 {
			for _, f := range []struct{ run, reference func(dst, gate, up []float32) }{{SiLUMul, siluMulGeneric}, {GELUMul, geluMulGeneric}} {
				after := n%2 == 0
				gate, up, dst := atFence[float32](t, n, after), atFence[float32](t, n, after), atFence[float32](t, n, after)
				for i := range gate {
					gate[i], up[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
				}
				want := make([]float32, n)
				f.reference(want, gate, up)
				f.run(dst, gate, up)
				f.run(up, gate, up)
				for i := range want {
					if !closeTo(dst[i], float64(want[i]), 2e-6) || up[i] != dst[i] {
						t.Fatalf("n=%d: element %d is %v, in place %v, want %v", n, i, dst[i], up[i], want[i])
					}
				}
			}
		}
	})
}

// TestSumSquares is exact on small integers at every length.
func TestSumSquares(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for n := range 300 {
			x, want := atFence[float32](t, n, n%2 == 0), float32(0)
			for i := range x {
				x[i] = float32(i%7 - 3)
				want += x[i] * x[i]
			}
			if got := SumSquares(x); got != want {
				t.Fatalf("n=%d: got %v, want %v", n, got, want)
			}
		}
		if got := SumSquares([]float32{1, float32(math.NaN())}); got == got {
			t.Errorf("sum with NaN is %v", got)
		}
	})
}

func TestVectorPanics(t *testing.T) {
	a, b := make([]float32, 3), make([]float32, 4)
	mustPanic(t, map[string]func(){
		"exp":  func() { ExpSum(a, b, 0) },
		"silu": func() { SiLUMul(a, b, b) },
		"gelu": func() { GELUMul(b, b, a) },
	})
}

func TestVectorAllocs(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		x, h := make([]float32, 77), make([]uint16, 77)
		if n := testing.AllocsPerRun(10, func() {
			ExpSum(x, x, 1)
			SiLUMul(x, x, x)
			GELUMul(x, x, x)
			SumSquares(x)
			F32ToF16(h, x)
			F16ToF32(x, h)
			ScoresF16(x, 11, x, 3, 7, h, 7, 11, 7)
			WeightedSumF16(x, 7, x, 11, 3, h, 7, 11, 7)
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

func BenchmarkVector(b *testing.B) {
	const n = 1536
	x, y, z := make([]float32, n), make([]float32, n), make([]float32, n)
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range x {
		x[i], y[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
	}
	for _, l := range cpu.Levels() {
		for name, run := range map[string]func(){
			"exp": func() { ExpSum(z, x, 3) }, "silu": func() { SiLUMul(z, x, y) },
			"gelu": func() { GELUMul(z, x, y) }, "squares": func() { SumSquares(x) },
		} {
			b.Run(fmt.Sprintf("%s/%v", name, l), func(b *testing.B) {
				defer cpu.Force(l)()
				b.SetBytes(4 * n)
				for b.Loop() {
					run()
				}
			})
		}
	}
}
