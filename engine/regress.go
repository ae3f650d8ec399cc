package engine

import (
	"errors"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/quant"
)

// errSingular is returned when a regression has no solution, as with activations that are not finite.
var errSingular = errors.New("the normal equations are singular")

// ridge solves min ‖A X − B‖² + λ ‖X − X0‖² from the normal equations; λ is share times the mean square of A's columns. X
// and X0 are in rows, [b, a]. It also returns the Cholesky factor of AᵀA + λ, the metric of errors of X. The work is shared
// out by each, which calls a function for 0 … n-1.
func (g *gram) ridge(x0 []float32, share float64, each func(n int, fn func(i int) error) error) ([]float32, *mat.Cholesky, error) {
	s := g.symmetric()
	lambda := share * mat.Trace(s) / float64(g.a)
	for i := range g.a {
		s.SetSym(i, i, s.At(i, i)+lambda)
	}
	var c mat.Cholesky
	if !c.Factorize(s) {
		return nil, nil, fmt.Errorf("regression on %d values: %w", g.a, errSingular)
	}
	// (AᵀA + λ)(X − X0) = AᵀB − AᵀA X0
	j, solver := newJudge(g), newSolver(&c)
	j.times(x0, each)
	x := j.product
	err := each((g.b+solveRows-1)/solveRows, func(i int) error {
		lo, hi := i*solveRows, min((i+1)*solveRows, g.b)
		for r := lo; r < hi; r++ {
			for c, v := range x[r*g.a:][:g.a] {
				x[r*g.a+c] = float32(g.ab[c*g.b+r] - float64(v))
			}
		}
		part := x[lo*g.a : hi*g.a]
		solver.solve(part)
		for i := range part {
			if part[i] += x0[lo*g.a+i]; part[i]-part[i] != 0 { // not finite
				return fmt.Errorf("regression on %d values: %w", g.a, errSingular)
			}
		}
		return nil
	})
	return x, &c, err
}

// solveRows is how many rows of X are solved for at a time.
const solveRows = 64

// symmetric returns AᵀA.
func (g *gram) symmetric() *mat.SymDense {
	s := mat.NewSymDense(g.a, nil)
	for i := range g.a {
		for j, v := range g.row(i) {
			s.SetSym(i, j, v)
		}
	}
	return s
}

// judge weighs candidates for X in rows, [b, a], on a gram of text that they were not fitted to. What it multiplies by is of use to
// ridge as well.
type judge struct {
	g       *gram
	metric  *quant.Matrix // AᵀA
	product []float32     // [b, a]
}

// newJudge copies g, which must not change, to single precision.
func newJudge(g *gram) *judge {
	m := floatMatrix(g.a, g.a, func(r, c int) float64 { return g.row(max(r, c))[min(r, c)] })
	return &judge{g, m, make([]float32, g.a*g.b)}
}

// times computes AᵀA·x for each row of x.
func (j *judge) times(x []float32, each func(n int, fn func(i int) error) error) {
	a := j.g.a
	_ = each((j.g.b+solveRows-1)/solveRows, func(i int) error {
		lo, hi := i*solveRows, min((i+1)*solveRows, j.g.b)
		var act quant.Act
		act.Reset(x[lo*a:], hi-lo, a)
		j.metric.Mul(j.product[lo*a:], a, &act, 0, a)
		return nil
	})
}

// loss returns how much larger ‖A X − B‖² is than ‖B‖².
func (j *judge) loss(x []float32, each func(n int, fn func(i int) error) error) float64 {
	j.times(x, each)
	sum := 0.0
	for r := range j.g.b {
		for c := range j.g.a {
			i := r*j.g.a + c
			sum += float64(x[i]) * (float64(j.product[i]) - 2*j.g.ab[c*j.g.b+r])
		}
	}
	return sum
}

// shrink moves x back towards x0, as far as is best: x0 + α(x − x0), 0 ≤ α ≤ 1. It returns the loss of x0.
func (j *judge) shrink(x, x0 []float32, each func(n int, fn func(i int) error) error) (old float64) {
	old = j.loss(x0, each)
	slope := make([]float64, len(x)) // of the loss at x0, halved and negated
	for r := range j.g.b {
		for c := range j.g.a {
			i := r*j.g.a + c
			slope[i] = j.g.ab[c*j.g.b+r] - float64(j.product[i])
			x[i] -= x0[i]
		}
	}
	j.times(x, each)
	down, bend := 0.0, 0.0
	for i, d := range x {
		down += float64(d) * slope[i]
		bend += float64(d) * float64(j.product[i])
	}
	alpha := float32(0)
	if bend > 0 {
		alpha = float32(min(max(down/bend, 0), 1))
	}
	for i, d := range x {
		x[i] = x0[i] + alpha*d
	}
	return old
}
