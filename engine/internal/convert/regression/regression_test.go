package regression

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/internal/pool"
)

// equations adds batches of rows with n workers.
func equations(t *testing.T, threads int, a, b []*mat.Dense) *NormalEquations {
	t.Helper()
	_, na := a[0].Dims()
	nb := 0
	if b != nil {
		_, nb = b[0].Dims()
	}
	g := New(na, nb, new(Scratch))
	p := pool.New(threads)
	defer p.Close()
	for i := range a {
		rows, _ := a[i].Dims()
		var right []float32
		if b != nil {
			right = singles(b[i])
		}
		p.Run(adder{g, singles(a[i]), right, rows}, nil)
	}
	p.Run(flusher{g}, nil)
	return g
}

// adder is NormalEquations.Add as a task of the pool.
type adder struct {
	g    *NormalEquations
	a, b []float32
	n    int
}

func (x adder) Work(w *pool.Worker) { x.g.Add(w, x.a, x.b, x.n) }

func singles(m *mat.Dense) []float32 {
	rows, cols := m.Dims()
	out := make([]float32, 0, rows*cols)
	for i := range rows {
		for j := range cols {
			out = append(out, float32(m.At(i, j)))
		}
	}
	return out
}

// rowsOf returns X [a, b] in rows, [b, a].
func rowsOf(x *mat.Dense) []float32 { return singles(mat.DenseCopyOf(x.T())) }

// near reports whether rows are those of x, each value up to tol.
func near(rows []float32, x *mat.Dense, tol float64) bool {
	for i, v := range rowsOf(x) {
		if !(math.Abs(float64(v)-float64(rows[i])) <= tol) {
			return false
		}
	}
	return true
}

// normal returns a matrix of random single-precision values.
func normal(r *rand.Rand, rows, cols int) *mat.Dense {
	m := mat.NewDense(rows, cols, nil)
	for i := range rows {
		for j := range cols {
			m.Set(i, j, float64(float32(r.NormFloat64())))
		}
	}
	return m
}

// The normal equations are those of all rows together, for any number of workers and batches of any length, also when
// there are more columns than a tile has.
func TestNormalEquations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{5, 3}, {tileRows, 7}, {tileRows + 1, 1}, {200, 30}} {
		var as, bs []*mat.Dense
		aa, ab := mat.NewDense(size[0], size[0], nil), mat.NewDense(size[0], size[1], nil)
		for _, n := range []int{2, 33, batchRows + 1, batchRows, batchRows - 1, 5} {
			a, b := normal(r, n, size[0]), normal(r, n, size[1])
			as, bs = append(as, a), append(bs, b)
			var x, y mat.Dense
			x.Mul(a.T(), a)
			y.Mul(a.T(), b)
			aa.Add(aa, &x)
			ab.Add(ab, &y)
		}
		for _, threads := range []int{1, 2, 3} {
			g, alone := equations(t, threads, as, bs), equations(t, threads, as, nil)
			whole := g.symmetric(inTurn)
			for i := range size[0] {
				for j := range size[0] {
					if j <= i && (math.Abs(float64(g.Row(i)[j])-aa.At(i, j)) > 1e-3 || alone.Row(i)[j] != g.Row(i)[j]) {
						t.Fatalf("%v, %d workers: AᵀA[%d,%d] = %v, want %v", size, threads, i, j, g.Row(i)[j], aa.At(i, j))
					}
				}
				for j := range size[0] {
					if got := whole.x[i*whole.n+j]; got != g.Row(max(i, j))[min(i, j)] {
						t.Fatalf("%v, %d workers: AᵀA[%d,%d] = %v is not that of the other half", size, threads, i, j, got)
					}
				}
				for j := range size[1] {
					if math.Abs(float64(g.ab[i*g.b+j])-ab.At(i, j)) > 1e-3 {
						t.Fatalf("%v, %d workers: AᵀB[%d,%d] = %v, want %v", size, threads, i, j, g.ab[i*g.b+j], ab.At(i, j))
					}
				}
			}
		}
	}
}

// The ridge regression is the least-squares solution of the system with √λ(X − X0) below it, and its factor that
// metric's.
func TestRidgeIsLeastSquares(t *testing.T) {
	const n, na, nb, share = 60, 12, 4, 0.03
	r := rand.New(rand.NewPCG(3, 4))
	a, b, x0 := normal(r, n, na), normal(r, n, nb), normal(r, na, nb)
	g := equations(t, 2, []*mat.Dense{a}, []*mat.Dense{b})
	trace := 0.0
	for i := range na {
		trace += float64(g.Row(i)[i])
	}
	got, factor, err := g.Ridge(rowsOf(x0), share, inTurn)
	if err != nil {
		t.Fatal(err)
	}
	lambda := share * trace / na
	tall, right := mat.NewDense(n+na, na, nil), mat.NewDense(n+na, nb, nil)
	tall.Slice(0, n, 0, na).(*mat.Dense).Copy(a)
	right.Slice(0, n, 0, nb).(*mat.Dense).Copy(b)
	for i := range na {
		tall.Set(n+i, i, math.Sqrt(lambda))
		for j := range nb {
			right.Set(n+i, j, math.Sqrt(lambda)*x0.At(i, j))
		}
	}
	var want, metric mat.Dense
	if err := want.Solve(tall, right); err != nil { // by QR
		t.Fatal(err)
	}
	if !near(got, &want, 1e-4) {
		t.Errorf("solution %.4v\nwant %.4v", got, mat.Formatted(want.T()))
	}
	metric.Mul(tall.T(), tall)
	if !mat.EqualApprox(squared(factor), &metric, 1e-3) {
		t.Error("the factor is not that of AᵀA + λ")
	}
}

