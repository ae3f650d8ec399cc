package encode

import (
	"encoding/binary"
	"math"
	"math/bits"
	"sync"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

// The types whose weights are, eight or four at a time, a point of a lattice with signs: w = d·unit·(2·sc+1)·±point,
// with sc of 4 bits per 32 or 16 weights. File iq.go of package kernel shows the layouts. With even signs, the number
// of negative ones among eight weights is even: where it is not, the weight that matters least gets the wrong sign.

// lattice is one of these types.
type lattice struct {
	typ    ggtype.Type
	dims   int // of a point
	size   int // weights that share sc
	even   bool
	unit   float32
	values []float32 // of a coordinate, ascending, nearly evenly spaced

	once    sync.Once
	inverse float32 // of the mean distance of values
	points  [][8]float32
	near    [][nearest8]uint16 // points, by the nearest value of each coordinate; see key
}

// nearest8 is how many points are looked at for a way to round the coordinates by themselves.
const nearest8 = 8

var (
	values2    = []float32{8, 25, 43}
	values3xxs = []float32{4, 12, 20, 28, 36, 44, 52, 62}
	values3s   = []float32{1, 3, 5, 7, 9, 11, 13, 15}

	latticeIQ2XXS = &lattice{typ: ggtype.IQ2_XXS, dims: 8, size: 32, even: true, unit: 0.125, values: values2}
	latticeIQ2XS  = &lattice{typ: ggtype.IQ2_XS, dims: 8, size: 16, even: true, unit: 0.125, values: values2}
	latticeIQ2S   = &lattice{typ: ggtype.IQ2_S, dims: 8, size: 16, unit: 0.125, values: values2}
	latticeIQ3XXS = &lattice{typ: ggtype.IQ3_XXS, dims: 4, size: 32, even: true, unit: 0.25, values: values3xxs}
	latticeIQ3S   = &lattice{typ: ggtype.IQ3_S, dims: 4, size: 32, unit: 1, values: values3s}
)

// init lists the points, and which are nearest to each way to round.
func (l *lattice) init() {
	last := len(l.values) - 1
	l.inverse = float32(last) / (l.values[last] - l.values[0])
	for _, p := range kernel.Lattice(l.typ) {
		var point [8]float32
		for j := range l.dims {
			point[j] = float32(byte(p >> (8 * j)))
		}
		l.points = append(l.points, point)
	}
	n := 1
	for range l.dims {
		n *= len(l.values)
	}
	l.near = make([][nearest8]uint16, n)
	for key := range l.near {
		rest := key
		var at [8]float32
		for j := range l.dims {
			at[j] = l.values[rest%len(l.values)]
			rest /= len(l.values)
		}
		l.near[key] = l.nearest(at[:l.dims])
	}
}

// nearest returns the points with the least distance from at, the nearest first.
func (l *lattice) nearest(at []float32) (near [nearest8]uint16) {
	var dist [nearest8]float32
	for i := range dist {
		dist[i] = math.MaxFloat32
	}
	for i := range l.points {
		sum := float32(0)
		for j, v := range at {
			d := l.points[i][j] - v
			sum += d * d
		}
		k := nearest8
		for ; k > 0 && sum < dist[k-1]; k-- {
			if k < nearest8 {
				dist[k], near[k] = dist[k-1], near[k-1]
			}
		}
		if k < nearest8 {
			dist[k], near[k] = sum, uint16(i)
		}
	}
	return near
}

// key returns the way to round coordinates by themselves, to values at even distances.
func (l *lattice) key(y []float32) int {
	key, place := 0, 1
	first, inv, last := l.values[0], l.inverse, float32(len(l.values)-1)
	for _, v := range y {
		key += int(max(0, min(last, (v-first)*inv))+0.5) * place
		place *= len(l.values)
	}
	return key
}

// closest returns the point for coordinates y, whose errors weigh w, and its error.
func (l *lattice) closest(y, w []float32) (chosen uint16, least float32) {
	w = w[:len(y)]
	for n, i := range l.near[l.key(y)] {
		p := l.points[i][:len(y)]
		var even, odd float32 // side by side: an addition waits for the one before it
		for j := 1; j < len(y); j += 2 {
			a, b := y[j-1]-p[j-1], y[j]-p[j]
			even += w[j-1] * a * a
			odd += w[j] * b * b
		}
		if e := even + odd; n == 0 || e < least {
			chosen, least = i, e
		}
	}
	return chosen, least
}

// choose finds the points for weights x at scale 1/inv, writes their numbers to idx unless that is nil, and returns the
// sums.
func (l *lattice) choose(idx []uint16, x, w []float32, inv float32) (s sums) {
	var backing [8]float32
	y := backing[:l.dims]
	for at := 0; at < len(x); at += l.dims {
		x, w := x[at:at+l.dims], w[at:at+l.dims]
		for j, v := range x {
			y[j] = v * inv
		}
		chosen, _ := l.closest(y, w)
		for j, v := range x {
			p := l.points[chosen][j]
			s.qq += w[j] * p * p
			s.xq += w[j] * v * p
		}
		if idx != nil {
			idx[at/l.dims] = chosen
		}
	}
	return s
}

// latticeBlock is a block, not packed yet.
type latticeBlock struct {
	x     [block]float32 // without signs, except where a sign is wrong
	idx   [block / 4]uint16
	signs [block / 8]byte
	sc    [block / 16]byte
	d     uint16
}

// encode fills the block with the codes of 256 weights x, whose errors weigh w.
func (b *latticeBlock) encode(l *lattice, x, w []float32) {
	l.once.Do(l.init)
	b.split(l, x, w)
	var ds [block / 16]float32
	n, most := block/l.size, float32(0)
	span := l.size * len(lanes{})
	for at := 0; at < block; at += span {
		l.search(ds[at/l.size:], b.x[at:at+span], w[at:at+span])
	}
	for _, d := range ds {
		most = max(most, d)
	}
	_, d := half(most / 31 / l.unit)
	var fit blockFit
	for g := range n {
		x, w := b.x[g*l.size:][:l.size], w[g*l.size:][:l.size]
		sc, s := roundScale(ds[g], d*l.unit, 15, func(inv float32) sums { return l.choose(nil, x, w, inv) })
		b.sc[g] = sc
		fit.add(s, 0, 0, 2*float32(sc)+1, 0)
	}
	if fit.aa > 0 && fit.xa > 0 {
		d = float32(fit.xa/fit.aa) / l.unit
	}
	b.d, d = half(d)
	for g := range n {
		scale := d * l.unit * (2*float32(b.sc[g]) + 1)
		l.choose(b.idx[g*l.size/l.dims:], b.x[g*l.size:][:l.size], w[g*l.size:][:l.size], invert(scale))
	}
}

// split takes the signs off the weights.
func (b *latticeBlock) split(l *lattice, x, w []float32) {
	for at := 0; at < block; at += 8 {
		signs, least := byte(0), at
		for j := at; j < at+8; j++ {
			if b.x[j] = abs(x[j]); x[j] < 0 {
				signs |= 1 << (j - at)
			}
			if w[j]*x[j]*x[j] < w[least]*x[least]*x[least] {
				least = j
			}
		}
		if l.even && bits.OnesCount8(signs)%2 != 0 {
			signs ^= 1 << (least - at)
			b.x[least] = -b.x[least]
		}
		b.signs[at/8] = signs
	}
}

// tries are the shares of the largest coordinate that the largest weight is tried at: the first two make it one of the
// smaller coordinates of IQ2, for weights that are all about the same.
var tries = []float32{0.19, 0.58, 0.75, 0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3}

// finalists is how many of the tries are compared with points of the lattice.
const finalists = 4

// search sets d to the scales of eight groups of weights x: x ≈ d·points. All tries are compared as if each coordinate
// could be rounded by itself, to values at even distances; the best of them with points.
func (l *lattice) search(d, x, w []float32) {
	var g groups
	g.set(x, w, l.size)
	last := len(l.values) - 1
	first, top := l.values[0], l.values[last]
	step := 1 / l.inverse
	var best [len(lanes{})][finalists]factor // of inv instead of d
	for _, v := range tries {
		var shift, inv, perStep lanes
		for i := range inv {
			if most := g.all.Hi[i]; most >= tiny {
				inv[i] = v * top / most
				shift[i], perStep[i] = first/inv[i], inv[i]*l.inverse
			}
		}
		s := g.Sums(&shift, &perStep, 0, float32(last))
		for i := range inv {
			qq := step*step*s.QQ[i] + 2*step*first*s.Q[i] + first*first*g.all.W[i]
			xq := step*s.XQ[i] + first*g.all.WX[i]
			if qq > 0 && xq > 0 {
				keep(best[i][:], factor{inv[i], xq * xq / qq})
			}
		}
	}
	for i := range best {
		var found factor
		for _, f := range best[i] {
			if f.gain > 0 {
				found.offer(l.choose(nil, x[i*l.size:][:l.size], w[i*l.size:][:l.size], f.d))
			}
		}
		d[i] = found.d
	}
}

// keep keeps f if it is among the best, which are sorted.
func keep(best []factor, f factor) {
	for i := range best {
		if f.gain > best[i].gain {
			best[i], f = f, best[i]
		}
	}
}

// factor is the scale with the least error so far: x ≈ d·q; any is better than the zero value.
type factor struct{ d, gain float32 }

// offer considers codes, at the scale that suits them best.
func (f *factor) offer(s sums) {
	if s.qq > 0 && s.xq > 0 && s.xq*s.xq > f.gain*s.qq {
		f.d = s.xq / s.qq
		f.gain = f.d * s.xq
	}
}

// roundScale returns the integer scale up to top with the least error for weights of scale d, where scales are
// unit·(2·sc+1), and the sums. choose returns the sums at scale 1/inv.
func roundScale(d, unit, top float32, choose func(inv float32) sums) (best byte, sum sums) {
	near, most := clamp(round((d*invert(unit)-1)/2), 0, top), float32(0)
	for i, c := range [3]float32{near, near - 1, near + 1} {
		if c < 0 || c > top {
			continue
		}
		scale := unit * (2*c + 1)
		s := choose(invert(scale))
		if gain := 2*scale*s.xq - scale*scale*s.qq; i == 0 || gain > most {
			most, best, sum = gain, byte(c), s
		}
	}
	return best, sum
}

// word is 4 groups of 7 signs and an sc, as IQ2_XXS and IQ3_XXS have them per 32 weights.
func (b *latticeBlock) word(g int) uint32 {
	word := uint32(b.sc[g]) << 28
	for i, s := range b.signs[4*g : 4*g+4] {
		word |= uint32(s&127) << (7 * i)
	}
	return word
}

func encodeIQ2XXS(b []byte, x, w []float32) {
	var a latticeBlock
	a.encode(latticeIQ2XXS, x, w)
	binary.LittleEndian.PutUint16(b, a.d)
	for g := range 8 {
		for i := range 4 {
			b[2+8*g+i] = byte(a.idx[4*g+i])
		}
		binary.LittleEndian.PutUint32(b[6+8*g:], a.word(g))
	}
}

func encodeIQ2XS(b []byte, x, w []float32) {
	var a latticeBlock
	a.encode(latticeIQ2XS, x, w)
	binary.LittleEndian.PutUint16(b, a.d)
	for i := range 32 {
		binary.LittleEndian.PutUint16(b[2+2*i:], a.idx[i]|uint16(a.signs[i]&127)<<9)
	}
	a.putNibbles(b[66:74])
}

func encodeIQ2S(b []byte, x, w []float32) {
	var a latticeBlock
	a.encode(latticeIQ2S, x, w)
	binary.LittleEndian.PutUint16(b, a.d)
	clear(b[66:74])
	for i := range 32 {
		b[2+i], b[34+i] = byte(a.idx[i]), a.signs[i]
		b[66+i/4] |= byte(a.idx[i]>>8) << (i % 4 * 2)
	}
	a.putNibbles(b[74:82])
}

// putNibbles packs sc in four bits, the first of two in the low half.
func (b *latticeBlock) putNibbles(dst []byte) {
	for i := range dst {
		dst[i] = b.sc[2*i] | b.sc[2*i+1]<<4
	}
}

func encodeIQ3XXS(b []byte, x, w []float32) {
	var a latticeBlock
	a.encode(latticeIQ3XXS, x, w)
	binary.LittleEndian.PutUint16(b, a.d)
	for i, p := range a.idx {
		b[2+i] = byte(p)
	}
	for g := range 8 {
		binary.LittleEndian.PutUint32(b[66+4*g:], a.word(g))
	}
}

func encodeIQ3S(b []byte, x, w []float32) {
	var a latticeBlock
	a.encode(latticeIQ3S, x, w)
	binary.LittleEndian.PutUint16(b, a.d)
	clear(b[66:74])
	for i, p := range a.idx {
		b[2+i] = byte(p)
		b[66+i/8] |= byte(p>>8) << (i % 8)
	}
	copy(b[74:106], a.signs[:])
	a.putNibbles(b[106:110])
}
