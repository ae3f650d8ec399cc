package transmla

import (
	"errors"
	"math"
	"sort"

	"gonum.org/v1/gonum/mat"
)

// errEigen is returned when the eigenvalue iteration does not converge, as with values that are not finite.
var errEigen = errors.New("no eigenvalues")

// eigen returns the eigenvalues of a symmetric matrix, smallest first, and its eigenvectors as columns.
func eigen(a *mat.SymDense) ([]float64, *mat.Dense, error) {
	var e mat.EigenSym
	if !e.Factorize(a, true) {
		return nil, nil, errEigen
	}
	values, q := e.Values(nil), new(mat.Dense)
	for _, x := range values {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, nil, errEigen
		}
	}
	e.VectorsTo(q)
	return values, q, nil
}

// hermitianEigen returns eigenvalues, largest first, and unit eigenvectors of a Hermitian matrix A + jB, found as those
// of the real symmetric [A -B; B A] of twice the size. That one has every eigenvalue twice, with the vectors of v and
// of jv; of each such pair one is kept by making the vectors found so far orthogonal.
func hermitianEigen(h *mat.CDense) ([]float64, [][]complex128, error) {
	n, _ := h.Dims()
	s := mat.NewSymDense(2*n, nil)
	for i := range n {
		for j := range n {
			a, b := real(h.At(i, j)), imag(h.At(i, j))
			s.SetSym(i, j, a)
			s.SetSym(n+i, n+j, a)
			s.SetSym(i, n+j, -b)
		}
	}
	all, q, err := eigen(s)
	if err != nil {
		return nil, nil, err
	}
	var values []float64
	var vectors [][]complex128
	for k := 2*n - 1; k >= 0 && len(vectors) < n; k-- {
		v := make([]complex128, n)
		for i := range v {
			v[i] = complex(q.At(i, k), q.At(n+i, k))
		}
		if independent(v, vectors) {
			values, vectors = append(values, all[k]), append(vectors, v)
		}
	}
	if len(vectors) < n {
		return nil, nil, errEigen
	}
	return values, vectors, nil
}

// independent makes v orthogonal to the unit vectors in basis and normalises it; false when next to nothing is left.
func independent(v []complex128, basis [][]complex128) bool {
	for range 2 { // once more, for rounding
		for _, b := range basis {
			var dot complex128
			for i := range v {
				dot += complex(real(b[i]), -imag(b[i])) * v[i]
			}
			for i := range v {
				v[i] -= dot * b[i]
			}
		}
	}
	norm := 0.0
	for _, x := range v {
		norm += real(x)*real(x) + imag(x)*imag(x)
	}
	norm = math.Sqrt(norm)
	if !(norm > 1e-3) {
		return false
	}
	for i := range v {
		v[i] /= complex(norm, 0)
	}
	return true
}

// root returns A^(1/2) and A^(-1/2) of a positive semidefinite matrix; eigenvalues below floor times the largest count
// as that much.
func root(a *mat.SymDense, floor float64) (half, inverse *mat.Dense, err error) {
	values, q, err := eigen(a)
	if err != nil {
		return nil, nil, err
	}
	n := len(values)
	least := math.Max(floor*values[n-1], 1e-300)
	up, down := mat.NewDiagDense(n, nil), mat.NewDiagDense(n, nil)
	for i, x := range values {
		s := math.Sqrt(math.Max(x, least))
		up.SetDiag(i, s)
		down.SetDiag(i, 1/s)
	}
	half, inverse = new(mat.Dense), new(mat.Dense)
	half.Product(q, up, q.T())
	inverse.Product(q, down, q.T())
	return half, inverse, nil
}

// principal returns the k eigenvectors of a symmetric matrix with the largest eigenvalues, as columns, largest first,
// and all eigenvalues, largest first.
func principal(a *mat.SymDense, k int) (*mat.Dense, []float64, error) {
	values, q, err := eigen(a)
	if err != nil {
		return nil, nil, err
	}
	n := a.SymmetricDim()
	out := mat.NewDense(n, k, nil)
	for j := range k {
		out.SetCol(j, mat.Col(nil, n-1-j, q))
	}
	sort.Sort(sort.Reverse(sort.Float64Slice(values)))
	return out, values, nil
}
