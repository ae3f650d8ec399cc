//go:build !purego

package kernel

import "github.com/latentgo/latentgo/internal/cpu"

// The methods call the assembly by name: what goes through a function value escapes to the heap.

// set takes the weights, and clears nothing.
func (g *Groups) set(x, w []float32) (s FitStats) {
	if cpu.Active() == cpu.Generic {
		g.setGeneric(x, w)
		fitStatsGeneric(&s, g)
		return s
	}
	if len(x) == FitLanes*g.n {
		transposeF32AVX2(&g.X[0], FitLanes, &x[0], g.n, FitLanes, g.n)
		transposeF32AVX2(&g.W[0], FitLanes, &w[0], g.n, FitLanes, g.n)
	} else {
		g.setGeneric(x, w)
	}
	fitStatsAVX2(&s.W[0], &g.WX[0], &g.X[0], &g.W[0], g.n)
	return s
}

// Sums returns the sums of the codes from low to top.
func (g *Groups) Sums(shift, inv *Lanes, low, top float32) (s FitSums) {
	if cpu.Active() == cpu.Generic {
		fitSumsGeneric(&s, g, shift, inv, low, top)
	} else {
		fitSumsAVX2(&s.Q[0], &g.X[0], &g.W[0], &g.WX[0], g.n, &shift[0], &inv[0], low, top)
	}
	return s
}

// Try offers the scales that are best for the codes from low to top with inv = by/of, 0 for a tiny one, and no shift: see
// FitSums.Offer. d may be of.
func (g *Groups) Try(best, d *Lanes, by float32, of *Lanes, low, top float32) bool {
	if cpu.Active() == cpu.Generic {
		return fitTryGeneric(best, d, g, by, of, low, top)
	}
	return fitTryAVX2(&best[0], &d[0], &g.X[0], &g.W[0], &g.WX[0], g.n, by, &of[0], low, top) != 0
}

// Codes sets q to the codes less low, which are at most 255: that of weight j of group l is element 8·j+l.
func (g *Groups) Codes(q *[32 * FitLanes]byte, shift, inv *Lanes, low, top float32) {
	if cpu.Active() == cpu.Generic {
		fitCodesGeneric(q, g, shift, inv, low, top)
	} else {
		fitCodesAVX2(&q[0], &g.X[0], g.n, &shift[0], &inv[0], low, top)
	}
}

// signedMax32 is signedMax of 32 values.
func signedMax32(x *[32]float32) float32 {
	if cpu.Active() == cpu.Generic {
		return signedMax(x[:])
	}
	return signedMax32AVX2(&x[0])
}

// AbsMax returns the largest magnitude in x; a NaN is larger than all numbers.
func AbsMax(x []float32) float32 {
	n := len(x) &^ 31
	if n == 0 || cpu.Active() == cpu.Generic {
		return absMax(x)
	}
	m := absMaxAVX2(&x[0], n)
	if n < len(x) {
		m = absMax([]float32{m, absMax(x[n:])})
	}
	return m
}

// range32 returns the smallest and the largest of 32 numbers.
func range32(x *[32]float32) (lo, hi float32) {
	if cpu.Active() != cpu.Generic {
		if lo, hi = range32AVX2(&x[0]); lo != 0 {
			return lo, hi
		}
	}
	return range32Generic(x)
}

// codes32 sets q to (x-shift)·inv + bias, truncated to a code from 0 to top.
func codes32(q *[32]byte, x *[32]float32, shift, inv, bias, top float32) {
	if cpu.Active() == cpu.Generic {
		codes32Generic(q, x, shift, inv, bias, top)
	} else {
		codes32AVX2(&q[0], &x[0], shift, inv, bias, top)
	}
}

// roundAway32 sets q to x·inv rounded to int8, halves away from zero.
func roundAway32(q *[32]byte, x *[32]float32, inv float32) {
	if cpu.Active() == cpu.Generic {
		roundAway32Generic(q, x, inv)
	} else {
		roundAway32AVX2(&q[0], &x[0], inv)
	}
}

// squares is SquaredErrors of a multiple of four values, and not none.
func squares(x, y []float32) (errs, all float64) {
	if cpu.Active() == cpu.Generic {
		return squaresGeneric(x, y)
	}
	return squaresAVX2(&x[0], &y[0], len(x))
}
