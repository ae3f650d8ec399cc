package logprob

import (
	"math"
	"testing"
)

// TestLogSum: against the definition, beside large and impossible logits.
func TestLogSum(t *testing.T) {
	sumOf := func(x []float32) float64 { return LogSum(make([]float32, len(x)), x) }
	for _, x := range [][]float32{{0}, {1, 2, 3}, {-1e4, 0, -5}, {3e4, 3e4}, {-1e5, -1e5, -1e5}} {
		peak, sum := float64(x[0]), 0.0
		for _, v := range x {
			peak = max(peak, float64(v))
		}
		for _, v := range x {
			sum += math.Exp(float64(v) - peak)
		}
		if got, want := sumOf(x), peak+math.Log(sum); math.Abs(got-want) > 1e-6*max(1, math.Abs(want)) {
			t.Errorf("%v: %v, want %v", x, got, want)
		}
	}
	inf, nan := float32(math.Inf(-1)), float32(math.NaN())
	if got := sumOf([]float32{inf, 2, inf}); got != 2 {
		t.Errorf("with banned tokens: %v", got)
	}
	if got := sumOf([]float32{inf, inf}); !math.IsInf(got, -1) {
		t.Errorf("nothing possible: %v", got)
	}
	if got := sumOf([]float32{1, -inf}); !math.IsInf(got, 1) {
		t.Errorf("infinite: %v", got)
	}
	if got := sumOf([]float32{1, nan, 2}); !math.IsNaN(got) {
		t.Errorf("not a number: %v", got)
	}
	small := make([]float32, 1<<20) // which float32 additions to a large sum would lose
	for i := range small {
		small[i] = -16
	}
	small[0] = 0
	if got, want := sumOf(small), math.Log1p(float64(len(small)-1)*math.Exp(-16)); math.Abs(got-want) > 1e-6 {
		t.Errorf("many small ones: %v, want %v", got, want)
	}
}
