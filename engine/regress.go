package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/quant"
)

// errSingular is returned when a regression has no solution, as with activations that are not finite.
var errSingular = errors.New("the normal equations are singular")

// ridge solves min ‖A X − B‖² + Σ λ_i ‖X_i − X0_i‖² from the normal equations; λ is share times the mean square of A's
// columns. X and X0 are [a, b]. It also returns the Cholesky factor of AᵀA + λ, the metric of errors of X. The work is shared
// out by each, which calls a function for 0 … n-1.
func (g *gram) ridge(x0 *mat.Dense, share float64, each func(n int, fn func(i int) error) error) (*mat.Dense, *mat.Cholesky, error) {
	s := g.symmetric()
	lambda := share * mat.Trace(s) / float64(g.a)
	for i := range g.a {
		s.SetSym(i, i, s.At(i, i)+lambda)
	}
	var c mat.Cholesky
	if !c.Factorize(s) {
		return nil, nil, fmt.Errorf("regression on %d values: %w", g.a, errSingular)
	}
	x := mat.NewDense(g.a, g.b, nil)
	err := each((g.b+solveColumns-1)/solveColumns, func(i int) error {
		lo, hi := i*solveColumns, min((i+1)*solveColumns, g.b)
		part := mat.NewDense(g.a, hi-lo, nil)
		for r := range g.a {
			for j := lo; j < hi; j++ {
				part.Set(r, j-lo, g.ab[r*g.b+j]+lambda*x0.At(r, j))
			}
		}
		err := c.SolveTo(x.Slice(0, g.a, lo, hi).(*mat.Dense), part)
		var cond mat.Condition
		if err != nil && !errors.As(err, &cond) { // a large condition number is what the ridge is for
			return fmt.Errorf("regression on %d values: %w", g.a, err)
		}
		return nil
	})
	return x, &c, err
}

// solveColumns is how many columns of X are solved for at a time.
const solveColumns = 64

// symmetric returns AᵀA.
func (g *gram) symmetric() *mat.SymDense {
	s := mat.NewSymDense(g.a, nil)
	for i := range g.a {
		for j := range i + 1 {
			s.SetSym(i, j, g.aa[i*g.a+j])
		}
	}
	return s
}

// judge weighs candidates for X in rows, [b, a], on a gram of text that they were not fitted to.
type judge struct {
	g       *gram
	metric  *quant.Matrix // AᵀA
	product []float32     // [b, a]
}

// newJudge copies g, which must not change, to single precision.
func newJudge(g *gram) *judge {
	data := make([]byte, 4*g.a*g.a)
	s := g.symmetric()
	for i := range g.a {
		for j := range g.a {
			binary.LittleEndian.PutUint32(data[4*(i*g.a+j):], math.Float32bits(float32(s.At(i, j))))
		}
	}
	m, err := quant.NewMatrix(ggtype.F32, g.a, g.a, data)
	if err != nil {
		panic(err) // the shape is right by construction
	}
	return &judge{g, m, make([]float32, g.a*g.b)}
}

// times computes AᵀA·x for each row of x.
func (j *judge) times(x []float32, each func(n int, fn func(i int) error) error) {
	a := j.g.a
	_ = each((j.g.b+solveColumns-1)/solveColumns, func(i int) error {
		lo, hi := i*solveColumns, min((i+1)*solveColumns, j.g.b)
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
