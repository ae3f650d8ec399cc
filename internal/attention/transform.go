package attention

import (
	"fmt"
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// Transform says how keys, or values, of a layer become codes. A head's vector x is turned into components that vary
// independently, and each gets the bits that its errors are worth:
//
//	y = x·Forward        component c in units of its step
//	u = ⌊y/gain + 2^(bits-1)⌋, cut to 0 … 2^bits-1
//	x ≈ Σ_c gain·(u_c - (2^bits-1)/2)·Back_c
//
// with one gain per token and head, of 16 that are a third of an octave apart. Components of no bits are left out.
type Transform struct {
	Bits    []int       // of each component, 1 … 8
	Deviate []float32   // the standard deviation of each component of y
	Worth   [][]float32 // per key/value head [components]: what an error of a step costs
	Forward [][]float32 // per key/value head [size, components]
	Back    [][]float32 // per key/value head [size, components]
}

// MaxCodeBits is the most bits of a component, and MaxMeanStep how many positions may share a mean, in powers of two.
const (
	MaxCodeBits = 8
	MaxMeanStep = recentStep
)

// exactTokens is how many tokens at the beginning of a text are never in codes: models look at them whatever they say,
// and they are unlike all others.
const exactTokens = 4

// Code is how a layer keeps the tokens that are not recent in a cache of the format Calibrated: keys and values in
// codes, see Transform. It is read only once it is made.
type Code struct {
	keys, values Transform
	runs         []run // of a key's codes
	planes       []run // of a value's, by bits; of a row's those that the runs become when they are turned
	runBytes     int   // of a key
	planeBytes   int   // of a value
	planeRows    int
	levels       [2]levels   // of keys, of values
	output       [][]float32 // per key/value head [planeRows, ValueSize]: what planes' sums are worth
	means        *keyMeans   // or nil
}

// run are columns, or rows, of codes of the same bits: parts of components' codes. Components are cut into parts of 4, 2
// and 1 bits, the highest first.
type run struct {
	bits  int
	parts []part
	worth []float32 // of each part's lowest bit, 0 beyond the last
}

func newRun(bits int, parts []part) run {
	r := run{bits: bits, parts: parts, worth: make([]float32, len(parts))}
	for i, p := range parts {
		if p.comp >= 0 {
			r.worth[i] = float32(int(1) << p.shift)
		}
	}
	return r
}

// part is what of a component's code a column has: its bits from shift on. A column beyond the last has a comp of -1.
type part struct{ comp, shift int }

func (r *run) size() int { return len(r.parts) * r.bits }

// CodedBits returns how many bits a head's key, or value, takes in codes of components with these bits, padding included.
func CodedBits(bits []int, value bool) int {
	cut := keyRuns
	if value {
		cut = valuePlanes
	}
	n := 0
	for _, r := range cut(bits) {
		n += r.size()
	}
	return n
}

// partsOf returns the parts of components' codes that have bits, the largest shift first.
func partsOf(bits []int, width int) []part {
	var out []part
	for shift := 8; shift >= 0; shift-- {
		for c, b := range bits {
			for left := b; left > 0; {
				w := 4
				for w > left {
					w /= 2
				}
				left -= w
				if w == width && left == shift {
					out = append(out, part{c, shift})
				}
			}
		}
	}
	return out
}

// keyRuns cuts the codes of keys into runs that share a query's scale.
func keyRuns(bits []int) []run {
	var out []run
	for _, w := range []int{4, 2, 1} {
		most := 4 * kernel.MaxTile / w
		for parts := partsOf(bits, w); len(parts) > 0; {
			n := 0
			for n < len(parts) && n < most && (parts[n].shift == parts[0].shift || n%kernel.StepCols(w) != 0) {
				n++
			}
			out = append(out, newRun(w, pad(parts[:n:n], kernel.StepCols(w))))
			parts = parts[n:]
		}
	}
	return out
}

// valuePlanes cuts the codes of values by bits.
func valuePlanes(bits []int) []run {
	var out []run
	for _, w := range []int{4, 2, 1} {
		if parts := partsOf(bits, w); len(parts) > 0 {
			out = append(out, newRun(w, pad(parts, 8)))
		}
	}
	return out
}

func pad(parts []part, to int) []part {
	for len(parts)%to != 0 {
		parts = append(parts, part{comp: -1})
	}
	return parts
}

// NewCode returns the codes of a layer like l. Mean [KVHeads, KeySize] is what keys have in common before RoPE, whose
// biases are part of it; it is left out before the transform as CarryBias does, for step positions at a time. Without a
// mean keys are as they are.
func NewCode(l *Layer, keys, values Transform, mean []float32, rope Rotation, step int) (*Code, error) {
	if l.latent || l.recent != nil || l.expanded != nil || l.both {
		return nil, fmt.Errorf("codes of keys and values where there are rows, or an encoder has them")
	}
	if err := keys.check(l.KVHeads, l.KeySize); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if err := values.check(l.KVHeads, l.ValueSize); err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	c := &Code{keys: keys, values: values, runs: keyRuns(keys.Bits), planes: valuePlanes(values.Bits)}
	c.levels = [2]levels{keys.levels(noiseWeight), values.levels(0)}
	for _, r := range c.runs {
		c.runBytes += r.size()
	}
	c.runBytes = (c.runBytes + 7) / 8
	for _, r := range c.planes {
		c.planeBytes += r.size()
		c.planeRows += len(r.parts)
	}
	c.planeBytes /= 8
	for g := range l.KVHeads {
		c.output = append(c.output, outputOf(c.planes, values.Back[g], len(values.Bits), l.ValueSize))
	}
	if mean != nil {
		if step < 1 || step > MaxMeanStep || step&(step-1) != 0 {
			return nil, fmt.Errorf("a mean for %d positions, want a power of two up to %d", step, MaxMeanStep)
		}
		c.means = newKeyMeans(l, mean, rope, step, true)
	}
	return c, nil
}

// check finds what kernels could not bear.
func (t *Transform) check(heads, size int) error {
	n := len(t.Bits)
	if n == 0 || n > size || len(t.Deviate) != n || len(t.Worth) != heads || len(t.Forward) != heads || len(t.Back) != heads {
		return fmt.Errorf("%d components of %d values, %d deviations, matrices of %d and %d heads, of %d", n, size, len(t.Deviate), len(t.Forward), len(t.Back), heads)
	}
	for g := range heads {
		if len(t.Worth[g]) != n || len(t.Forward[g]) != size*n || len(t.Back[g]) != size*n {
			return fmt.Errorf("matrices of %d and %d values, want %d·%d", len(t.Forward[g]), len(t.Back[g]), size, n)
		}
	}
	for i, b := range t.Bits {
		if b < 1 || b > MaxCodeBits || !(t.Deviate[i] > 0) || math.IsInf(float64(t.Deviate[i]), 0) {
			return fmt.Errorf("component %d: %d bits, deviation %v", i, b, t.Deviate[i])
		}
	}
	return nil
}

// outputOf returns what the sums of planes' rows are worth in values, of which back [size, n] makes n components.
func outputOf(planes []run, back []float32, n, size int) []float32 {
	var out []float32
	for _, r := range planes {
		for _, p := range r.parts {
			row := make([]float32, size)
			for i := range row {
				if p.comp >= 0 {
					row[i] = back[i*n+p.comp] * float32(int(1)<<p.shift)
				}
			}
			out = append(out, row...)
		}
	}
	return out
}

// rowBytes returns what a token of a head takes, its gains included.
func (c *Code) rowBytes() int { return c.runBytes + c.planeBytes + 1 }

// SetCode makes the layer's form for caches of the format Calibrated. It is called before In.
func (l *Layer) SetCode(c *Code) { l.calibrated = c }

// firstGain is the number of a gain of 1.
const firstGain = 6

// gains are those of a token, by their number of 4 bits.
var gains = func() (t [16]float32) {
	for i := range t {
		t[i] = float32(math.Exp2(float64(i-firstGain) / 3))
	}
	return t
}()

// gainsAbove is how many gains are tried for a vector beside the one that its energy says: outliers want larger ones.
const gainsAbove = 4

// noiseWeight is what the rounding of keys costs beyond its square. The softmax turns noise in a score into weight, on
// average, so that a key whose gain is raised for one outlier draws attention to itself; one that is cut short loses
// some. docs/experiments.md has the figures.
const noiseWeight = 6

// levels are what a Transform's components are rounded by.
type levels struct {
	half, most []float32 // per component: half of the codes, and the largest
	weight     []float32 // one over its variance
	noise      []float32 // per key/value head: noiseWeight times what rounding costs at a gain of 1; 0 of values
}

func (t *Transform) levels(noiseWeight float32) (l levels) {
	for c, b := range t.Bits {
		n := float32(int(1) << b)
		l.half, l.most = append(l.half, n/2), append(l.most, n-1)
		l.weight = append(l.weight, 1/(t.Deviate[c]*t.Deviate[c]*float32(len(t.Bits))))
	}
	for _, worth := range t.Worth {
		l.noise = append(l.noise, noiseWeight/12*vek32.Sum(worth)) // a step's error has a variance of 1/12
	}
	return l
}

// quantize writes the codes of a vector's components of head g and returns the number of their gain: the one whose
// errors cost least.
func (t *Transform) quantize(u []int32, y []float32, l *levels, g int) (gain byte) {
	energy := float32(0)
	for c, w := range l.weight {
		energy += y[c] * y[c] * w
	}
	first := firstGain + int(math.Round(1.5*math.Log2(max(float64(energy), 1e-9))))
	first = min(max(first, 0), len(gains)-1)
	best, least, last := first, float32(math.Inf(1)), first
	for i := first; i <= min(first+gainsAbove, len(gains)-1); i++ {
		noise := l.noise[g] * gains[i] * gains[i]
		cost := kernel.QuantizeSteps(u, y, l.half, l.most, t.Worth[g], gains[i]) + noise*noise
		if last = i; cost < least {
			best, least = i, cost
		}
	}
	if last != best {
		kernel.QuantizeSteps(u, y, l.half, l.most, t.Worth[g], gains[best])
	}
	return byte(best)
}

// keyRun returns head g's codes of keys of all positions in the chunk of pos, in a run that offset bits of a key lie
// before.
func (s *Store) keyRun(g, pos, offset int, r *run) kernel.Codes {
	codes := s.codes[pos/s.size][s.size*s.layer.code.rowBytes()*g:][s.size*offset/8:]
	return kernel.Codes{Codes: codes[:s.size*r.size()/8], Rows: s.size, Cols: len(r.parts), Bits: r.bits}
}

// valuePlane returns head g's codes of n positions from pos on, whole groups in one chunk, in a plane that offset bytes
// of a token's value lie before.
func (s *Store) valuePlane(g, pos, n, offset int, r *run) kernel.Codes {
	c, at := s.layer.code, pos%s.size
	codes := s.codes[pos/s.size][s.size*c.rowBytes()*g:][s.size*(c.runBytes+offset):]
	return kernel.Codes{Codes: codes[at*r.size()/8:][:n*r.size()/8], Rows: len(r.parts), Cols: n, Bits: r.bits}
}

// planeColumns returns head g's codes of n positions from pos on, whole groups in one chunk, in a plane that offset bits
// of a token's value lie before, as columns of tokens.
func (s *Store) planeColumns(g, pos, n, offset int, r *run, sc *Scratch) kernel.Codes {
	if s.layer.latent {
		return s.keyRun(g, pos, offset, r).Turned(sc.columns, pos%s.size, n)
	}
	return s.valuePlane(g, pos, n, offset/8, r)
}

// tokenGains returns the numbers of head g's gains from position pos to the end of its chunk, a value's in the high half.
func (s *Store) tokenGains(g, pos int) []byte {
	c, at := s.layer.code, pos%s.size
	return s.codes[pos/s.size][s.size*c.rowBytes()*g:][s.size*(c.runBytes+c.planeBytes):][:s.size][at:]
}

// setQueries readies n queries of heads that share keys of head g, ld apart, as rows first … of all.
func (c *Code) setQueries(sc *Scratch, q []float32, g, n, ld, first, all int) {
	comps, size := len(c.keys.Bits), len(c.keys.Back[g])/len(c.keys.Bits)
	y := sc.group[:n*comps]
	clear(y)
	kernel.WeightedSumF32(y, comps, q, ld, n, c.keys.Back[g], comps, size, comps)
	for len(sc.runs) < len(c.runs) {
		sc.runs = append(sc.runs, kernel.Factors{})
	}
	for k := range c.runs {
		r := &c.runs[k]
		x := sc.weights[:len(r.parts)]
		for i := range n {
			row := y[i*comps:][:comps]
			for col, p := range r.parts {
				x[col] = row[max(p.comp, 0)] * r.worth[col]
			}
			sc.runs[k].QuantizeRow(first+i, all, x)
		}
	}
}

// transformedScores is codedScores for codes of a Code.
func (s *Store) transformedScores(dst []float32, ldd int, sc *Scratch, first, nq, g, from, n int) {
	for at := 0; at < n; {
		m := s.run(from+at, n-at)
		for i := range nq {
			clear(dst[i*ldd+at:][:m])
		}
		offset := 0
		for k := range s.layer.code.runs {
			r := &s.layer.code.runs[k]
			sc.runs[k].AddProducts(dst[at:], ldd, first, nq, s.keyRun(g, from+at, offset, r).From((from+at)%s.size), m)
			offset += r.size()
		}
		for i, b := range s.tokenGains(g, from+at)[:m] {
			sc.scales[i] = gains[b&15]
		}
		for i := range nq {
			vek32.Mul_Inplace(dst[i*ldd+at:][:m], sc.scales[:m])
		}
		at += m
	}
}

// transformedSum is codedSum for codes of a Code: what is added are sums of planes' rows.
func (s *Store) transformedSum(out []float32, ldo int, p []float32, ldp, nq, g, from, n int, sc *Scratch) {
	for at := 0; at < n; {
		m := s.run(from+at, n-at)
		for i, b := range s.tokenGains(g, from+at)[:m] {
			sc.scales[i] = gains[b>>4]
		}
		for i := range nq {
			vek32.Mul_Into(sc.weights[i*m:][:m], p[i*ldp+at:][:m], sc.scales[:m])
		}
		sc.sumFactors.Set(sc.weights, nq, m, m)
		row, offset := 0, 0
		for k := range s.layer.code.planes {
			r := &s.layer.code.planes[k]
			sc.sumFactors.AddProducts(out[row:], ldo, 0, nq, s.planeColumns(g, from+at, m, offset, r, sc), len(r.parts))
			row, offset = row+len(r.parts), offset+r.size()
		}
		at += m
	}
}

// transformGroup is Encode for codes of a Code.
func (s *Store) transformGroup(pos, g int, wide *Store, base int, sc *Scratch) {
	c := s.layer.code
	numbers := s.tokenGains(g, pos)[:recentStep]
	u := c.keys.components(sc, g, &c.levels[0], func(i int) []uint16 { return s.groupRow(false, g, pos+i, wide, base, sc) }, func(i int, gain byte) {
		numbers[i] = gain
	})
	offset, n := 0, len(c.keys.Bits)
	for k := range c.runs {
		r := &c.runs[k]
		codes := s.keyRun(g, pos, offset, r).From(pos % s.size)
		offset += r.size()
		r.put(codes, u, n, true)
	}
	if s.layer.latent {
		for i, n := range numbers {
			numbers[i] = n | n<<4 // the value is a part of the key
		}
		return
	}
	u = c.values.components(sc, g, &c.levels[1], func(i int) []uint16 { return s.groupRow(true, g, pos+i, wide, base, sc) }, func(i int, gain byte) {
		numbers[i] |= gain << 4
	})
	offset, n = 0, len(c.values.Bits)
	for k := range c.planes {
		r := &c.planes[k]
		codes := s.valuePlane(g, pos, recentStep, offset, r)
		offset += r.size() / 8
		r.put(codes, u, n, false)
	}
}

// put sets the run's codes of a group of tokens, of n components each, which are rows or columns.
func (r *run) put(codes kernel.Codes, u []int32, n int, rows bool) {
	for at, p := range r.parts {
		switch {
		case p.comp < 0:
		case rows:
			codes.SetColumn(at, recentStep, u[p.comp:], n, p.shift)
		default:
			codes.SetRow(at, u[p.comp:], n, p.shift)
		}
	}
}

// components returns the codes of head g's vectors of a group [32, components].
func (t *Transform) components(sc *Scratch, g int, l *levels, row func(i int) []uint16, keep func(i int, gain byte)) []int32 {
	n, size := len(t.Bits), len(t.Forward[g])/len(t.Bits)
	x, y, u := sc.group[:recentStep*size], sc.coded[:recentStep*n], sc.steps[:recentStep*n]
	for i := range recentStep {
		kernel.F16ToF32(x[i*size:][:size], row(i))
	}
	clear(y)
	kernel.WeightedSumF32(y, n, x, size, recentStep, t.Forward[g], n, size, n)
	for i := range recentStep {
		keep(i, t.quantize(u[i*n:][:n], y[i*n:][:n], l, g))
	}
	return u
}

// decoded adds to out [ValueSize] what sums of planes' rows of head g are worth.
func (c *Code) decoded(out, sums []float32, g int) {
	kernel.WeightedSumF32(out, 0, sums, 0, 1, c.output[g], len(out), c.planeRows, len(out))
}

// CodedExtra returns how many bytes a session of any length takes in a layer with calibrated codes beside those: for the
// newest and the first tokens. rows says that values are the ends of keys.
func CodedExtra(g attn.Geometry, rows bool) int {
	r := (&Layer{Geometry: g, latent: rows}).codedRing(exactTokens)
	return (r.ringSize() + r.first) * r.tokenBytes()
}
