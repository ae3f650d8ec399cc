package encode

import (
	"encoding/binary"
	"slices"

	"github.com/x448/float16"

	"github.com/latentgo/latentgo/internal/kernel"
)

// magic makes the sum with a float32 below 2^22 an integer: what is added is rounded to the nearest, ties to even.
const magic = 3 << 22

// round returns the nearest integer of a value between -2^22 and 2^22.
func round(v float32) float32 { return float32(v+magic) - magic }

// sums are what a way to round weights to codes q comes to.
type sums struct{ q, qq, xq float32 } // Σw·q, Σw·q², Σw·x·q

// lanes holds a value for each of the eight groups that are looked at together.
type lanes = kernel.Lanes

// groups are up to eight groups of 8, 16 or 32 weights with a scale each, the weights of their errors, and sums over them.
type groups struct {
	kernel.Groups
	all kernel.FitStats
}

// set takes the weights x, in groups of n, whose errors weigh w.
func (g *groups) set(x, w []float32, n int) { g.all = g.Set(x, w, n) }

// most returns the weight of the largest magnitude in group l.
func (g *groups) most(l int) float32 {
	if -g.all.Lo[l] > g.all.Hi[l] {
		return g.all.Lo[l]
	}
	return g.all.Hi[l]
}

// codes are the codes of a group: the integers from low to top, or the values of IQ4.
type codes struct {
	low, top float32
	iq4      bool
}

// sums returns what the codes nearest to (x-shift)·inv come to.
func (g *groups) sums(c codes, shift, inv *lanes) kernel.FitSums {
	if c.iq4 {
		return g.iq4(inv)
	}
	return g.Sums(shift, inv, c.low, c.top)
}

func clamp(v, low, top float32) float32 {
	if v > top {
		v = top
	}
	if v < low {
		v = low
	}
	return v
}

// gain is by how much less the error of d·q + m is than that of zeros, in group l: Σw·x² − Σw·(x − d·q − m)².
func (g *groups) gain(l int, s *kernel.FitSums, d, m float32) float32 {
	return 2*(d*s.XQ[l]+m*g.all.WX[l]) - d*d*s.QQ[l] - 2*d*m*s.Q[l] - m*m*g.all.W[l]
}

// fit returns d and m with the least error for the codes of group l; with positive false m is at most 0.
func (g *groups) fit(l int, s *kernel.FitSums, positive bool) (d, m float32, ok bool) {
	q, qq, xq, w, wx := s.Q[l], s.QQ[l], s.XQ[l], g.all.W[l], g.all.WX[l]
	det := w*qq - q*q
	if det > 0 {
		d, m = (w*xq-wx*q)/det, (qq*wx-q*xq)/det
	}
	if det <= 0 || m > 0 && !positive {
		if qq <= 0 {
			return 0, 0, false
		}
		d, m = xq/qq, 0
	}
	return d, m, true
}

// steps returns what is tried: from first to last.
func steps(first, step, last float32) (all []float32) {
	for c := first; c <= last; c += step {
		all = append(all, c)
	}
	return all
}

// searchAffine returns scales and minima of the groups: x ≈ d·q + m with codes up to top. With positive false m is at
// most 0. try are the factors at which scales are tried, as codes more than the largest one, for the largest weight.
func (g *groups) searchAffine(top float32, positive bool, try []float32) (d, m lanes) {
	var lo, width, inv, best lanes
	var live [len(lo)]bool
	for l := range lo {
		if lo[l] = g.all.Lo[l]; !positive {
			lo[l] = min(lo[l], 0)
		}
		width[l], m[l] = g.all.Hi[l]-lo[l], lo[l]
		if live[l] = width[l] >= tiny; live[l] {
			d[l] = width[l] / top
			inv[l] = 1 / d[l]
		}
	}
	s := g.Sums(&lo, &inv, 0, top)
	for l := range best {
		best[l] = g.gain(l, &s, d[l], m[l])
	}
	for _, c := range try {
		for l, wide := range width {
			if live[l] {
				inv[l] = (top + c) / wide
			}
		}
		s := g.Sums(&lo, &inv, 0, top)
		for l, live := range live {
			if !live {
				continue
			}
			if cd, cm, ok := g.fit(l, &s, positive); ok && cd > 0 {
				if gain := g.gain(l, &s, cd, cm); gain > best[l] {
					best[l], d[l], m[l] = gain, cd, cm
				}
			}
		}
	}
	for range refinements {
		invertAll(&inv, &d)
		s := g.Sums(&m, &inv, 0, top)
		for l := range live {
			if !live[l] {
				continue
			}
			cd, cm, ok := g.fit(l, &s, positive)
			gain := g.gain(l, &s, cd, cm)
			if live[l] = ok && cd > 0 && gain > best[l]; live[l] {
				best[l], d[l], m[l] = gain, cd, cm
			}
		}
		if !slices.Contains(live[:], true) {
			break
		}
	}
	return d, m
}

// refinements is how often at most the best scale is fitted to codes and codes are chosen by it.
const refinements = 3

// signedCodes are codes from -n to n-1, with a scale only. The weight of the largest magnitude gets a code of the more
// numerous sign, so that the scale has the sign opposite to it. try are the factors at which scales are tried, as codes
// more than that; with both also those of the other sign.
func signedCodes(n float32, try []float32, both bool) symmetric {
	s := symmetric{codes: codes{low: -n, top: n - 1}}
	for _, c := range try {
		if s.at = append(s.at, -(n + c)); both {
			s.at = append(s.at, n-1+c)
		}
	}
	return s
}

// symmetric are codes, and the values tried for the weight of the largest magnitude.
type symmetric struct {
	codes
	at []float32
}

// search returns the scales of the groups: x ≈ d·q.
func (g *groups) search(c *symmetric) (d lanes) {
	var most, best lanes
	for l := range d {
		if m := g.most(l); abs(m) >= tiny {
			most[l], d[l], best[l] = m, m/c.at[0], -1
		}
	}
	for _, at := range c.at {
		g.try(&c.codes, &best, &d, at, &most)
	}
	for range refinements {
		if !g.try(&c.codes, &best, &d, 1, &d) {
			break
		}
	}
	return d
}

// try offers the scales that are best for the codes nearest to x·by/of. It reports whether one is better.
func (g *groups) try(c *codes, best, d *lanes, by float32, of *lanes) bool {
	if !c.iq4 {
		return g.Try(best, d, by, of, c.low, c.top)
	}
	var inv lanes
	for l, of := range of {
		if abs(of) >= tiny {
			inv[l] = by / of
		}
	}
	s := g.iq4(&inv)
	return s.Offer(best, d)
}

// invertAll sets inv to 1/d.
func invertAll(inv, d *lanes) {
	for l, d := range d {
		inv[l] = invert(d)
	}
}

// tiny is what no scale of a half float can express: weights below are zeros.
const tiny = 1e-15

// invert returns 1/d, 0 for what is too small.
func invert(d float32) float32 {
	if abs(d) < tiny {
		return 0
	}
	return 1 / d
}

// half returns the nearest half float as it is written, and its value.
func half(v float32) (bits uint16, value float32) {
	h := float16.Fromfloat32(v)
	return h.Bits(), h.Float32()
}

// putHalf writes the nearest half float and returns its value.
func putHalf(b []byte, v float32) float32 {
	bits, value := half(v)
	binary.LittleEndian.PutUint16(b, bits)
	return value
}
