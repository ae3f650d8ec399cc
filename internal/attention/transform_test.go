package attention

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/attn"
)

// randomTransform turns vectors by a random orthogonal matrix for each head, in steps that suit values with a variance
// of 1; the last components have no bits.
func randomTransform(rng *rand.Rand, heads, size int, bits []int) Transform {
	n := min(len(bits), size)
	t := Transform{Bits: bits[:n]}
	for range n {
		t.Deviate = append(t.Deviate, 4)
	}
	for range heads {
		basis := orthogonal(rng, size)
		forward, back, worth := make([]float32, size*n), make([]float32, size*n), make([]float32, n)
		for c := range n {
			const step = 0.25
			worth[c] = step * step
			for i := range size {
				forward[i*n+c], back[i*n+c] = float32(basis[c][i]/step), float32(basis[c][i]*step)
			}
		}
		t.Forward, t.Back, t.Worth = append(t.Forward, forward), append(t.Back, back), append(t.Worth, worth)
	}
	return t
}

// orthogonal returns rows of unit length that are orthogonal to each other.
func orthogonal(rng *rand.Rand, n int) [][]float64 {
	rows := make([][]float64, n)
	for r := range rows {
		rows[r] = make([]float64, n)
		for i := range n {
			rows[r][i] = rng.NormFloat64()
		}
		for _, other := range rows[:r] {
			dot := 0.0
			for i, v := range other {
				dot += v * rows[r][i]
			}
			for i, v := range other {
				rows[r][i] -= dot * v
			}
		}
		sum := 0.0
		for _, v := range rows[r] {
			sum += v * v
		}
		for i := range n {
			rows[r][i] /= math.Sqrt(sum)
		}
	}
	return rows
}

// mixedBits has components of every number of bits, in numbers that fill no step.
func mixedBits(n int) []int {
	bits := make([]int, n)
	for i := range bits {
		bits[i] = max(8-8*i/n, 1)
	}
	return bits
}

