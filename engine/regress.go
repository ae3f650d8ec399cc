package engine

import (
	"errors"
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// errSingular is returned when a regression has no solution, as with activations that are not finite.
var errSingular = errors.New("the normal equations are singular")

// ridge solves min ‖A X − B‖² + λ‖X − X0‖² from the normal equations; λ is share times the mean square of A's columns.
// X and X0 are [a, b]. It also returns the Cholesky factor of AᵀA + λ, the metric of errors of X.
func (g *gram) ridge(x0 *mat.Dense, share float64) (*mat.Dense, *mat.Cholesky, error) {
	s := mat.NewSymDense(g.a, nil)
	trace := 0.0
	for i := range g.a {
		for j := range i + 1 {
			s.SetSym(i, j, g.aa[i*g.a+j])
		}
		trace += g.aa[i*g.a+i]
	}
	lambda := share * trace / float64(g.a)
	for i := range g.a {
		s.SetSym(i, i, s.At(i, i)+lambda)
	}
	var c mat.Cholesky
	if !c.Factorize(s) {
		return nil, nil, fmt.Errorf("regression on %d values: %w", g.a, errSingular)
	}
	rhs := mat.NewDense(g.a, g.b, append([]float64(nil), g.ab...))
	var prior mat.Dense
	prior.Scale(lambda, x0)
	rhs.Add(rhs, &prior)
	x := new(mat.Dense)
	if err := c.SolveTo(x, rhs); err != nil {
		var cond mat.Condition
		if !errors.As(err, &cond) { // a large condition number is what the ridge is for
			return nil, nil, fmt.Errorf("regression on %d values: %w", g.a, err)
		}
	}
	return x, &c, nil
}
