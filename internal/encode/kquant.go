package encode

import "encoding/binary"

// The encoders of blocks of 256 with scales of a few bits. Files k23.go, k45.go and k6.go of package kernel show the
// layouts.

// affineForm is a type whose groups have a scale and a minimum: w = d·sc·q − dmin·mn.
type affineForm struct {
	size   int     // of a group
	top    float32 // the largest code
	scales float32 // the largest sc and mn
	try    steps
}

var (
	formQ2K = affineForm{16, 3, 15, steps{-0.5, 0.2, 1.0, false}}
	formQ4K = affineForm{32, 15, 63, steps{-1, 0.2, 1.1, false}}
	formQ5K = affineForm{32, 31, 63, steps{-1, 0.2, 1.1, false}}
)

// affineBlock is a block of such a type, not packed yet.
type affineBlock struct {
	q       [block]byte
	sc, mn  [block / 16]byte // of the groups
	d, dmin uint16           // half floats
}

// encode fills the block with the codes of 256 weights x, whose errors weigh w.
func (a *affineBlock) encode(f *affineForm, x, w []float32) {
	var groups [block / 16]group
	var ds, ms [block / 16]float32
	n := block / f.size
	mostD, mostM := float32(0), float32(0)
	for i := range n {
		g := &groups[i]
		g.set(x[i*f.size:][:f.size], w[i*f.size:][:f.size])
		ds[i], ms[i] = g.searchAffine(f.top, false, f.try)
		mostD, mostM = max(mostD, ds[i]), max(mostM, -ms[i])
	}
	var d, dmin float32
	a.d, d = half(mostD / f.scales)
	a.dmin, dmin = half(mostM / f.scales)
	var fit blockFit
	for i := range n {
		sc, mn := groups[i].roundAffine(f, ds[i]*invert(d), -ms[i]*invert(dmin), d, dmin)
		a.sc[i], a.mn[i] = byte(sc), byte(mn)
		fit.add(&groups[i], groups[i].affine(-dmin*mn, invert(d*sc), f.top), sc, mn)
	}
	if fd, fm, ok := fit.solve(); ok {
		a.d, d = half(fd)
		a.dmin, dmin = half(fm)
	}
	for i := range n {
		groups[i].affineCodes(a.q[i*f.size:], -dmin*float32(a.mn[i]), invert(d*float32(a.sc[i])), f.top)
	}
}

// blockFit finds the factors d and dmin of a block with the least error for its scales and codes.
type blockFit struct{ aa, ab, bb, xa, xb float64 }

// add adds a group with scale sc and minimum mn, whose codes come to s.
func (f *blockFit) add(g *group, s sums, sc, mn float32) {
	c, m := float64(sc), float64(mn)
	f.aa += c * c * float64(s.qq)
	f.ab += c * m * float64(s.q)
	f.bb += m * m * float64(g.sw)
	f.xa += c * float64(s.xq)
	f.xb += m * float64(g.swx)
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

// roundAffine returns the integers sc and mn near those given, with the least error of d·sc·q − dmin·mn.
func (g *group) roundAffine(f *affineForm, sc, mn, d, dmin float32) (bestSc, bestMn float32) {
	sc, mn = clamp(round(sc), 0, f.scales), clamp(round(mn), 0, f.scales)
	best := float32(0)
	for i, c := range [3]float32{sc, sc - 1, sc + 1} {
		if c < 0 || c > f.scales {
			continue
		}
		s := g.affine(-dmin*mn, invert(d*c), f.top)
		m := mn
		if dmin > 0 { // the best minimum for these codes
			m = clamp(round((d*c*s.q-g.swx)/g.sw/dmin), 0, f.scales)
			if m != m {
				m = mn
			}
		}
		if gain := g.gain(s, d*c, -dmin*m); i == 0 || gain > best {
			best, bestSc, bestMn = gain, c, m
		}
	}
	return bestSc, bestMn
}

// affineCodes writes the codes round((x-m)·inv), from 0 to top.
func (g *group) affineCodes(q []byte, m, inv, top float32) {
	for i, v := range g.x {
		q[i] = byte(clamp(round(clamp(float32((v-m)*inv), 0, top)), 0, top))
	}
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
		for l := range 32 {
			q := q[128*g+l:]
			b[32*g+l] = q[0]&3 | q[32]&3<<2 | q[64]&3<<4 | q[96]&3<<6
		}
	}
}

// signedForm is a type whose groups of 16 have a scale only: w = d·sc·q, with q from -n to n-1 and sc from -scales to
// scales-1.
type signedForm struct {
	n, scales float32
	try       steps
}

var (
	formQ3K = signedForm{4, 32, steps{-0.6, 0.3, 0.95, true}}
	formQ6K = signedForm{32, 128, steps{-0.9, 0.3, 0.95, false}}
)

// signedBlock is a block of such a type, not packed yet; codes are q+n.
type signedBlock struct {
	q  [block]byte
	sc [block / 16]int8
	d  uint16 // half float
}

// encode fills the block with the codes of 256 weights x, whose errors weigh w.
func (a *signedBlock) encode(f *signedForm, x, w []float32) {
	var groups [block / 16]group
	var ds [block / 16]float32
	most := float32(0)
	for i := range groups {
		g := &groups[i]
		g.set(x[i*16:][:16], w[i*16:][:16])
		if ds[i] = g.searchSigned(f.n, f.try); abs(ds[i]) > abs(most) {
			most = ds[i]
		}
	}
	var d float32
	a.d, d = half(-most / f.scales)
	var fit blockFit
	for i := range groups {
		g := &groups[i]
		codes := func(c float32) sums { return g.signed(invert(d*c), -f.n, f.n-1) }
		sc := g.roundSigned(ds[i]*invert(d), f.scales, codes, d)
		a.sc[i] = int8(sc)
		fit.add(g, codes(sc), sc, 0)
	}
	if fit.aa > 0 {
		a.d, d = half(float32(fit.xa / fit.aa))
	}
	for i := range groups {
		g, inv := &groups[i], invert(d*float32(a.sc[i]))
		for j, v := range g.x {
			a.q[16*i+j] = byte(int(clamp(round(clamp(float32(v*inv), -f.n, f.n-1)), -f.n, f.n-1) + f.n))
		}
	}
}

// roundSigned returns the integer scale near sc, from -n to n-1, with the least error of d·sc·q; codes gives the sums
// of the codes at a scale.
func (g *group) roundSigned(sc, n float32, codes func(sc float32) sums, d float32) (bestSc float32) {
	sc = clamp(round(sc), -n, n-1)
	best := float32(0)
	for i, c := range [3]float32{sc, sc - 1, sc + 1} {
		if c < -n || c > n-1 {
			continue
		}
		if gain := g.gain(codes(c), d*c, 0); i == 0 || gain > best {
			best, bestSc = gain, c
		}
	}
	return bestSc
}

func encodeQ3K(b []byte, x, w []float32) {
	var a signedBlock
	a.encode(&formQ3K, x, w)
	clear(b)
	for i, q := range a.q {
		b[i%32] |= q >> 2 << (i / 32)
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