// transformed returns the layer in a random Code's form.
func transformed(t testing.TB, l *Layer, bits func(n int) []int) *Layer {
	t.Helper()
	rng := rand.New(rand.NewPCG(4, 2))
	code, err := NewCode(l, randomTransform(rng, l.KVHeads, l.KeySize, bits(l.KeySize)),
		randomTransform(rng, l.KVHeads, l.ValueSize, bits(l.ValueSize)), nil, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	l.SetCode(code)
	if l, err = l.In(Calibrated); err != nil || l.code == nil {
		t.Fatal(err)
	}
	return l
}

// decodedTransform returns key and value of a token in a Code's form.
func (c *codedCase) decodedTransform(pos, g int) (k, v []float32) {
	code, at := c.l.code, pos&^(Group-1)
	gain := c.s.tokenGains(g, pos)[0]
	sum := func(out []float32, t *Transform, p part, level, gain float32) {
		for i := range out {
			if p.comp >= 0 {
				out[i] += gain * level * float32(int(1)<<p.shift) * t.Back[g][i*len(t.Bits)+p.comp]
			}
		}
	}
	k, v = make([]float32, c.l.KeySize), make([]float32, c.l.ValueSize)
	offset := 0
	for i := range code.runs {
		r := &code.runs[i]
		codes := c.s.keyRun(g, at, offset, r).From(at % c.s.size)
		for col, p := range r.parts {
			sum(k, &code.keys, p, codes.Get(pos-at, col), gains[gain&15])
		}
		offset += r.size()
	}
	if c.l.latent {
		return k, slices.Clone(k[c.l.r:])
	}
	offset = 0
	for i := range code.planes {
		r := &code.planes[i]
		codes := c.s.valuePlane(g, at, Group, offset, r)
		for row, p := range r.parts {
			sum(v, &code.values, p, codes.Get(row, pos-at), gains[gain>>4])
		}
		offset += r.size() / 8
	}
	return k, v
}

// With eight bits for each component a vector is nearly what it was, one that is an outlier too; zeros stay near zero.
func TestTransformIsNear(t *testing.T) {
	l, _ := NewGQA(attn.Geometry{Heads: 4, KVHeads: 2, KeySize: 64, ValueSize: 48})
	c := newCodedCase(transformed(t, l, func(n int) []int { return slices.Repeat([]int{8}, n) }), 200)
	for i := range c.k[40] {
		c.k[40][i] *= 12
		c.k[41][i] = 0
	}
	c.prompt(0, 200)
	for pos := range c.l.CompressedEnd(199) {
		loss, norm := 0.0, 1e-3
		for g := range 2 {
			k, v := c.token(pos, g)
			dk, dv := c.decoded(pos, g)
			for i := range k {
				loss += math.Pow(float64(k[i]-dk[i]), 2)
				norm += math.Pow(float64(k[i]), 2)
			}
			for i := range v {
				loss += math.Pow(float64(v[i]-dv[i]), 2)
				norm += math.Pow(float64(v[i]), 2)
			}
		}
		if loss > 0.01*norm && loss > 0.05 {
			t.Errorf("token %d loses %.4f of its energy", pos, loss/norm)
		}
	}
}

// A key that is cut short is no worse than one whose rounding draws attention to itself.
func TestNoiseOfKeysCosts(t *testing.T) {
	tr := randomTransform(rand.New(rand.NewPCG(1, 1)), 1, 32, slices.Repeat([]int{1}, 32))
	tr.Bits[0] = 4
	for c := range tr.Worth[0] {
		tr.Worth[0][c] = 0.2
	}
	y, u := make([]float32, 32), make([]int32, 32)
	for i := range y {
		y[i] = float32(i%2)*2 - 1
	}
	y[0] = 60
	free, costly := tr.levels(0), tr.levels(noiseWeight)
	if a, b := tr.quantize(u, y, &free, 0), tr.quantize(u, y, &costly, 0); a <= b {
		t.Errorf("gain %d where noise costs nothing, %d where it does", a, b)
	}
}

func TestBadCodes(t *testing.T) {
	l, _ := NewGQA(attn.Geometry{Heads: 4, KVHeads: 2, KeySize: 32, ValueSize: 32})
	good := func() Transform { return randomTransform(rand.New(rand.NewPCG(1, 1)), 2, 32, mixedBits(32)) }
	for name, spoil := range map[string]func(x *Transform){
		"no components": func(x *Transform) { *x = Transform{} },
		"bits":          func(x *Transform) { x.Bits[3] = 9 },
		"no bits":       func(x *Transform) { x.Bits[31] = 0 },
		"deviation":     func(x *Transform) { x.Deviate[0] = float32(math.NaN()) },
		"heads":         func(x *Transform) { x.Forward = x.Forward[:1] },
		"matrix":        func(x *Transform) { x.Back[1] = x.Back[1][:31] },
		"worth":         func(x *Transform) { x.Worth[0] = nil },
	} {
		bad := good()
		spoil(&bad)
		if _, err := NewCode(l, bad, good(), nil, nil, 0); err == nil {
			t.Errorf("keys: %s: no error", name)
		}
		if _, err := NewCode(l, good(), bad, nil, nil, 0); err == nil {
			t.Errorf("values: %s: no error", name)
		}
	}
	if _, err := NewCode(l, good(), good(), make([]float32, 64), nil, 3); err == nil {
		t.Error("a mean for three positions: no error")
	}
	latent, _ := NewLatent(4, 1, 8, 24, 0)
	if _, err := NewCode(latent, good(), good(), nil, nil, 0); err == nil {
		t.Error("codes of latent rows: no error")
	}
}

// A mean of keys that RoPE rotates is left out of codes and counts in scores, for the first and the newest tokens too.
func TestCodeCarriesMeans(t *testing.T) {
	g := attn.Geometry{Heads: 4, KVHeads: 2, KeySize: 32, ValueSize: 32}
	rope, err := attn.NewRope(attn.RopeConfig{Dims: 32, Base: 1e6, Halves: true, Magnitude: 1.2})
	if err != nil {
		t.Fatal(err)
	}
	bias := make([]float32, g.KVHeads*g.KeySize)
	for i := range g.KVHeads {
		bias[i*g.KeySize+15], bias[i*g.KeySize+31], bias[i*g.KeySize+2] = 400, -300, 2
	}
	rng := rand.New(rand.NewPCG(4, 2))
	for _, step := range []int{1, 32} {
		l, _ := NewGQA(g)
		code, err := NewCode(l, randomTransform(rng, 2, 32, mixedBits(32)), randomTransform(rng, 2, 32, mixedBits(32)), bias, rope, step)
		if err != nil {
			t.Fatal(err)
		}
		l.SetCode(code)
		if l, err = l.In(Calibrated); err != nil {
			t.Fatal(err)
		}
		l.ReserveMeans(300)
		c := newCodedCase(l, 300)
		c.addBias(rope, bias)
		for pos := range 299 {
			c.step(pos)
		}
		c.check(t, 299, c.step(299))
		c.s = NewStore(l, Calibrated)
		c.check(t, 299, c.prompt(0, 300)[299*g.Heads*g.ValueSize:])
	}
}
