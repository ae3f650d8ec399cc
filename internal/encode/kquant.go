package encode

import (
	"encoding/binary"

	"github.com/latentgo/latentgo/internal/kernel"
)

// The encoders of blocks of 256 with scales of a few bits. Files k23.go, k45.go and k6.go of package kernel show the
// layouts.

// affineForm is a type whose groups have a scale and a minimum: w = d·sc·q − dmin·mn.
type affineForm struct {
	size   int     // of a group
	top    float32 // the largest code
	scales float32 // the largest sc and mn
	try    []float32
}

var (
	formQ2K = affineForm{16, 3, 15, steps(-0.5, 0.2, 1.0)}
	formQ4K = affineForm{32, 15, 63, steps(-1, 0.2, 1.1)}
	formQ5K = affineForm{32, 31, 63, steps(-1, 0.2, 1.1)}
)

// affineBlock is a block of such a type, not packed yet.
type affineBlock struct {
	q       [block]byte
	sc, mn  [block / 16]byte // of the groups
	d, dmin uint16           // half floats
}

// encode fills the block with the codes of 256 weights x, whose errors weigh w.
func (a *affineBlock) encode(f *affineForm, x, w []float32) {
	var parts [2]groups // eight groups each
	var ds, ms [2]lanes
	span := len(lanes{}) * f.size
	n := block / span
	mostD, mostM := float32(0), float32(0)
	for i := range n {
		g := &parts[i]
		g.set(x[i*span:][:span], w[i*span:][:span], f.size)
		ds[i], ms[i] = g.searchAffine(f.top, false, f.try)
		for l := range ds[i] {
			mostD, mostM = max(mostD, ds[i][l]), max(mostM, -ms[i][l])
		}
	}
	var d, dmin float32
	a.d, d = half(mostD / f.scales)
	a.dmin, dmin = half(mostM / f.scales)
	var fit blockFit
	for i := range n {
		g := &parts[i]
		sc, mn := g.roundAffine(f, &ds[i], &ms[i], d, dmin)
		shift, inv := affineScales(&sc, &mn, d, dmin)
		s := g.Sums(&shift, &inv, 0, f.top)
		for l := range sc {
			at := len(sc)*i + l
			a.sc[at], a.mn[at] = byte(sc[l]), byte(mn[l])
			fit.add(sums{s.Q[l], s.QQ[l], s.XQ[l]}, g.all.W[l], g.all.WX[l], sc[l], mn[l])
		}
		ds[i], ms[i] = sc, mn
	}
	if fd, fm, ok := fit.solve(); ok {
		a.d, d = half(fd)
		a.dmin, dmin = half(fm)
	}
	for i := range n {
		shift, inv := affineScales(&ds[i], &ms[i], d, dmin)
		parts[i].codes(a.q[i*span:][:span], &shift, &inv, 0, f.top)
	}
}

// affineScales returns shift and inv of codes for the integers sc and mn.
func affineScales(sc, mn *lanes, d, dmin float32) (shift, inv lanes) {
	for l := range sc {
		shift[l], inv[l] = -dmin*mn[l], invert(d*sc[l])
	}
	return shift, inv
}

// codes writes the codes less low of weights in their order.
func (g *groups) codes(q []byte, shift, inv *lanes, low, top float32) {
	var turned [block]byte
	g.Codes(&turned, shift, inv, low, top)
	n := len(q) / len(shift)
	for l := range shift {
		q := q[l*n:][:n]
		for j := range q {
			q[j] = turned[len(shift)*j+l]
		}
	}
}

// blockFit finds the factors d and dmin of a block with the least error for its scales and codes.
type blockFit struct{ aa, ab, bb, xa, xb float64 }

// add adds a group with scale sc and minimum mn, whose codes come to s; w is its Σw and wx its Σw·x.
func (f *blockFit) add(s sums, w, wx, sc, mn float32) {
	c, m := float64(sc), float64(mn)
	f.aa += c * c * float64(s.qq)
	f.ab += c * m * float64(s.q)
	f.bb += m * m * float64(w)
	f.xa += c * float64(s.xq)
	f.xb += m * float64(wx)
}

// solve returns the factors: the least Σw·(x − d·sc·q + dmin·mn)².
func (f *blockFit) solve() (d, dmin float32, ok bool) {
	if f.aa <= 0 {
		return 0, 0, false
	}
	det := f.aa*f.bb - f.ab*f.ab
	if f.bb <= 0 || det <= 1e-9*f.aa*f.bb {
		d = float32(f.xa / f.aa)
		return d, 0, d > 0 && f.bb <= 0
	}
	d, dmin = float32((f.xa*f.bb-f.xb*f.ab)/det), float32((f.xa*f.ab-f.xb*f.aa)/det)
	return d, dmin, d > 0 && dmin >= 0
}

