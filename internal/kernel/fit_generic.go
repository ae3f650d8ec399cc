//go:build !amd64 || purego

package kernel

// set takes the weights, and clears nothing.
func (g *Groups) set(x, w []float32) (s FitStats) {
	g.setGeneric(x, w)
	fitStatsGeneric(&s, g)
	return s
}

// Sums returns the sums of the codes from low to top.
func (g *Groups) Sums(shift, inv *Lanes, low, top float32) (s FitSums) {
	fitSumsGeneric(&s, g, shift, inv, low, top)
	return s
}

// Try offers the scales that are best for the codes from low to top with inv = by/of, 0 for a tiny one, and no shift: see
// FitSums.Offer. d may be of.
func (g *Groups) Try(best, d *Lanes, by float32, of *Lanes, low, top float32) bool {
	return fitTryGeneric(best, d, g, by, of, low, top)
}

// Codes sets q to the codes less low, which are at most 255: that of weight j of group l is element 8·j+l.
func (g *Groups) Codes(q *[32 * FitLanes]byte, shift, inv *Lanes, low, top float32) {
	fitCodesGeneric(q, g, shift, inv, low, top)
}

func signedMax32(x *[32]float32) float32 { return signedMax(x[:]) }

// AbsMax returns the largest magnitude in x; a NaN is larger than all numbers.
func AbsMax(x []float32) float32 { return absMax(x) }

func range32(x *[32]float32) (lo, hi float32) { return range32Generic(x) }

func codes32(q *[32]byte, x *[32]float32, shift, inv, bias, top float32) {
	codes32Generic(q, x, shift, inv, bias, top)
}

func roundAway32(q *[32]byte, x *[32]float32, inv float32) { roundAway32Generic(q, x, inv) }

func squares(x, y []float32) (errs, all float64) { return squaresGeneric(x, y) }
