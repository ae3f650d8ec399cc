package sample

import "math"

// The functions of this file give the same bits on every platform. Package math does not promise that: some platforms
// have assembly for Exp and Log, and the compiler may fuse x*y + z into one rounding. An explicit float64 conversion
// forbids the fusion. Relative error is below 1e-15 for exp and log; the range of interest is that of logits.

const (
	ln2Hi = 6.93147180369123816490e-01 // upper bits of ln 2, so that k·ln2Hi is exact for |k| < 2^20
	ln2Lo = 1.90821492927058770002e-10
)

// expTerms are 1/n! from n = 13 down to 0.
var expTerms = [...]float64{1. / 6227020800, 1. / 479001600, 1. / 39916800, 1. / 3628800, 1. / 362880, 1. / 40320,
	1. / 5040, 1. / 720, 1. / 120, 1. / 24, 1. / 6, 1. / 2, 1, 1}

// exp returns e^x: x = k·ln 2 + r with |r| ≤ ln 2/2, then 2^k times the Taylor sum of e^r.
func exp(x float64) float64 {
	switch {
	case x != x || x > 709.7:
		return x * math.Inf(1) // NaN stays NaN
	case x < -708:
		return 0 // below the normal numbers
	}
	k := math.Floor(float64(x*math.Log2E) + 0.5)
	r := float64(x-float64(k*ln2Hi)) - float64(k*ln2Lo)
	sum := expTerms[0]
	for _, term := range expTerms[1:] {
		sum = float64(sum*r) + term
	}
	return sum * math.Float64frombits(uint64(int64(k)+1023)<<52)
}

// log returns the natural logarithm: x = m·2^e with m near 1, then ln m = 2·artanh((m−1)/(m+1)) as a sum of odd powers.
func log(x float64) float64 {
	if x == 0 {
		return math.Inf(-1)
	}
	if !(x > 0) || x > math.MaxFloat64 {
		return math.Log(x) // NaN and Inf
	}
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m *= 2
		e--
	}
	s := (m - 1) / (m + 1)
	z := float64(s * s)
	sum := 0.0
	for n := 23; n >= 1; n -= 2 {
		sum = float64(sum*z) + 1/float64(n)
	}
	return float64(float64(e)*ln2Hi) + (float64(2*float64(s*sum)) + float64(float64(e)*ln2Lo))
}

// pow returns x^y for x ≥ 0.
func pow(x, y float64) float64 {
	if y == 0 {
		return 1
	}
	return exp(float64(y * log(x)))
}
