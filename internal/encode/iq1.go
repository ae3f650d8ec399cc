package encode

import (
	"encoding/binary"
	"slices"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// IQ1: w = d·(2·sc+1)·(point ± 1/8), where a point has eight coordinates of -1, 0 and 1 and sc three bits. IQ1_S has an
// sc and a sign of the eighth per 32 weights, IQ1_M an sc per 16 weights and a sign per 8.

// latticeIQ1 is the lattice of IQ1. Its coordinates are eighths, plus 8: 0, 8 and 16, so that the shift is 1.
var latticeIQ1 = &lattice{typ: ggtype.IQ1_S, dims: 8, values: []float32{0, 8, 16}}

// oneBit is one of the two types.
type oneBit struct {
	size  int // weights that share sc
	shift int // weights that share a sign of the eighth
}

// oneBitBlock is a block, not packed yet.
type oneBitBlock struct {
	idx   [block / 8]uint16
	minus [block / 8]bool
	sc    [block / 16]byte
	d     uint16
}

// choose finds points and signs for weights x, whose errors weigh w, at scale 1/inv of an eighth. It writes them to
// idx and minus unless those are nil, and returns the sums over coordinates in eighths.
func (o *oneBit) choose(idx []uint16, minus []bool, x, w []float32, inv float32) (s sums) {
	for at := 0; at < len(x); at += o.shift {
		x, w := x[at:at+o.shift], w[at:at+o.shift]
		var points [2][4]uint16
		var side [2]sums
		var errs [2]float32
		for i, shift := range [2]float32{1, -1} {
			for p := 0; p < len(x); p += 8 {
				points[i][p/8] = side[i].point(x[p:p+8], w[p:p+8], inv, shift, &errs[i])
			}
		}
		better := 0
		if errs[1] < errs[0] {
			better = 1
		}
		s.qq += side[better].qq
		s.xq += side[better].xq
		for p := 0; idx != nil && p < len(x)/8; p++ {
			idx[at/8+p], minus[at/8+p] = points[better][p], better == 1
		}
	}
	return s
}

// point finds the point for eight weights and adds to the sums and to the error.
func (s *sums) point(x, w []float32, inv, shift float32, e *float32) uint16 {
	var y [8]float32
	for j, v := range x {
		y[j] = float32(v*inv) - shift + 8
	}
	chosen, least := latticeIQ1.closest(y[:], w)
	*e += least
	for j, v := range x {
		c := latticeIQ1.points[chosen][j] - 8 + shift
		s.qq += w[j] * c * c
		s.xq += w[j] * v * c
	}
	return chosen
}

// search sets d to the scales of an eighth for weights x that fill eight groups with a sign of the eighth each, as if each
// coordinate could be rounded by itself. The largest weight is tried at one to three times a coordinate: of normally
// distributed weights a third should become 0.
func (o *oneBit) search(d, x, w []float32) {
	var g groups
	g.set(x, w, o.shift)
	per := o.size / o.shift // groups that share a scale
	var most lanes
	for l := range most {
		at := l / per * per
		for i := at; i < at+per; i++ {
			most[l] = max(most[l], abs(g.most(i)))
		}
	}
	var best [len(lanes{})]factor
	for v := float32(0.75); v <= 3.25; v += 0.125 {
		var inv lanes
		for l, m := range most {
			if m >= tiny {
				inv[l] = v / m
			}
		}
		chosen := g.eighths(&inv)
		for l := 0; l < len(inv); l += per {
			var s sums
			for i := l; i < l+per; i++ {
				s.qq += chosen[i].qq
				s.xq += chosen[i].xq
			}
			best[l/per].offer(s)
		}
	}
	for i := range len(most) / per {
		d[i] = best[i].d
	}
}

// eighths returns the sums for coordinates of -1, 0 and 1 and an eighth more or less, whichever errs less, in eighths.
// inv is the inverse of the scale of a coordinate.
func (g *groups) eighths(inv *lanes) (all [len(lanes{})]sums) {
	for side, by := range [2]float32{0.125, -0.125} {
		var shift lanes
		for l, inv := range inv {
			if inv > 0 {
				shift[l] = by / inv
			}
		}
		s := g.Sums(&shift, inv, -1, 1)
		for l, inv := range inv {
			qq := s.QQ[l] + 2*by*s.Q[l] + by*by*g.all.W[l]
			xq := s.XQ[l] + by*g.all.WX[l]
			// Σw·(x − c/inv)² is less where 2·inv·xq − qq is more.
			if t := (sums{0, 64 * qq, 8 * xq}); side == 0 || 16*inv*t.xq-t.qq > 16*inv*all[l].xq-all[l].qq {
				all[l] = t
			}
		}
	}
	return all
}

// encode fills the block with the codes of 256 weights x, whose errors weigh w.
func (b *oneBitBlock) encode(o *oneBit, x, w []float32) {
	latticeIQ1.once.Do(latticeIQ1.init)
	var ds [block / 16]float32
	n := block / o.size
	span := o.shift * len(lanes{})
	for at := 0; at < block; at += span {
		o.search(ds[at/o.size:], x[at:at+span], w[at:at+span])
	}
	const eighths = 8
	_, d := half(slices.Max(ds[:]) / 15 * eighths)
	var fit blockFit
	for g := range n {
		x, w := x[g*o.size:][:o.size], w[g*o.size:][:o.size]
		sc, s := roundScale(ds[g], d/eighths, 7, func(inv float32) sums { return o.choose(nil, nil, x, w, inv) })
		b.sc[g] = sc
		fit.add(s, 0, 0, 2*float32(sc)+1, 0)
	}
	if fit.aa > 0 && fit.xa > 0 {
		d = float32(fit.xa/fit.aa) * eighths
	}
	b.d, d = half(d)
	for g := range n {
		at := g * o.size
		scale := d / eighths * (2*float32(b.sc[g]) + 1)
		o.choose(b.idx[at/8:], b.minus[at/8:], x[at:at+o.size], w[at:at+o.size], invert(scale))
	}
}

func encodeIQ1S(b []byte, x, w []float32) {
	var a oneBitBlock
	a.encode(&oneBit{size: 32, shift: 32}, x, w)
	binary.LittleEndian.PutUint16(b, a.d)
	for g := range 8 {
		word := uint16(a.sc[g]) << 12
		if a.minus[4*g] {
			word |= 1 << 15
		}
		for i, p := range a.idx[4*g : 4*g+4] {
			b[2+4*g+i] = byte(p)
			word |= p >> 8 << (3 * i)
		}
		binary.LittleEndian.PutUint16(b[34+2*g:], word)
	}
}

func encodeIQ1M(b []byte, x, w []float32) {
	var a oneBitBlock
	a.encode(&oneBit{size: 16, shift: 8}, x, w)
	clear(b[32:48])
	for i, p := range a.idx {
		b[i] = byte(p)
		high := byte(p >> 8)
		if a.minus[i] {
			high |= 8
		}
		b[32+i/2] |= high << (i % 2 * 4)
	}
	for i := range 4 {
		word := a.d >> (4 * i) << 12
		for j, sc := range a.sc[4*i : 4*i+4] {
			word |= uint16(sc) << (3 * j)
		}
		binary.LittleEndian.PutUint16(b[48+2*i:], word)
	}
}