// around are the integers tried for a scale, as differences from the nearest.
var around = [3]float32{0, -1, 1}

// roundAffine returns the integers sc and mn near ds/d and -ms/dmin with the least error of d·sc·q − dmin·mn.
func (g *groups) roundAffine(f *affineForm, ds, ms *lanes, d, dmin float32) (sc, mn lanes) {
	var near, mins, tried, best lanes
	for l := range near {
		near[l], mins[l] = clamp(round(ds[l]*invert(d)), 0, f.scales), clamp(round(-ms[l]*invert(dmin)), 0, f.scales)
	}
	for i, by := range around {
		for l := range tried {
			tried[l] = near[l] + by
		}
		shift, inv := affineScales(&tried, &mins, d, dmin)
		s := g.Sums(&shift, &inv, 0, f.top)
		for l, c := range tried {
			if c < 0 || c > f.scales {
				continue
			}
			m := mins[l]
			if dmin > 0 { // the best minimum for these codes
				m = clamp(round((d*c*s.Q[l]-g.all.WX[l])/g.all.W[l]/dmin), 0, f.scales)
				if m != m {
					m = mins[l]
				}
			}
			if gain := g.gain(l, &s, d*c, -dmin*m); i == 0 || gain > best[l] {
				best[l], sc[l], mn[l] = gain, c, m
			}
		}
	}
	return sc, mn
}

func encodeQ2K(b []byte, x, w []float32) {
	var a affineBlock
	a.encode(&formQ2K, x, w)
	for i := range 16 {
		b[i] = a.sc[i] | a.mn[i]<<4
	}
	putPairs(b[16:], &a.q)
	a.putFactors(b[80:])
}

func encodeQ4K(b []byte, x, w []float32) {
	var a affineBlock
	a.encode(&formQ4K, x, w)
	a.putFactors(b)
	a.putScales(b[4:])
	a.putHalves(b[16:])
}

func encodeQ5K(b []byte, x, w []float32) {
	var a affineBlock
	a.encode(&formQ5K, x, w)
	a.putFactors(b)
	a.putScales(b[4:])
	clear(b[16:48])
	for i, q := range a.q {
		b[16+i%32] |= q >> 4 << (i / 32)
	}
	a.putHalves(b[48:])
}

// putFactors writes d and dmin.
func (a *affineBlock) putFactors(b []byte) {
	binary.LittleEndian.PutUint16(b, a.d)
	binary.LittleEndian.PutUint16(b[2:], a.dmin)
}

// putScales packs eight sc and eight mn of six bits into 12 bytes, see kernel's scalesK4.
func (a *affineBlock) putScales(b []byte) {
	for i := range 4 {
		b[i] = a.sc[i] | a.sc[i+4]>>4<<6
		b[i+4] = a.mn[i] | a.mn[i+4]>>4<<6
		b[i+8] = a.sc[i+4]&15 | a.mn[i+4]<<4
	}
}

// putHalves packs bits 0 to 3 of the codes: weight l of each 64 in the low, l+32 in the high half of byte l.
func (a *affineBlock) putHalves(b []byte) {
	for g := range 4 {
		for l := range 32 {
			b[32*g+l] = a.q[64*g+l]&15 | a.q[64*g+32+l]<<4
		}
	}
}

// putPairs packs bits 0 and 1 of the codes: weight 32·j+l of each 128 at bit 2j of byte l.
func putPairs(b []byte, q *[block]byte) {
	for g := range 2 {
		for l := 0; l < 32; l += 8 {
			q := q[128*g+l:]
			store8(b[32*g+l:], load8(q)&lo2|load8(q[32:])&lo2<<2|load8(q[64:])&lo2<<4|load8(q[96:])&lo2<<6)
		}
	}
}

// Eight bytes of small numbers, such as codes, are packed together: constants have the same bits in each byte.
const (
	ones = 0x0101010101010101
	lo2  = 3 * ones
)

func load8(b []byte) uint64     { return binary.LittleEndian.Uint64(b) }
func store8(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }

// signedForm is a type whose groups of 16 have a scale only: w = d·sc·q, with q from -n to n-1 and sc from -scales to
// scales-1.
type signedForm struct {
	symmetric
	scales float32
}

// Without importance, the errors of Q3_K are weighed by x². The few largest weights of a group decide then, and a scale
// that is found for them far from the first one leaves the others with larger errors: such models are worse. So only the
// scale is tried that gives the largest weight its code, and what fitting leads to from there. docs/experiments.md has the
// figures.
var (
	formQ3K         = signedForm{signedCodes(4, []float32{0}, false), 32}
	formQ3KWeighted = signedForm{signedCodes(4, steps(-0.6, 0.3, 0.95), true), 32}
	formQ6K         = signedForm{signedCodes(32, steps(-0.9, 0.3, 0.95), false), 128}
)

