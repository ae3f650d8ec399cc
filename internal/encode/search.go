package encode

import (
	"encoding/binary"

	"github.com/x448/float16"
)

// magic makes the sum with a float32 below 2^22 an integer: what is added is rounded to the nearest, ties to even.
const magic = 3 << 22

// round returns the nearest integer of a value between -2^22 and 2^22.
func round(v float32) float32 { return float32(v+magic) - magic }

// sums are what a way to round n weights to codes q comes to.
type sums struct{ q, qq, xq float32 } // Σw·q, Σw·q², Σw·x·q

// group is 16 or 32 weights with a scale of their own, the weights of their errors, and sums over them.
type group struct {
	x, w, wx  []float32 // wx is w·x
	sw, swx   float32   // Σw, Σw·x
	lo, hi    float32   // the smallest and the largest weight
	wxBacking [32]float32
}

// set prepares the group of weights x whose errors weigh w.
func (g *group) set(x, w []float32) {
	g.x, g.w, g.wx = x, w[:len(x)], g.wxBacking[:len(x)]
	g.sw, g.swx, g.lo, g.hi = 0, 0, x[0], x[0]
	for i, v := range x {
		t := g.w[i] * v
		g.wx[i] = t
		g.sw += g.w[i]
		g.swx += t
		if v < g.lo {
			g.lo = v
		}
		if v > g.hi {
			g.hi = v
		}
	}
}

// most returns the weight of the largest magnitude.
func (g *group) most() float32 {
	if -g.lo > g.hi {
		return g.lo
	}
	return g.hi
}

// affine returns the sums for codes round((x-lo)·inv) from 0 to top. Two chains of sums run beside each other.
func (g *group) affine(lo, inv, top float32) sums {
	x, w, wx := g.x, g.w[:len(g.x)], g.wx[:len(g.x)]
	var a, b sums
	for i := 1; i < len(x); i += 2 {
		p := round(float32((x[i-1] - lo) * inv))
		q := round(float32((x[i] - lo) * inv))
		p, q = clamp(p, 0, top), clamp(q, 0, top)
		wp, wq := w[i-1]*p, w[i]*q
		a.q += wp
		b.q += wq
		a.qq += wp * p
		b.qq += wq * q
		a.xq += wx[i-1] * p
		b.xq += wx[i] * q
	}
	return sums{a.q + b.q, a.qq + b.qq, a.xq + b.xq}
}

// signed returns the sums for codes round(x·inv) from low to top; the sum of codes alone is left out.
func (g *group) signed(inv, low, top float32) sums {
	x, w, wx := g.x, g.w[:len(g.x)], g.wx[:len(g.x)]
	var a, b sums
	for i := 1; i < len(x); i += 2 {
		p := clamp(round(float32(x[i-1]*inv)), low, top)
		q := clamp(round(float32(x[i]*inv)), low, top)
		a.qq += w[i-1] * p * p
		b.qq += w[i] * q * q
		a.xq += wx[i-1] * p
		b.xq += wx[i] * q
	}
	return sums{0, a.qq + b.qq, a.xq + b.xq}
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

// gain is by how much less the error of d·q + m is than that of zeros: Σw·x² − Σw·(x − d·q − m)².
func (g *group) gain(s sums, d, m float32) float32 {
	return 2*(d*s.xq+m*g.swx) - d*d*s.qq - 2*d*m*s.q - m*m*g.sw
}

// fit returns d and m with the least error for codes; with positive false m is at most 0.
func (g *group) fit(s sums, positive bool) (d, m float32, ok bool) {
	det := g.sw*s.qq - s.q*s.q
	if det > 0 {
		d, m = (g.sw*s.xq-g.swx*s.q)/det, (s.qq*g.swx-s.q*s.xq)/det
	}
	if det <= 0 || m > 0 && !positive {
		if s.qq <= 0 {
			return 0, 0, false
		}
		d, m = s.xq/s.qq, 0
	}
	return d, m, true
}

// steps are the factors at which scales are tried, as codes more than the largest one, for the largest weight.
type steps struct {
	first, step, last float32
	both              bool // signs of the scale, where codes are signed
}

// searchAffine returns scale and minimum of the group: x ≈ d·q + m with codes up to top. With positive false m is at
// most 0.
func (g *group) searchAffine(top float32, positive bool, try steps) (d, m float32) {
	lo := g.lo
	if !positive {
		lo = min(lo, 0)
	}
	width := g.hi - lo
	if width < tiny {
		return 0, lo
	}
	d, m = width/top, lo
	best := g.gain(g.affine(lo, 1/d, top), d, m)
	for c := try.first; c <= try.last; c += try.step {
		s := g.affine(lo, (top+c)/width, top)
		cd, cm, ok := g.fit(s, positive)
		if !ok || cd <= 0 {
			continue
		}
		if gain := g.gain(s, cd, cm); gain > best {
			best, d, m = gain, cd, cm
		}
	}
	for range refinements {
		s := g.affine(m, invert(d), top)
		cd, cm, ok := g.fit(s, positive)
		gain := g.gain(s, cd, cm)
		if !ok || cd <= 0 || !(gain > best) {
			break
		}
		best, d, m = gain, cd, cm
	}
	return d, m
}

// refinements is how often at most the best scale is fitted to codes and codes are chosen by it.
const refinements = 3

// searchSigned returns the scale of the group: x ≈ d·q with codes from -n to n-1. The weight of the largest magnitude
// gets a code of the more numerous sign, so that d has the sign opposite to it.
func (g *group) searchSigned(n float32, try steps) (d float32) {
	most := g.most()
	if abs(most) < tiny {
		return 0
	}
	d, best := -most/n, float32(-1)
	for c := try.first; c <= try.last; c += try.step {
		s := g.signed(-(n+c)/most, -n, n-1)
		if s.qq > 0 && s.xq*s.xq > best*s.qq {
			d = s.xq / s.qq
			best = d * s.xq
		}
		if !try.both {
			continue
		}
		s = g.signed((n-1+c)/most, -n, n-1)
		if s.qq > 0 && s.xq*s.xq > best*s.qq {
			d = s.xq / s.qq
			best = d * s.xq
		}
	}
	for range refinements {
		s := g.signed(invert(d), -n, n-1)
		if s.qq <= 0 || !(s.xq*s.xq > best*s.qq) {
			break
		}
		d = s.xq / s.qq
		best = d * s.xq
	}
	return d
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
