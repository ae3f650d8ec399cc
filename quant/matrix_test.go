package quant

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// A product equals that of the dequantised rows, but for the rounding of the vectors to 8 bits.
func TestMulMatEqualsDequantisedRows(t *testing.T) {
	const rows, cols, n = 5, 512, 3
	rng := rand.New(rand.NewPCG(1, 2))
	for _, typ := range []Type{F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0} {
		weights, x := make([]float32, rows*cols), make([]float32, n*cols)
		for i := range weights {
			weights[i] = float32(rng.NormFloat64())
		}
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		data := make([]byte, typ.RowBytes(len(weights)))
		if err := Quantize(data, typ, weights); err != nil {
			t.Fatal(err)
		}
		m, err := NewMatrix(typ, rows, cols, data)
		if err != nil {
			t.Fatal(err)
		}
		dst, row := make([]float32, n*rows), make([]float32, cols)
		if err := m.MulMat(dst, x, n); err != nil {
			t.Fatal(err)
		}
		for r := range rows {
			if err := m.Row(row, r); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				want := 0.0
				for c, w := range row {
					want += float64(w) * float64(x[i*cols+c])
				}
				if got := float64(dst[i*rows+r]); !(math.Abs(got-want) < 1) { // of sums with a deviation of 22
					t.Errorf("%v, vector %d, row %d: %v, want about %v", typ, i, r, got, want)
				}
			}
		}
	}
}

func TestMatrixShapeErrors(t *testing.T) {
	m, err := NewMatrix(Q8_0, 2, 32, make([]byte, 68))
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"short vector":  m.MulVec(make([]float32, 2), make([]float32, 31)),
		"short product": m.MulVec(make([]float32, 1), make([]float32, 32)),
		"negative":      m.MulMat(nil, nil, -1),
		"row":           m.Row(make([]float32, 32), 2),
		"negative row":  m.Row(make([]float32, 32), -1),
		"short row":     m.Row(make([]float32, 31), 0),
	} {
		if !errors.Is(err, ErrShape) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := m.MulMat(nil, nil, 0); err != nil {
		t.Errorf("no vectors: %v", err)
	}
	if _, err := NewMatrix(Q8_0, 2, 32, make([]byte, 67)); !errors.Is(err, ErrShape) {
		t.Errorf("short data: %v", err)
	}
}
