package kernel

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// gridTypes are the types that GPTQ rounds on a grid.
var gridTypes = []Type{Q4_0, Q4_1, Q5_0, Q5_1, Q8_0}

// lower is a lower triangular matrix.
type lower [][]float64

func (l lower) at(row, col int) float64 { return l[row][col] }

// randomFactor returns a factor with correlations of the given strength.
func randomFactor(rng *rand.Rand, n int, strength float64) lower {
	l := make(lower, n)
	for i := range l {
		l[i] = make([]float64, n)
		for j := range i {
			l[i][j] = strength * rng.NormFloat64() / math.Sqrt(float64(n))
		}
		l[i][i] = 0.2 + math.Abs(rng.NormFloat64())
	}
	return l
}

// errorIn returns eᵀ L Lᵀ e of the error of encoded weights.
func errorIn(t *testing.T, l lower, typ Type, b []byte, want []float32) float64 {
	t.Helper()
	got := make([]float32, len(want))
	if err := Dequantize(got, typ, b); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for j := range want {
		part := 0.0
		for i := j; i < len(want); i++ {
			part += l[i][j] * float64(got[i]-want[i])
		}
		sum += part * part
	}
	return sum
}

func randomRow(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * math.Exp(rng.NormFloat64()/2))
	}
	return x
}

// In the metric it is made for, feedback is never worse than plain rounding, and better where columns correlate; also
// where the metric is next to singular (strength 3), so that errors cannot be made good for.
func TestGPTQBeatsRounding(t *testing.T) {
	const n, rows = 128, 40
	rng := rand.New(rand.NewPCG(1, 2))
	for _, typ := range gridTypes {
		for _, strength := range []float64{0.3, 1, 3} {
			t.Run(fmt.Sprint(typ, strength), func(t *testing.T) {
				l := randomFactor(rng, n, strength)
				f := NewGPTQ(n, l.at)
				plain, fed := make([]byte, typ.RowBytes(n)), make([]byte, typ.RowBytes(n))
				sumPlain, sumFed := 0.0, 0.0
				for range rows {
					x := randomRow(rng, n)
					if err := errors.Join(Quantize(plain, typ, x), f.Quantize(fed, typ, x)); err != nil {
						t.Fatal(err)
					}
					p, q := errorIn(t, l, typ, plain, x), errorIn(t, l, typ, fed, x)
					sumPlain, sumFed = sumPlain+p, sumFed+q
					if !(q <= p*(1+1e-4)) {
						t.Errorf("error %.4g with feedback, %.4g without", q, p)
					}
				}
				if strength == 1 && !(sumFed < 0.9*sumPlain) {
					t.Errorf("error %.3g with feedback, %.3g without: no gain", sumFed, sumPlain)
				}
			})
		}
	}
}

// Where columns do not correlate there is nothing to make good for: every weight takes the nearest value of its grid.
func TestGPTQOfIdentityIsRounding(t *testing.T) {
	const n = 96
	rng := rand.New(rand.NewPCG(3, 4))
	f := NewGPTQ(n, func(row, col int) float64 {
		if row == col {
			return 2.5
		}
		return 0
	})
	for _, typ := range gridTypes {
		for range 20 {
			x := randomRow(rng, n)
			plain, fed := make([]byte, typ.RowBytes(n)), make([]byte, typ.RowBytes(n))
			if err := errors.Join(Quantize(plain, typ, x), f.Quantize(fed, typ, x)); err != nil {
				t.Fatal(err)
			}
			a, b := make([]float32, n), make([]float32, n)
			if err := errors.Join(Dequantize(a, typ, plain), Dequantize(b, typ, fed)); err != nil {
				t.Fatal(err)
			}
			for i := range x { // ggml's own rounding may miss the nearest one where it truncates
				if near, far := math.Abs(float64(b[i]-x[i])), math.Abs(float64(a[i]-x[i])); near > far*(1+1e-5)+1e-12 {
					t.Errorf("%v: weight %v becomes %v with feedback, %v without", typ, x[i], b[i], a[i])
				}
			}
		}
	}
}

