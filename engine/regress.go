package engine

import (
	"errors"
	"fmt"

	"github.com/viterin/vek/vek32"
)

// errSingular is returned when a regression has no solution, as with activations that are not finite.
var errSingular = errors.New("the normal equations are singular")

// ridge solves min ‖A X − B‖² + λ ‖X − X0‖² from the normal equations; λ is share times the mean square of A's columns. X
// and X0 are in rows, [b, a]. It also returns the factor of AᵀA + λ, the metric of errors of X, which takes the place of AᵀA.
func (g *gram) ridge(x0 []float32, share float64, each sharer) ([]float32, *factor, error) {
	singular := fmt.Errorf("regression on %d values: %w", g.a, errSingular)
	s := g.symmetric(each)
	// (AᵀA + λ)(X − X0) = AᵀB − AᵀA X0
	x := make([]float32, g.a*g.b)
	s.times(x, x0, each)
	trace := 0.0
	for i := range g.a {
		trace += float64(g.row(i)[i])
	}
	for i := range g.a {
		s.x[i*g.a+i] += float32(share * trace / float64(g.a))
	}
	f, ok := s.factorize(each)
	if !ok {
		return nil, nil, singular
	}
	each.rows(g.b, func(_, lo, hi int) {
		g.eachRight(lo, hi, func(i int, b float32) { x[i] = b - x[i] })
		part := x[lo*g.a : hi*g.a]
		f.solve(part)
		vek32.Add_Inplace(part, x0[lo*g.a:hi*g.a])
	})
	for _, v := range x {
		if v-v != 0 { // not finite
			return nil, nil, singular
		}
	}
	return x, f, nil
}

// eachRight calls fn with the values of AᵀB that belong to rows lo … hi-1 of an X in rows, and their places in it.
func (g *gram) eachRight(lo, hi int, fn func(i int, b float32)) {
	for c := range g.a {
		for r, v := range g.ab[c*g.b+lo : c*g.b+hi] {
			fn((lo+r)*g.a+c, v)
		}
	}
}

// judge weighs candidates for X in rows, [b, a], on a gram of text that they were not fitted to.
type judge struct {
	g       *gram
	metric  *symmetric // AᵀA
	product []float32  // [b, a]
	each    sharer
}

// newJudge takes a gram that does not change any more.
func newJudge(g *gram, each sharer) *judge {
	return &judge{g, g.symmetric(each), make([]float32, g.a*g.b), each}
}

// sum adds up what fn makes of AᵀB and the place that it has in an X.
func (j *judge) sum(fn func(i int, b float32) float64) float64 {
	part := make([]float64, pieces(j.g.b))
	j.each.rows(j.g.b, func(no, lo, hi int) {
		sum := 0.0
		j.g.eachRight(lo, hi, func(i int, b float32) { sum += fn(i, b) })
		part[no] = sum
	})
	sum := 0.0
	for _, p := range part {
		sum += p
	}
	return sum
}

// loss returns how much larger ‖A X − B‖² is than ‖B‖².
func (j *judge) loss(x []float32) float64 {
	j.metric.times(j.product, x, j.each)
	return j.sum(func(i int, b float32) float64 { return float64(x[i]) * (float64(j.product[i]) - 2*float64(b)) })
}

// shrink moves x back towards x0, as far as is best: x0 + α(x − x0), 0 ≤ α ≤ 1. It returns the loss of x0.
func (j *judge) shrink(x, x0 []float32) (old float64) {
	old = j.loss(x0)
	down := j.sum(func(i int, b float32) float64 { // minus half the loss's slope at x0
		x[i] -= x0[i]
		return float64(x[i]) * (float64(b) - float64(j.product[i]))
	})
	j.metric.times(j.product, x, j.each)
	bend := j.sum(func(i int, _ float32) float64 { return float64(x[i]) * float64(j.product[i]) })
	alpha := float32(0)
	if bend > 0 {
		alpha = float32(min(max(down/bend, 0), 1))
	}
	for i, d := range x {
		x[i] = x0[i] + alpha*d
	}
	return old
}
