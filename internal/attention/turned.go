package attention

import (
	"fmt"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// Keys and values of few bits are rotated before they are cached: kernel.Hadamard spreads what a few channels have over
// all of a head, so that a block's scale suits all of its values. Queries are rotated likewise, so that scores stay as
// they are, and outputs are rotated back once. What keys have in common is left out before, see CarryBias.

// In returns the layer as stores of a format want it: F16 has keys and values as the model computes them, Q4 rotates
// them, and so does Q8 where keys have biases: without, there is little to gain (docs/experiments.md). Q4 keeps the newest
// 32 to 63 tokens apart, in 8 bits. An error names what a format can't have.
func (l *Layer) In(f Format) (*Layer, error) {
	if f == Calibrated {
		return l.transformed(), nil
	}
	if f == F16 || f == Q8 && (l.carried == nil || l.latent) || l.recent != nil {
		if f == Q4 {
			return nil, fmt.Errorf("4-bit codes of compressed rows beside a window of recent tokens")
		}
		return l, nil
	}
	c := *l
	c.turned, c.means = true, l.carried
	if f == Q4 {
		if l.both {
			return nil, fmt.Errorf("4-bit codes of an encoder's keys and values")
		}
		c.ring = l.codedRing(0)
	}
	return &c, nil
}

// transformed returns the layer as stores of the format Calibrated want it: itself, for half floats, where nothing was
// calibrated.
func (l *Layer) transformed() *Layer {
	if l.calibrated == nil {
		return l
	}
	c := *l
	c.turned, c.code, c.means = true, l.calibrated, l.calibrated.means
	c.ring = l.codedRing(exactTokens)
	return &c
}

// codedRing is what a store with codes keeps beside them: the newest tokens, and the first of a text.
func (l *Layer) codedRing(first int) *ringShape {
	return &ringShape{codedRecent, first, l.KVHeads, l.KeySize, l.ValueSize, true, l.latent}
}

// outSize returns how many values a part of a decode step sums up for a head: those of a value, or what codes of values
// are made of.
func (l *Layer) outSize() int {
	if l.code != nil {
		return l.code.planeRows
	}
	return l.ValueSize
}

// turnedScratch is what a worker rotates with.
type turnedScratch struct {
	turned     []float32      // queries
	keyMeans   []float32      // their products with means of keys
	factors    kernel.Factors // queries of stores in 4-bit codes, of the latents of rows there
	balance    [][]float32    // of the store that queries are prepared for
	ready      []bool         // per key/value head: there are factors of its queries
	weights    []float32      // weights times scales of values
	sumFactors kernel.Factors // the same as factors
	scales     []float32
	half       []uint16
	blocks     []byte    // a key or value
	rows       []uint16  // recent tokens' keys or values
	group      []float32 // 32 keys or values of a head
	coded      []float32 // their components
	codes      []byte
	columns    []byte           // latents' codes as columns of tokens
	runs       []kernel.Factors // queries of a Code, by run
	steps      []int32          // codes of components
}

// reserveTurned makes room for scores of the size given.
func (l *Layer) reserveTurned(sc *Scratch, size int) {
	reserve(&sc.turned, max(l.Heads, prefillRows)*l.KeySize)
	if l.means != nil {
		reserve(&sc.keyMeans, size)
	}
	if l.ring == nil {
		return
	}
	most := max(l.KeySize, l.ValueSize)
	if l.code != nil {
		reserve(&sc.coded, recentStep*most)
		reserve(&sc.sums, prefillRows*(l.outSize()+l.ValueSize))
		reserve(&sc.steps, recentStep*most)
	}
	reserve(&sc.weights, max(l.Group(), prefillRows)*chunk)
	reserve(&sc.scales, chunk)
	reserve(&sc.group, max(recentStep, l.Group())*most)
	reserve(&sc.half, recentStep*blocks(most))
	reserve(&sc.codes, recentStep*most)
	if l.latent {
		reserve(&sc.coded, max(l.Heads, prefillRows)*l.ValueSize)
		reserve(&sc.sums, prefillRows*2*l.ValueSize)
		reserve(&sc.columns, chunk*max(l.latentCodes()/2, kernel.MaxTile/2))
	}
	reserve(&sc.ready, l.KVHeads)
	reserve(&sc.rows, (l.ring.tokens+recentStep)*blocks(most))
	reserve(&sc.blocks, blockBytes(most))
}

// turnQueries returns n rotated queries, KeySize apart, of those in q, ld apart.
func (l *Layer) turnQueries(sc *Scratch, q []float32, n, ld int) []float32 {
	d := l.KeySize
	for i := range n {
		row := sc.turned[i*d:][:d]
		copy(row, q[i*ld:])
		l.turn(row, false)
	}
	return sc.turned
}

// turn rotates a key, value or query as the cache has them, or back; where codes are of other components they stay as
// they are.
func (l *Layer) turn(x []float32, back bool) {
	if l.turned && !l.apart() {
		kernel.Hadamard(x, back)
	}
}

// turnToken rotates key and value of head g at pos in place, and leaves the mean out of the key.
func (l *Layer) turnToken(pos, g int, k, v []float32) {
	l.turn(k[:l.KeySize], false)
	if !l.latent {
		l.turn(v[:l.ValueSize], false) // the value of a row is its end
	}
	if l.means != nil {
		l.means.subtract(k[:l.KeySize], pos, g)
	}
}

// keyMeans are what keys of blocks of positions have in common because of the projection's bias: its mean over the
// block, rotated by RoPE and then as the cache is.
//
// Biases may be a thousand times as large as what differs from token to token, mostly in pairs that RoPE hardly
// rotates. Left out of the cached keys they take no bits; what they add to a score is one product per query and block.
type keyMeans struct {
	rope  Rotation
	plain bool        // the cache rotates nothing
	step  int         // positions of a block, a power of two up to 32
	first [][]float32 // per key/value head [d]: the mean of the block at position 0, before the cache's rotation
	table [][]uint16  // per head [blocks][d]
}

// Rotation is a position embedding.
type Rotation interface {
	Dims() int
	Magnitude() float64
	Table(dst []float32, pos int)
	Rotate(x, table []float32)
}

// CarryBias leaves a bias [KVHeads, KeySize] of keys out of what is cached, before RoPE, where a layer rotates keys (In);
// step is how many positions share what it becomes. It is called before In, and the forms' ReserveMeans before
// positions are used.
func (l *Layer) CarryBias(bias []float32, rope Rotation, step int) {
	l.carried = newKeyMeans(l, bias, rope, step, false)
}

func newKeyMeans(l *Layer, mean []float32, rope Rotation, step int, plain bool) *keyMeans {
	m := &keyMeans{rope: rope, step: step, plain: plain, table: make([][]uint16, l.KVHeads)}
	for g := range l.KVHeads {
		m.first = append(m.first, MeanOfBlock(mean[g*l.KeySize:][:l.KeySize], rope, step))
	}
	return m
}

// MeanOfBlock returns the mean of x rotated to positions 0 … step-1.
func MeanOfBlock(x []float32, rope Rotation, step int) []float32 {
	mean, row, table := make([]float32, len(x)), make([]float32, len(x)), make([]float32, rope.Dims())
	for pos := range step {
		copy(row, x)
		rope.Table(table, pos)
		rope.Rotate(row, table)
		vek32.Add_Inplace(mean, row)
	}
	vek32.MulNumber_Inplace(mean, 1/float32(step))
	return mean
}

// ReserveMeans makes CarryBias's tables for n positions, those of all forms that rotate keys. None is used meanwhile.
func (l *Layer) ReserveMeans(n int) {
	m := l.means
	if m == nil {
		return
	}
	d, b := l.KeySize, len(m.table[0])/l.KeySize
	n = (n + recentStep - 1) &^ (recentStep - 1) // whole panels of 8 bits are scored, and whole groups
	if b*m.step >= n {
		return
	}
	table, row := make([]float32, m.rope.Dims()), make([]float32, d)
	for ; b*m.step < n; b++ {
		m.rope.Table(table, b*m.step)
		vek32.MulNumber_Inplace(table, float32(1/m.rope.Magnitude())) // which the mean has already
		for g, first := range m.first {
			copy(row, first)
			m.rope.Rotate(row, table)
			if !m.plain {
				kernel.Hadamard(row, false)
			}
			m.table[g] = append(m.table[g], make([]uint16, d)...)
			kernel.F32ToF16(m.table[g][b*d:], row)
		}
	}
}

// subtract takes the mean from a rotated key.
func (m *keyMeans) subtract(k []float32, pos, g int) {
	kernel.SubF16(k, m.table[g][pos/m.step*len(k):])
}

// addKeyMeans adds to the scores of nq rotated queries what the means of head g's keys at n positions from from on add.
func (l *Layer) addKeyMeans(dst []float32, ldd int, q []float32, nq, ldq, g, from, n int, sc *Scratch) {
	m, d := l.means, l.KeySize
	if m == nil || n <= 0 {
		return
	}
	first := from / m.step
	blocks := (from+n-1)/m.step - first + 1
	sums := sc.keyMeans[:nq*blocks]
	kernel.ScoresF16(sums, blocks, q, nq, ldq, m.table[g][first*d:], d, blocks, d)
	for i := range nq {
		for b, sum := range sums[i*blocks:][:blocks] {
			lo, hi := max((first+b)*m.step-from, 0), min((first+b+1)*m.step-from, n)
			vek32.AddNumber_Inplace(dst[i*ldd:][lo:hi], sum)
		}
	}
}