// signedBlock is a block of such a type, not packed yet; codes are q+n.
type signedBlock struct {
	q  [block]byte
	sc [block / 16]int8
	d  uint16 // half float
}

// encode fills the block with the codes of 256 weights x, whose errors weigh w.
func (a *signedBlock) encode(f *signedForm, x, w []float32) {
	const span = block / 2
	var parts [2]groups
	var ds [2]lanes
	for i := range parts {
		parts[i].set(x[i*span:][:span], w[i*span:][:span], 16)
		ds[i] = parts[i].search(&f.symmetric)
	}
	var d float32
	a.d, d = half(-largest(ds[:]) / f.scales)
	var fit blockFit
	for i := range parts {
		ds[i] = parts[i].roundScales(f.codes, f.scales, &ds[i], d, &fit)
		for l, sc := range ds[i] {
			a.sc[len(ds[i])*i+l] = int8(sc)
		}
	}
	if fit.aa > 0 {
		a.d, d = half(float32(fit.xa / fit.aa))
	}
	for i := range parts {
		var shift lanes
		inv := invertScales(&ds[i], d)
		parts[i].codes(a.q[i*span:][:span], &shift, &inv, f.low, f.top)
	}
}

// largest returns the value of the largest magnitude, the first of several.
func largest(all []lanes) (most float32) {
	for i := range all {
		for _, v := range all[i] {
			if abs(v) > abs(most) {
				most = v
			}
		}
	}
	return most
}

// invertScales returns 1/(d·sc).
func invertScales(sc *lanes, d float32) (inv lanes) {
	for l, c := range sc {
		inv[l] = invert(d * c)
	}
	return inv
}

// roundScales returns the integers near ds/d, from -n to n-1, with the least error of d·sc·q, and adds the groups to the
// fit.
func (g *groups) roundScales(c codes, n float32, ds *lanes, d float32, fit *blockFit) (sc lanes) {
	var near, tried, best, shift lanes
	for l := range near {
		near[l] = clamp(round(ds[l]*invert(d)), -n, n-1)
	}
	var chosen kernel.FitSums
	for i, by := range around {
		for l := range tried {
			tried[l] = near[l] + by
		}
		inv := invertScales(&tried, d)
		s := g.sums(c, &shift, &inv)
		for l, c := range tried {
			if c < -n || c > n-1 {
				continue
			}
			if gain := g.gain(l, &s, d*c, 0); i == 0 || gain > best[l] {
				best[l], sc[l] = gain, c
				chosen.QQ[l], chosen.XQ[l] = s.QQ[l], s.XQ[l]
			}
		}
	}
	for l := range sc {
		fit.add(sums{0, chosen.QQ[l], chosen.XQ[l]}, g.all.W[l], g.all.WX[l], sc[l], 0)
	}
	return sc
}

func encodeQ3K(b []byte, x, w []float32) { putQ3K(b, &formQ3K, x, w) }

func encodeQ3KWeighted(b []byte, x, w []float32) { putQ3K(b, &formQ3KWeighted, x, w) }

func putQ3K(b []byte, f *signedForm, x, w []float32) {
	var a signedBlock
	a.encode(f, x, w)
	clear(b)
	for l := 0; l < 32; l += 8 {
		third := uint64(0)
		for j := range 8 {
			third |= load8(a.q[32*j+l:]) >> 2 & ones << j
		}
		store8(b[l:], third)
	}
	putPairs(b[32:], &a.q)
	for i, sc := range a.sc {
		c := byte(sc + 32)
		b[96+i%8] |= c & 15 << (i / 8 * 4)
		b[104+i%4] |= c >> 4 << (i / 4 * 2)
	}
	binary.LittleEndian.PutUint16(b[108:], a.d)
}

func encodeQ6K(b []byte, x, w []float32) {
	var a signedBlock
	a.encode(&formQ6K, x, w)
	for g := range 2 {
		q := a.q[128*g:]
		for l := range 64 {
			b[64*g+l] = q[l]&15 | q[l+64]<<4
		}
		for l := range 32 {
			b[128+32*g+l] = q[l]>>4 | q[l+32]>>4<<2 | q[l+64]>>4<<4 | q[l+96]>>4<<6
		}
	}
	for i, sc := range a.sc {
		b[192+i] = byte(sc)
	}
	binary.LittleEndian.PutUint16(b[208:], a.d)
}
