package transmla

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// hermitianOf returns U diag(values) Uᴴ with random unit vectors U.
func hermitianOf(t *testing.T, values []float64) *mat.CDense {
	t.Helper()
	r := rand.New(rand.NewPCG(3, uint64(len(values))))
	var basis [][]complex128
	for len(basis) < len(values) {
		v := make([]complex128, len(values))
		for i := range v {
			v[i] = complex(r.NormFloat64(), r.NormFloat64())
		}
		if independent(v, basis) {
			basis = append(basis, v)
		}
	}
	h := mat.NewCDense(len(values), len(values), nil)
	for k, x := range values {
		for i, a := range basis[k] {
			for j, b := range basis[k] {
				h.Set(i, j, h.At(i, j)+complex(x, 0)*a*cmplx.Conj(b))
			}
		}
	}
	return h
}

// Eigenvalues come back, largest first, with orthonormal vectors that satisfy A v = λ v: also where several are equal.
func TestHermitianEigen(t *testing.T) {
	for _, want := range [][]float64{
		{2}, {5, 1}, {5, 5}, {3, 3, 3}, {4, 2, 0}, {0, 0}, {7, 7, 1, 1, 0, 0, 0, 0}, {1e6, 1, 1e-6}, {-1, -2},
	} {
		h := hermitianOf(t, want)
		values, vectors, err := hermitianEigen(h)
		if err != nil || len(values) != len(want) || len(vectors) != len(want) {
			t.Fatalf("%v: %d values, %d vectors, %v", want, len(values), len(vectors), err)
		}
		scale := math.Max(math.Abs(want[0]), 1e-12)
		for k, x := range values {
			if math.Abs(x-want[k]) > 1e-9*scale {
				t.Errorf("%v: value %d is %v", want, k, x)
			}
			for i := range want {
				var av complex128
				for j, v := range vectors[k] {
					av += h.At(i, j) * v
				}
				if cmplx.Abs(av-complex(x, 0)*vectors[k][i]) > 1e-8*scale {
					t.Errorf("%v: vector %d is not an eigenvector", want, k)
				}
			}
			for j, o := range vectors {
				var product complex128
				for i, v := range vectors[k] {
					product += v * cmplx.Conj(o[i])
				}
				one := 0.0
				if j == k {
					one = 1
				}
				if cmplx.Abs(product-complex(one, 0)) > 1e-9 {
					t.Errorf("%v: vectors %d and %d have product %v", want, k, j, product)
				}
			}
		}
	}
}

func TestEigenOfNonsense(t *testing.T) {
	h := mat.NewCDense(2, 2, []complex128{complex(math.NaN(), 0), 0, 0, 1})
	if values, _, err := hermitianEigen(h); err == nil {
		t.Errorf("not a number has eigenvalues %v", values)
	}
}

// A^(1/2) squared is A, and A^(-1/2) its inverse; small eigenvalues are lifted to the floor.
func TestRoot(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	b := mat.NewDense(6, 6, nil)
	for i := range 6 {
		for j := range 6 {
			b.Set(i, j, r.NormFloat64())
		}
	}
	a := mat.NewSymDense(6, nil)
	a.SymOuterK(1, b)
	half, inverse, err := root(a, 1e-12)
	if err != nil {
		t.Fatal(err)
	}
	var square, one mat.Dense
	square.Mul(half, half)
	if !mat.EqualApprox(&square, a, 1e-9) {
		t.Error("the square of the root is another matrix")
	}
	one.Mul(half, inverse)
	if !mat.EqualApprox(&one, mat.NewDiagDense(6, []float64{1, 1, 1, 1, 1, 1}), 1e-9) {
		t.Error("the inverse root does not undo the root")
	}
	half, inverse, err = root(mat.NewSymDense(2, []float64{4, 0, 0, 0}), 0.01)
	if err != nil || math.Abs(half.At(1, 1)-0.2) > 1e-12 || math.Abs(inverse.At(1, 1)-5) > 1e-12 || math.Abs(half.At(0, 0)-2) > 1e-12 {
		t.Errorf("floor of 0.01·4: root %v, inverse %v, %v", half.At(1, 1), inverse.At(1, 1), err)
	}
}

// The principal vectors of a diagonal matrix are its axes by size, and those of any matrix explain the most.
func TestPrincipal(t *testing.T) {
	basis, values, err := principal(mat.NewSymDense(3, []float64{1, 0, 0, 0, 9, 0, 0, 0, 4}), 2)
	if err != nil {
		t.Fatal(err)
	}
	if rows, cols := basis.Dims(); rows != 3 || cols != 2 {
		t.Fatalf("basis of %d × %d", rows, cols)
	}
	for i, axis := range []int{1, 2} {
		if math.Abs(math.Abs(basis.At(axis, i))-1) > 1e-12 {
			t.Errorf("vector %d is %v", i, mat.Col(nil, i, basis))
		}
	}
	for i, want := range []float64{9, 4, 1} {
		if math.Abs(values[i]-want) > 1e-12 {
			t.Errorf("value %d is %v, want %v", i, values[i], want)
		}
	}
}
