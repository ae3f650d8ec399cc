package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestRoundTrip: what Quantize encodes, Dequantize reads back within a step of the type, and encoding that again
// changes little. A step is the range of a block over its number of codes, plus what the half-float scale loses.
func TestRoundTrip(t *testing.T) {
	steps := map[Type]float64{Q4_0: 8, Q4_1: 15, Q5_0: 16, Q5_1: 31, Q8_0: 127}
	rng := rand.New(rand.NewPCG(21, 21))
	for typ, steps := range steps {
		for _, scale := range []float32{1, 1e-3, 100} {
			x := activations(rng, 64*32, false)
			for i := range x {
				x[i] *= scale
			}
			b, y := make([]byte, typ.RowBytes(len(x))), make([]float32, len(x))
			if err := Quantize(b, typ, x); err != nil {
				t.Fatal(err)
			}
			if err := Dequantize(y, typ, b); err != nil {
				t.Fatal(err)
			}
			for i := range x {
				lo, hi := blockRange(x[i/32*32:][:32])
				width := 2 * max(-lo, hi)
				if hasMin(typ) {
					width = hi - lo
				}
				// Symmetric types clamp what is opposite to the largest: a whole step.
				if d := math.Abs(float64(y[i] - x[i])); d > width/steps/2*1.02+0.002*max(-lo, hi) {
					t.Fatalf("%v weight %d: %v became %v, blocks of width %v", typ, i, x[i], y[i], width)
				}
			}
		}
	}
}

func blockRange(x []float32) (lo, hi float64) {
	for _, v := range x {
		lo, hi = min(lo, float64(v)), max(hi, float64(v))
	}
	return lo, hi
}

// TestQuantizeFloats: the types without blocks round, and take infinities and NaN as they come.
func TestQuantizeFloats(t *testing.T) {
	x := []float32{0, 1, -2.5, 65504, 1e-7, float32(math.Inf(1)), float32(math.NaN()), 1.0009765625}
	for typ, exact := range map[Type]float64{F32: 0, F16: 1.0 / 2048, BF16: 1.0 / 256} {
		b, y := make([]byte, typ.RowBytes(len(x))), make([]float32, len(x))
		if err := Quantize(b, typ, x); err != nil {
			t.Fatal(err)
		}
		if err := Dequantize(y, typ, b); err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			if d := math.Abs(float64(y[i] - v)); !sameBits(y[i], v) && !(d <= exact*math.Abs(float64(v))+3e-8) {
				t.Errorf("%v: %v became %v", typ, v, y[i])
			}
		}
	}
}

// TestQuantizeTinyBlocks: blocks whose scale is too small to be inverted become zero, without an error.
func TestQuantizeTinyBlocks(t *testing.T) {
	x := make([]float32, 32)
	x[3], x[9] = 1e-44, -2e-45
	for _, typ := range []Type{Q4_0, Q4_1, Q5_0, Q5_1, Q8_0} {
		b, y := make([]byte, typ.RowBytes(32)), make([]float32, 32)
		if err := Quantize(b, typ, x); err != nil {
			t.Fatal(err)
		}
		if err := Dequantize(y, typ, b); err != nil {
			t.Fatal(err)
		}
		for i, v := range y {
			if v != 0 {
				t.Errorf("%v weight %d: %v", typ, i, v)
			}
		}
	}
}
