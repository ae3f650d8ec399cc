package encode

import (
	"encoding/binary"
	"math"
)

// The types whose codes stand for 16 values that are not evenly spaced; file iq4.go of package kernel shows the
// layouts.

// iq4Values are the values of IQ4_NL's and IQ4_XS's codes, fp4Values those of MXFP4's that are not negative, doubled.
var (
	iq4Values = [16]float32{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}
	fp4Values = [8]float32{0, 1, 2, 3, 4, 6, 8, 12}
)

// iq4Nearest is the code of the value nearest to v at index 2·(v+128), rounded down: the middle between two values is a
// multiple of a half.
var iq4Nearest = nearest()

func nearest() (table [512]byte) {
	for i := range table {
		v, best := float32(i)/2-128+0.25, float32(math.MaxFloat32)
		for code, value := range iq4Values {
			if d := abs(value - v); d < best {
				best, table[i] = d, byte(code)
			}
		}
	}
	return table
}

// iq4Code returns the code of the value nearest to v.
func iq4Code(v float32) byte { return iq4Nearest[uint(clamp(float32(2*v)+256, 0, 511))&511] }

// iq4 returns the sums for the values nearest to x·inv.
func (g *group) iq4(inv float32) (s sums) {
	w, wx := g.w[:len(g.x)], g.wx[:len(g.x)]
	for i, v := range g.x {
		q := iq4Values[iq4Code(float32(v*inv))&15]
		s.qq += w[i] * q * q
		s.xq += wx[i] * q
	}
	return s
}

// searchIQ4 returns the scale of the group: x ≈ d·value.
func (g *group) searchIQ4() (d float32) {
	most := g.most()
	if abs(most) < tiny {
		return 0
	}
	best := float32(-1)
	for c := -7; c <= 7; c++ {
		for _, sign := range [2]float32{-127, 113} {
			if c != 0 && sign > 0 {
				continue
			}
			s := g.iq4((sign + float32(c)) / most)
			if s.qq > 0 && s.xq*s.xq > best*s.qq {
				d = s.xq / s.qq
				best = d * s.xq
			}
		}
	}
	for range refinements {
		s := g.iq4(invert(d))
		if s.qq <= 0 || !(s.xq*s.xq > best*s.qq) {
			break
		}
		d = s.xq / s.qq
		best = d * s.xq
	}
	return d
}

// putIQ4 packs the codes of 32 weights: the first 16 in the low, the others in the high halves.
func (g *group) putIQ4(b []byte, inv float32) {
	for j := range 16 {
		b[j] = iq4Code(float32(g.x[j]*inv)) | iq4Code(float32(g.x[j+16]*inv))<<4
	}
}

func encodeIQ4NL(b []byte, x, w []float32) {
	var g group
	g.set(x, w)
	d := putHalf(b, g.searchIQ4())
	g.putIQ4(b[2:], invert(d))
}

func encodeIQ4XS(b []byte, x, w []float32) {
	var groups [8]group
	var ds [8]float32
	most := float32(0)
	for i := range groups {
		groups[i].set(x[32*i:][:32], w[32*i:][:32])
		if ds[i] = groups[i].searchIQ4(); abs(ds[i]) > abs(most) {
			most = ds[i]
		}
	}
	_, d := half(-most / 32)
	high := uint16(0)
	clear(b[4:8])
	var scales [8]float32
	var fit blockFit
	for i := range groups {
		g := &groups[i]
		codes := func(c float32) sums { return g.iq4(invert(d * c)) }
		scales[i] = g.roundSigned(ds[i]*invert(d), 32, codes, d)
		fit.add(g, codes(scales[i]), scales[i], 0)
		c := byte(int(scales[i]) + 32)
		b[4+i/2] |= c & 15 << (4 * (i & 1))
		high |= uint16(c>>4) << (2 * i)
	}
	if fit.aa > 0 {
		d = float32(fit.xa / fit.aa)
	}
	d = putHalf(b, d)
	for i := range groups {
		groups[i].putIQ4(b[8+16*i:], invert(d*scales[i]))
	}
	binary.LittleEndian.PutUint16(b[2:], high)
}

// fp4Code returns the code of the value of MXFP4 nearest to v, which is in its doubled units.
func fp4Code(v float32) (code byte, value float32) {
	a := abs(v)
	for i := len(fp4Values) - 1; i > 0; i-- {
		if 2*a > fp4Values[i]+fp4Values[i-1] {
			code = byte(i)
			break
		}
	}
	value = fp4Values[code]
	if v < 0 && code > 0 {
		return code | 8, -value
	}
	return code, value
}

// encodeMXFP4 takes the power of two with which the largest weight reaches the upper values, or twice that, whatever
// errs less.
func encodeMXFP4(b []byte, x, _ []float32) {
	most := float32(0)
	for _, v := range x {
		most = max(most, abs(v))
	}
	_, exp := math.Frexp(float64(most)) // most = f·2^exp, f from ½ to 1
	e, best := 0, float32(0)
	if most > 0 {
		for i, try := range [2]int{exp - 3 + 127, exp - 2 + 127} {
			try = max(0, min(254, try))
			inv, sum := float32(math.Ldexp(1, 128-try)), float32(0)
			for _, v := range x {
				_, q := fp4Code(v * inv)
				diff := q - v*inv
				sum += diff * diff
			}
			if sum *= float32(math.Ldexp(1, 2*i)); i == 0 || sum < best {
				e, best = try, sum
			}
		}
	}
	b[0] = byte(e)
	inv := float32(math.Ldexp(1, 128-e))
	for j := range 16 {
		lo, _ := fp4Code(x[j] * inv)
		hi, _ := fp4Code(x[j+16] * inv)
		b[1+j] = lo | hi<<4
	}
}