// A regression on what it predicts already changes nothing; a large share keeps the old matrix.
func TestRidgeKeepsWhatIsRight(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	a, x0 := normal(r, 50, 8), normal(r, 8, 3)
	var b mat.Dense
	b.Mul(a, x0)
	x, _, err := equations(t, 1, []*mat.Dense{a}, []*mat.Dense{&b}).Ridge(rowsOf(x0), 0.01, inTurn)
	if err != nil || !near(x, x0, 1e-5) {
		t.Errorf("a perfect matrix changed: %v", err)
	}
	x, _, err = equations(t, 1, []*mat.Dense{a}, []*mat.Dense{normal(r, 50, 3)}).Ridge(rowsOf(x0), 1e6, inTurn)
	if err != nil || !near(x, x0, 1e-4) {
		t.Errorf("a large share did not keep the matrix: %v", err)
	}
}

// More unknowns than rows are what the ridge is for; activations that are not finite have no solution.
func TestRidgeOfFewRowsAndNonsense(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	a, b, x0 := normal(r, 3, 10), normal(r, 3, 2), mat.NewDense(10, 2, nil)
	if x, _, err := equations(t, 1, []*mat.Dense{a}, []*mat.Dense{b}).Ridge(rowsOf(x0), 0.01, inTurn); err != nil || x[0] != x[0] {
		t.Errorf("fewer rows than unknowns: %v", err)
	}
	a.Set(1, 4, math.NaN())
	if _, _, err := equations(t, 1, []*mat.Dense{a}, []*mat.Dense{b}).Ridge(rowsOf(x0), 0.01, inTurn); !errors.Is(err, ErrSingular) {
		t.Errorf("not a number: %v", err)
	}
}

// inTurn calls fn for 0 … n-1.
func inTurn(n int, fn func(i int) error) error {
	for i := range n {
		if err := fn(i); err != nil {
			return err
		}
	}
	return nil
}

// A fit to noise is taken back, one that holds on other data is kept.
func TestShrink(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	w0, w1 := normal(r, 6, 3), normal(r, 6, 3)
	check := normal(r, 200, 6)
	for name, c := range map[string]struct {
		truth *mat.Dense
		alpha float64
	}{"old is right": {w0, 0}, "new is right": {w1, 1}} {
		var b mat.Dense
		b.Mul(check, c.truth)
		j := NewValidator(equations(t, 1, []*mat.Dense{check}, []*mat.Dense{&b}), inTurn)
		x, x0 := rowsOf(w1), rowsOf(w0)
		before := j.Shrink(x, x0)
		for i := range x {
			row, col := i/6, i%6
			want := w0.At(col, row) + c.alpha*(w1.At(col, row)-w0.At(col, row))
			if math.Abs(float64(x[i])-want) > 1e-3 {
				t.Fatalf("%s: weight %d is %v, want %v", name, i, x[i], want)
			}
		}
		if after := j.Loss(x); after > before+1e-2 {
			t.Errorf("%s: the loss rose from %v to %v", name, before, after)
		}
	}
}

// squared returns L Lᵀ.
func squared(f *Factor) *mat.Dense {
	l := mat.NewDense(f.n, f.n, nil)
	for r := range f.n {
		for c := range r + 1 {
			l.Set(r, c, f.At(r, c))
		}
	}
	var s mat.Dense
	s.Mul(l, l.T())
	return &s
}

// A factor in blocks is that of the whole matrix, and so are its solutions, for sizes that blocks divide and others.
func TestFactor(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, n := range []int{1, solveBlock - 1, solveBlock, 3*solveBlock + 5} {
		a, want := normal(r, n+20, n), normal(r, n, 7)
		var s mat.SymDense
		s.SymOuterK(1, a.T())
		var y mat.Dense
		y.Mul(&s, want)
		x := rowsOf(&y)
		f, ok := (&symmetric{n, singles(mat.DenseCopyOf(&s))}).factorize(inTurn)
		if !ok {
			t.Fatal("not positive definite")
		}
		if !mat.EqualApprox(squared(f), &s, 1e-3) {
			t.Errorf("%d unknowns: not the matrix's factor", n)
		}
		f.solve(x)
		if !near(x, want, 2e-2) {
			t.Errorf("%d unknowns: %v, want %v", n, x[:n], mat.Formatted(want.T()))
		}
		s.SetSym(n/2, n/2, -1)
		if _, ok := (&symmetric{n, singles(mat.DenseCopyOf(&s))}).factorize(inTurn); ok {
			t.Errorf("%d unknowns: factorized what is not positive definite", n)
		}
	}
}

// flusher is NormalEquations.Flush as a task of the pool.
type flusher struct{ e *NormalEquations }

func (f flusher) Work(w *pool.Worker) { f.e.Flush(w) }

// One window in so many validates, with all of its pieces; few windows have none to spare.
func TestSplit(t *testing.T) {
	s := NewSplit(validateEvery, 2, 2, new(Scratch))
	for i := range 2 * validateEvery {
		want := s.Train
		if (i+1)%validateEvery == 0 {
			want = s.Validate
		}
		if s.For(true) != want || s.For(false) != want {
			t.Errorf("window %d is on the wrong side", i)
		}
	}
	if NewSplit(validateEvery-1, 2, 2, new(Scratch)).Validate != nil {
		t.Error("few windows are split")
	}
}
