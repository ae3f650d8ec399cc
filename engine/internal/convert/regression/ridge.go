package regression

import (
	"errors"
	"fmt"

	"github.com/viterin/vek/vek32"
)

// ErrSingular is returned when a regression has no solution, as with activations that are not finite.
var ErrSingular = errors.New("the normal equations are singular")

// Ridge solves min ‖A X − B‖² + λ ‖X − X0‖²; λ is share times the mean square of A's columns. X and X0 are in rows, [b,
// a]. It also returns the factor of AᵀA + λ, the metric of errors of X, which takes the place of AᵀA: the equations are
// used up.
func (e *NormalEquations) Ridge(x0 []float32, share float64, each Parallel) ([]float32, *Factor, error) {
	singular := fmt.Errorf("regression on %d values: %w", e.a, ErrSingular)
	s := e.symmetric(each)
	// (AᵀA + λ)(X − X0) = AᵀB − AᵀA X0
	x := make([]float32, e.a*e.b)
	s.times(x, x0, each)
	trace := 0.0
	for i := range e.a {
		trace += float64(e.Row(i)[i])
	}
	for i := range e.a {
		s.x[i*e.a+i] += float32(share * trace / float64(e.a))
	}
	f, ok := s.factorize(each)
	if !ok {
		return nil, nil, singular
	}
	each.Rows(e.b, func(_, lo, hi int) {
		e.eachRight(lo, hi, func(i int, b float32) { x[i] = b - x[i] })
		part := x[lo*e.a : hi*e.a]
		f.solve(part)
		vek32.Add_Inplace(part, x0[lo*e.a:hi*e.a])
	})
	for _, v := range x {
		if v-v != 0 { // not finite
			return nil, nil, singular
		}
	}
	return x, f, nil
}

// eachRight calls fn with the values of AᵀB that belong to rows lo … hi-1 of an X in rows, and their places in it.
func (e *NormalEquations) eachRight(lo, hi int, fn func(i int, b float32)) {
	for c := range e.a {
		for r, v := range e.ab[c*e.b+lo : c*e.b+hi] {
			fn((lo+r)*e.a+c, v)
		}
	}
}
