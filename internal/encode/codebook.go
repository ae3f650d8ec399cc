package encode

import (
	"encoding/binary"
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
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
func (g *groups) iq4(inv *lanes) (s kernel.FitSums) {
	for at := 0; at < len(g.X); at += len(inv) {
		x, w, wx := (*lanes)(g.X[at:]), (*lanes)(g.W[at:]), (*lanes)(g.WX[at:])
		for l, v := range x {
			q := iq4Values[iq4Code(float32(v*inv[l]))&15]
			s.QQ[l] += w[l] * q * q
			s.XQ[l] += wx[l] * q
		}
	}
	return s
}

// codesIQ4 are the values, tried at those of the largest magnitude and near.
var codesIQ4 = symmetric{codes: codes{iq4: true}, at: iq4Tries()}

func iq4Tries() (at []float32) {
	for c := float32(-7); c <= 7; c++ {
		if at = append(at, -127+c); c == 0 {
			at = append(at, 113)
		}
	}
	return at
}

// putIQ4 packs the codes of group l: the first 16 in the low, the others in the high halves.
func (g *groups) putIQ4(b []byte, l int, inv float32) {
	code := func(j int) byte { return iq4Code(float32(g.X[len(lanes{})*j+l] * inv)) }
	for j := range 16 {
		b[j] = code(j) | code(j+16)<<4
	}
}

func encodeIQ4NL(b []byte, x, w []float32) {
	var g groups
	g.set(x, w, 32)
	ds := g.search(&codesIQ4)
	for l := range len(x) / 32 {
		b := b[18*l:]
		g.putIQ4(b[2:], l, invert(putHalf(b, ds[l])))
	}
}

func encodeIQ4XS(b []byte, x, w []float32) {
	var g groups
	g.set(x, w, 32)
	ds := g.search(&codesIQ4)
	_, d := half(-largest([]lanes{ds}) / 32)
	var fit blockFit
	scales := g.roundScales(codesIQ4.codes, 32, &ds, d, &fit)
	if fit.aa > 0 {
		d = float32(fit.xa / fit.aa)
	}
	d = putHalf(b, d)
	high := uint16(0)
	clear(b[4:8])
	for l, sc := range scales {
		c := byte(int(sc) + 32)
		b[4+l/2] |= c & 15 << (4 * (l & 1))
		high |= uint16(c>>4) << (2 * l)
		g.putIQ4(b[8+16*l:], l, invert(d*sc))
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
