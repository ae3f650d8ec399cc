package activation

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// F16 keeps values to half precision, also small ones beside a huge one, whatever the size of a row; what it gave it
// keeps exactly, and NaN stays.
func TestF16(t *testing.T) {
	const width, n = 37, 6
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, n*width)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * math.Pow(10, float64(6*(i/width)-12)))
	}
	x[3*width] = 1e11
	clear(x[5*width:])
	s := NewF16(2*n, width)
	tail := s.Rows(n, n)
	tail.Save(slices.Clone(x), 0, n)
	got := make([]float32, n*width)
	tail.Load(got, 0, n)
	for i, v := range x {
		least := float64(s.scale[n+i/width]) / (1 << 24)
		if d := math.Abs(float64(got[i] - v)); d > math.Abs(float64(v))/2048+least {
			t.Errorf("row %d, value %d: %v became %v", i/width, i%width, v, got[i])
		}
	}
	tail.Save(slices.Clone(got), 0, n)
	again := make([]float32, n*width)
	tail.Load(again, 0, n)
	if !slices.Equal(again, got) {
		t.Error("values drift when they are saved again")
	}
	again[2*width+1] = float32(math.NaN())
	tail.Save(again, 0, n)
	if tail.Load(again, 0, n); !math.IsNaN(float64(again[2*width+1])) {
		t.Errorf("NaN became %v", again[2*width+1])
	}
}

// Q8 holds values to half a 127th of the largest of their block, whatever the width, in the order they were cut.
func TestQ8(t *testing.T) {
	const width, n = 70, 21
	rng := rand.New(rand.NewPCG(11, 12))
	x := make([]float32, n*width)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * math.Pow(10, float64(i%width/32)))
	}
	all := NewQ8(n, width)
	all.From(0).Save(slices.Clone(x), 0, 3)
	all.From(3).Save(slices.Clone(x[3*width:]), 0, n-3)
	got := make([]float32, n*width)
	all.From(1).Load(got[width:], 0, n-1)
	all.Load(got, 0, 1)
	for i, v := range x {
		row := x[i/width*width:][:width]
		block := row[i%width/32*32:]
		peak := 0.0
		for _, v := range block[:min(32, len(block))] {
			peak = max(peak, math.Abs(float64(v)))
		}
		if d := math.Abs(float64(got[i] - v)); d > 0.51*peak/127+math.Abs(float64(v))/1024 {
			t.Errorf("row %d, value %d: %v became %v", i/width, i%width, v, got[i])
		}
	}
}