// A weight makes good for the one behind it, by hand: H = [1 1; 1 2], two columns that add up.
func TestGPTQByHand(t *testing.T) {
	l := make(lower, 32)
	for i := range l {
		l[i] = make([]float64, 32)
		l[i][i] = 1
	}
	l[31][30] = 1 // H(30,30) = 1, H(31,30) = 1, H(31,31) = 2
	x := make([]float32, 32)
	x[0], x[30], x[31] = -8, 3, 2.4 // Q4_0: step 1, so 2.4 becomes 2 and leaves 0.4 to column 30
	b := make([]byte, Q4_0.RowBytes(32))
	if err := NewGPTQ(32, l.at).Quantize(b, Q4_0, x); err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 32)
	if err := Dequantize(got, Q4_0, b); err != nil {
		t.Fatal(err)
	}
	if got[0] != -8 || got[31] != 2 || got[30] != 3 {
		t.Errorf("weights %v, %v, %v", got[0], got[30], got[31])
	}
	x[31] = 2.45
	x[30] = 3.2 // with 0.45 of column 31 it is 3.65
	if err := NewGPTQ(32, l.at).Quantize(b, Q4_0, x); err != nil {
		t.Fatal(err)
	}
	if err := Dequantize(got, Q4_0, b); err != nil {
		t.Fatal(err)
	}
	if got[31] != 2 || got[30] != 4 {
		t.Errorf("weights %v, %v: the error of the second did not reach the first", got[30], got[31])
	}
}

// Types without a grid are only rounded; errors are those of Quantize.
func TestGPTQOfFloatsAndErrors(t *testing.T) {
	f := NewGPTQ(64, randomFactor(rand.New(rand.NewPCG(5, 6)), 64, 1).at)
	x := randomRow(rand.New(rand.NewPCG(7, 8)), 64)
	for _, typ := range []Type{F32, F16, BF16} {
		a, b := make([]byte, typ.RowBytes(64)), make([]byte, typ.RowBytes(64))
		if err := errors.Join(Quantize(a, typ, x), f.Quantize(b, typ, x)); err != nil || string(a) != string(b) {
			t.Errorf("%v: %v", typ, err)
		}
	}
	buf := make([]byte, 4*64)
	if err := f.Quantize(buf, Q4_K, x); !errors.Is(err, ErrType) {
		t.Errorf("a type without an encoder: %v", err)
	}
	if err := f.Quantize(buf, Q8_0, x[:32]); !errors.Is(err, ErrShape) {
		t.Errorf("a row of another length: %v", err)
	}
	if err := f.Quantize(buf[:10], Q8_0, x); !errors.Is(err, ErrShape) {
		t.Errorf("too little room: %v", err)
	}
	x[40] = float32(math.NaN())
	if err := f.Quantize(buf, Q8_0, x); !errors.Is(err, ErrValue) {
		t.Errorf("not a number: %v", err)
	}
}

// A metric in which errors grow beyond all numbers leaves plain rounding.
func TestGPTQThatExplodes(t *testing.T) {
	const n = 256
	l := randomFactor(rand.New(rand.NewPCG(2, 3)), n, 100)
	x := randomRow(rand.New(rand.NewPCG(4, 5)), n)
	for _, typ := range gridTypes {
		plain, fed := make([]byte, typ.RowBytes(n)), make([]byte, typ.RowBytes(n))
		if err := errors.Join(Quantize(plain, typ, x), NewGPTQ(n, l.at).Quantize(fed, typ, x)); err != nil {
			t.Fatal(err)
		}
		if p, q := errorIn(t, l, typ, plain, x), errorIn(t, l, typ, fed, x); !(q <= p*(1+1e-4)) {
			t.Errorf("%v: error %.4g with feedback, %.4g without", typ, q, p)
		}
	}
}

// Rows of zeros stay zeros, whatever the grid.
func TestGPTQOfZeros(t *testing.T) {
	f := NewGPTQ(64, randomFactor(rand.New(rand.NewPCG(9, 1)), 64, 2).at)
	for _, typ := range gridTypes {
		b, got := make([]byte, typ.RowBytes(64)), make([]float32, 64)
		if err := errors.Join(f.Quantize(b, typ, make([]float32, 64)), Dequantize(got, typ, b)); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if v != 0 {
				t.Errorf("%v: weight %d is %v", typ, i, v)
			}
		}
	}
}
