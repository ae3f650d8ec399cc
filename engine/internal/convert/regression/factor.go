package regression

import (
	"github.com/viterin/vek/vek32"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"

	"github.com/latentgo/latentgo/internal/kernel"
)

// Matrices are cut into blocks of solveBlock rows and columns: what a block is worth to the others is a product of
// matrices, which takes nearly all of the time.
const (
	solveBlock = 64
	solveRows  = 64 // rows that a worker takes at a time
)

// Parallel calls a function for 0 … n-1, in any order and several at once, and returns an error of it.
type Parallel func(n int, fn func(i int) error) error

// Rows calls fn for pieces lo … hi-1 of n rows, which have numbers.
func (p Parallel) Rows(n int, fn func(no, lo, hi int)) {
	_ = p(pieces(n), func(i int) error {
		fn(i, i*solveRows, min((i+1)*solveRows, n))
		return nil
	})
}

// pieces returns how many pieces n rows have.
func pieces(n int) int { return (n + solveRows - 1) / solveRows }

// AddProduct adds x [rows, depth] times w [depth, cols] to out [rows, cols]; ld… is how far apart rows are.
func AddProduct(out []float32, ldo int, x []float32, ldx, rows int, w []float32, ldw, depth, cols int) {
	const piece = 64 // of the depth: rows of w that stay in the caches
	for d := 0; d < depth; d += piece {
		kernel.WeightedSumF32(out, ldo, x[d:], ldx, rows, w[d*ldw:], ldw, min(piece, depth-d), cols)
	}
}

// symmetric is a symmetric matrix [n, n], of which both halves are there.
type symmetric struct {
	n int
	x []float32
}

// symmetric fills in the upper triangle of AᵀA and returns it: not a copy.
func (e *NormalEquations) symmetric(each Parallel) *symmetric {
	n, x := e.a, e.aa
	each.Rows(n, func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			for c := lo; c < r; c++ {
				x[c*n+r] = x[r*n+c]
			}
		}
		if hi < n {
			kernel.Transpose(x[lo*n+hi:], n, x[hi*n+lo:], n, n-hi, hi-lo)
		}
	})
	return &symmetric{n, x}
}

// times sets each row of dst to s times that row of x.
func (s *symmetric) times(dst, x []float32, each Parallel) {
	n := s.n
	each.Rows(len(x)/n, func(_, lo, hi int) {
		clear(dst[lo*n : hi*n])
		AddProduct(dst[lo*n:], n, x[lo*n:], n, hi-lo, s.x, n, n, n)
	})
}

// Factor is the Cholesky factor L of A = L Lᵀ: below and on the diagonal L, and on and above it Lᵀ.
type Factor symmetric

// At returns an element of L, col ≤ row.
func (f *Factor) At(row, col int) float64 { return float64(f.x[col*f.n+row]) }

// factorize turns s into its factor; false when it is not positive definite.
func (s *symmetric) factorize(each Parallel) (*Factor, bool) {
	f := (*Factor)(s)
	n, x := f.n, f.x
	for lo := 0; lo < n; lo += solveBlock {
		hi := min(lo+solveBlock, n)
		each.Rows(n-lo, func(_, from, to int) {
			rows := x[(lo+from)*n:]
			f.subtract(rows[lo:], rows, to-from, x[lo:], lo, hi-lo)
		})
		if !f.diagonal(lo, hi) {
			return nil, false
		}
		each.Rows(n-hi, func(_, from, to int) {
			rows := x[(hi+from)*n+lo:]
			for i := range to - from {
				f.forward(rows[i*n:], lo, hi)
			}
			kernel.Transpose(x[lo*n+hi+from:], n, rows, n, to-from, hi-lo)
		})
	}
	return f, true
}

// diagonal factorizes the block of rows and columns lo … hi-1, in double precision.
func (f *Factor) diagonal(lo, hi int) bool {
	n := hi - lo
	a := blas64.Symmetric{N: n, Stride: n, Data: make([]float64, n*n), Uplo: blas.Lower}
	for r := range n {
		for c := range r + 1 {
			a.Data[r*n+c] = float64(f.x[(lo+r)*f.n+lo+c])
		}
	}
	l, ok := lapack64.Potrf(a)
	for r := range n {
		for c := range r + 1 {
			v := float32(l.Data[r*n+c])
			f.x[(lo+r)*f.n+lo+c], f.x[(lo+c)*f.n+lo+r] = v, v
		}
	}
	return ok
}

// solve replaces each of the rows of n values in y by the x of A x = y.
func (f *Factor) solve(y []float32) {
	n, rows := f.n, len(y)/f.n
	for lo := 0; lo < n; lo += solveBlock { // L z = y
		hi := min(lo+solveBlock, n)
		f.subtract(y[lo:], y, rows, f.x[lo:], lo, hi-lo)
		for i := range rows {
			f.forward(y[i*n+lo:], lo, hi)
		}
	}
	for lo := (n - 1) / solveBlock * solveBlock; lo >= 0; lo -= solveBlock { // Lᵀ x = z
		hi := min(lo+solveBlock, n)
		if hi < n {
			f.subtract(y[lo:], y[hi:], rows, f.x[hi*n+lo:], n-hi, hi-lo)
		}
		for i := range rows {
			f.backward(y[i*n+lo:], lo, hi)
		}
	}
}

// subtract takes x [rows, depth] times w [depth, cols] from out [rows, cols]. Rows of all are n apart.
func (f *Factor) subtract(out, x []float32, rows int, w []float32, depth, cols int) {
	sum := make([]float32, rows*cols)
	AddProduct(sum, cols, x, f.n, rows, w, f.n, depth, cols)
	for i := range rows {
		vek32.Sub_Inplace(out[i*f.n:][:cols], sum[i*cols:][:cols])
	}
}

// forward solves L z = x for rows and columns lo … hi-1 of L, backward does it for Lᵀ.
func (f *Factor) forward(x []float32, lo, hi int) {
	for r := lo; r < hi; r++ {
		row, v := f.x[r*f.n+lo:][:r-lo+1], x[r-lo]
		for c, w := range row[:r-lo] {
			v -= w * x[c]
		}
		x[r-lo] = v / row[r-lo]
	}
}

func (f *Factor) backward(x []float32, lo, hi int) {
	for r := hi - 1; r >= lo; r-- {
		row := f.x[r*f.n+lo:][:r-lo+1]
		v := x[r-lo] / row[r-lo]
		x[r-lo] = v
		for c, w := range row[:r-lo] {
			x[c] -= w * v
		}
	}
}
