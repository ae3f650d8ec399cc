package attention

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/kernel"
)

// codedForms runs f for each geometry as stores in codes have it, with a softmax of another kind each.
func codedForms(t *testing.T, f func(t *testing.T, l *Layer)) {
	for i, g := range geometries {
		layer := func(t *testing.T) *Layer {
			l, err := NewMLA(g)
			if err != nil {
				t.Fatal(err)
			}
			l.SetSoftmax(softmaxes(g)[i%4])
			return l
		}
		t.Run(fmt.Sprintf("%+v", g), func(t *testing.T) {
			l, err := layer(t).In(Q4)
			if err != nil {
				t.Fatal(err)
			}
			f(t, l)
		})
		t.Run(fmt.Sprintf("transformed/%+v", g), func(t *testing.T) { f(t, transformed(t, layer(t), mixedBits)) })
	}
	for i, shape := range [][5]int{{6, 1, 16, 40, 0}, {4, 2, 0, 7, 100}, {8, 2, 0, 64, 0}, {4, 1, 64, 96, 100}} {
		if i >= 2 && testing.Short() {
			break
		}
		t.Run(fmt.Sprintf("latent/%v", shape), func(t *testing.T) {
			l, err := NewLatent(shape[0], shape[1], shape[2], shape[3], shape[4])
			if err != nil {
				t.Fatal(err)
			}
			l.SetSoftmax(softmaxes(l.Geometry)[shape[0]%4])
			plain := *l
			if l, err = l.In(Q4); err != nil {
				t.Fatal(err)
			}
			f(t, l)
			code, err := NewRowCode(&plain, randomTransform(rand.New(rand.NewPCG(4, 2)), plain.KVHeads, plain.KeySize, mixedBits(plain.KeySize)))
			if err != nil {
				t.Fatal(err)
			}
			plain.SetCode(code)
			if l, err = plain.In(Calibrated); err != nil || l.code == nil {
				t.Fatal(err)
			}
			f(t, l)
		})
	}
}

// codedCase is a sequence in a store in 4-bit codes, filled by decode steps or prompts.
type codedCase struct {
	sequence
	l     *Layer
	s     *Store
	p     Partial
	sc    Scratch
	cache [][][2][]float32 // what a token is in codes, per token and head, once it was coded
}

func newCodedCase(l *Layer, n int) *codedCase {
	c := &codedCase{sequence: randomSequence(l.Geometry, n, 17), l: l, s: NewStore(l, formatOf(l)), cache: make([][][2][]float32, n)}
	c.softmax = l.softmax
	c.p.Reserve(l)
	c.sc.Reserve(l, n)
	return c
}

func formatOf(l *Layer) Format {
	if l.code != nil {
		return Calibrated
	}
	return Q4
}

func (c *codedCase) token(pos, g int) (k, v []float32) {
	k = slices.Clone(c.k[pos][g*c.l.KeySize:][:c.l.KeySize])
	if c.l.latent {
		return k, slices.Clone(k[c.l.r:])
	}
	return k, slices.Clone(c.v[pos][g*c.l.ValueSize:][:c.l.ValueSize])
}

// step decodes the token at pos.
func (c *codedCase) step(pos int) []float32 {
	l := c.l
	c.s.Grow(pos + 1)
	c.s.Advance(pos, 1)
	if c.s.WantsBalance() {
		from, _ := c.s.Due(pos, 1)
		c.s.FindBalance(from, nil, 0, &c.sc)
	}
	for from, to := c.s.Due(pos, 1); from < to; from += Group {
		for g := range l.KVHeads {
			c.s.Encode(from, g, nil, 0, &c.sc)
		}
	}
	l.PrepareQueries(&c.sc, c.s, c.q[pos])
	for g := range l.KVHeads {
		k, v := c.token(pos, g)
		l.DecodeNewest(&c.p, c.s, pos, g, k, v, &c.sc)
	}
	for i := range l.Parts(pos) {
		l.Decode(&c.p, i, c.s, pos, c.q[pos], &c.sc)
	}
	out := make([]float32, l.Heads*l.ValueSize)
	l.Combine(out, &c.p, pos, 0, l.Heads, &c.sc)
	return out
}

// prompt attends with n tokens from pos on.
func (c *codedCase) prompt(pos, n int) []float32 {
	l := c.l
	c.s.Grow(pos + n)
	c.s.Advance(pos, n)
	wide, base := NewStore(&Layer{Geometry: l.Geometry, latent: l.latent, r: l.r, mla: l.mla}, F16), c.s.WideBase(pos)
	wide.Grow(n + WideSize)
	for i := range wide.chunks {
		for j := range wide.chunks[i] {
			wide.chunks[i][j] = 0x7e00 // NaN
		}
	}
	var q []float32
	for g := range l.KVHeads {
		for t := pos; t < pos+n; t++ {
			k, v := c.token(t, g)
			c.s.PutWide(wide, base, t, g, k, v, &c.sc)
		}
		c.s.RecentToWide(wide, base, pos, g, &c.sc)
	}
	if c.s.WantsBalance() {
		from, _ := c.s.Due(pos, n)
		c.s.FindBalance(from, wide, base, &c.sc)
	}
	for from, to := c.s.Due(pos, n); from < to; from += Group {
		for g := range l.KVHeads {
			c.s.Encode(from, g, wide, base, &c.sc)
		}
	}
	for g := range l.KVHeads {
		c.s.RecentFromWide(wide, base, pos, n, g, &c.sc)
	}
	for t := pos; t < pos+n; t++ {
		q = append(q, c.q[t]...)
	}
	out := make([]float32, n*l.Heads*l.ValueSize)
	for i := range l.Tiles(pos, n) {
		l.PrefillCoded(out, i, c.s, wide, base, pos, n, q, &c.sc)
	}
	return out
}

// check compares the output of the token at pos with the textbook's on what the cache has.
func (c *codedCase) check(t *testing.T, pos int, got []float32) {
	t.Helper()
	seen := sequence{g: c.g, softmax: c.softmax, q: c.q}
	for j := range pos + 1 {
		var k, v []float32
		for g := range c.l.KVHeads {
			key, value := c.rounded(j, g)
			if j >= c.l.start(pos) && j >= c.l.ring.first && j < c.l.CompressedEnd(pos) {
				key, value = c.decoded(j, g)
			}
			k, v = append(k, key...), append(v, value...)
		}
		seen.k, seen.v = append(seen.k, k), append(seen.v, v)
	}
	seen.close(t, pos, got)
}

// decoded returns key and value of a coded token.
func (c *codedCase) decoded(pos, g int) (k, v []float32) {
	at := pos &^ (Group - 1)
	switch {
	case c.l.code != nil:
		k, v = c.decodedTransform(pos, g)
	case c.l.latent:
		k = make([]float32, c.l.KeySize)
		latents, scales := c.s.latentGroup(g, at)
		v = k[c.l.r:]
		for i := range v {
			v[i] = float32(half16(scales[pos-at])) * latents.Get(pos-at, i)
		}
		kernel.Hadamard(v, true)
		for i := range v {
			v[i] *= c.s.balance[g][i]
		}
		if c.l.r > 0 {
			c.s.rotatedRows(g, at).Get(k[:c.l.r], pos-at, 0)
		}
	default:
		k, v = make([]float32, c.l.KeySize), make([]float32, c.l.ValueSize)
		keys, scales := c.s.keyGroup(g, at)
		for i := range k {
			k[i] = float32(half16(scales[pos-at])) * keys.Get(pos-at, i)
		}
		values, scales := c.s.valueGroups(g, at, Group)
		for i := range v {
			v[i] = float32(half16(scales[pos-at])) * values.Get(i, pos-at)
		}
	}
	c.turnBack(pos, g, k, v)
	return k, v
}

// rounded returns key and value of a token that has no codes: in 8 bits, as rings keep it.
func (c *codedCase) rounded(pos, g int) (k, v []float32) {
	k, v = c.token(pos, g)
	c.l.turnToken(pos, g, k, v)
	for _, x := range [][]float32{k, v} {
		b, h := make([]byte, blockBytes(len(x))), make([]uint16, blocks(len(x)))
		kernel.ToBlockFloat(b, x)
		kernel.BlockFloatToF16(h, b)
		kernel.F16ToF32(x, h[:len(x)])
	}
	if c.l.latent {
		copy(v, k[c.l.r:])
	}
	c.turnBack(pos, g, k, v)
	return k, v
}

// turnBack undoes turnToken.
func (c *codedCase) turnBack(pos, g int, k, v []float32) {
	c.l.turn(k, true)
	c.l.turn(v, true)
	if m := c.l.means; m != nil {
		mean := make([]float32, c.l.KeySize)
		kernel.F16ToF32(mean, m.table[g][pos/m.step*len(mean):][:len(mean)])
		if !m.plain {
			kernel.Hadamard(mean, true)
		}
		for i, x := range mean {
			k[i] += x
		}
	}
}

func half16(h uint16) float64 {
	var x [1]float32
	kernel.F16ToF32(x[:], []uint16{h})
	return float64(x[0])
}

// Decode steps over codes agree with the textbook on what the codes say, the newest tokens in 8 bits.
func TestCodedDecodes(t *testing.T) {
	codedForms(t, func(t *testing.T, l *Layer) {
		c := newCodedCase(l, 420)
		for pos := range 420 {
			if out := c.step(pos); pos%67 == 0 || pos == 419 {
				c.check(t, pos, out)
			}
		}
	})
}

// Prompts do the same, and get the same bits however they are cut.
func TestCodedPrefills(t *testing.T) {
	codedForms(t, func(t *testing.T, l *Layer) {
		var want []float32
		for _, cuts := range [][]int{{420}, {1, 300, 119}, {95, 1, 1, 33, 290}, {256, 164}} {
			c, pos, got := newCodedCase(l, 420), 0, []float32(nil)
			for _, n := range cuts {
				got = append(got, c.prompt(pos, n)...)
				pos += n
			}
			if want == nil {
				w := l.Heads * l.ValueSize
				for _, pos := range []int{0, 31, 63, 64, 95, 96, 255, 256, 300, 419} {
					c.check(t, pos, got[pos*w:][:w])
				}
				want = got
			}
			if !slices.Equal(got, want) {
				t.Fatalf("cut as %v: other bits", cuts)
			}
		}
	})
}

// Codes are near to the keys and values that they stand for.
func TestCodesAreNear(t *testing.T) {
	l, _ := NewGQA(attn.Geometry{Heads: 4, KVHeads: 2, KeySize: 64, ValueSize: 64})
	l, _ = l.In(Q4)
	c := newCodedCase(l, 200)
	c.prompt(0, 200)
	loss, norm := 0.0, 0.0
	for pos := range l.CompressedEnd(199) {
		for g := range 2 {
			k, v := c.token(pos, g)
			dk, dv := c.decoded(pos, g)
			for i := range k {
				loss += math.Pow(float64(k[i]-dk[i]), 2) + math.Pow(float64(v[i]-dv[i]), 2)
				norm += math.Pow(float64(k[i]), 2) + math.Pow(float64(v[i]), 2)
			}
		}
	}
	if loss > 0.0125*norm {
		t.Errorf("codes lose %.4f", loss/norm)
	}
}

// addBias makes keys as a model with the bias has them, and queries that see little of it.
func (c *codedCase) addBias(rope *attn.Rope, bias []float32) {
	g, table := c.g, make([]float32, rope.Dims())
	for pos := range c.k {
		rope.Table(table, pos)
		for i := range g.KVHeads {
			b := slices.Clone(bias[i*g.KeySize:][:g.KeySize])
			rope.Rotate(b, table)
			for x, v := range b {
				c.k[pos][i*g.KeySize+x] += v
			}
		}
		for h := range g.Heads {
			c.q[pos][h*g.KeySize+15] *= 0.01
			c.q[pos][h*g.KeySize+31] *= 0.01
		}
	}
}

// A bias of keys a thousand times as large as what tells them apart costs nothing where it hardly rotates: scores are
// as without it, in decode and in prompts, in 8 bits and in 4.
func TestCarriedBias(t *testing.T) {
	g := attn.Geometry{Heads: 4, KVHeads: 2, KeySize: 32, ValueSize: 32}
	rope, err := attn.NewRope(attn.RopeConfig{Dims: 32, Base: 1e6, Halves: true, Magnitude: 1.2})
	if err != nil {
		t.Fatal(err)
	}
	bias := make([]float32, g.KVHeads*g.KeySize)
	for i := range g.KVHeads {
		bias[i*g.KeySize+15], bias[i*g.KeySize+31], bias[i*g.KeySize+2] = 400, -300, 2 // pair 15 hardly rotates, pair 2 does
	}
	for _, f := range []Format{Q8, Q4} {
		for _, step := range []int{1, 4, 32} {
			l, _ := NewGQA(g)
			l.CarryBias(bias, rope, step)
			if plain, err := l.In(F16); err != nil || plain.means != nil {
				t.Fatalf("half floats leave the bias out: %v", err)
			}
			if l, err = l.In(f); err != nil {
				t.Fatal(err)
			}
			l.ReserveMeans(300)
			c := newCodedCase(l, 300)
			c.s = NewStore(l, f)
			c.addBias(rope, bias)
			if f == Q4 {
				for pos := range 299 {
					c.step(pos)
				}
				c.check(t, 299, c.step(299))
				c.s = NewStore(l, f)
				c.check(t, 299, c.prompt(0, 300)[299*g.Heads*g.ValueSize:])
				continue
			}
			c.s.Grow(300)
			for pos := range 300 {
				for i := range g.KVHeads {
					k, v := c.token(pos, i)
					c.s.Append(pos, i, k, v)
				}
			}
			out := make([]float32, 300*g.Heads*g.ValueSize)
			for i := range l.Tiles(0, 300) {
				l.Prefill(out, i, c.s, 0, 300, slices.Concat(c.q...), &c.sc)
			}
			c.close(t, 299, out[299*g.Heads*g.ValueSize:])
		}
	}
}

func TestCodedDecodeDoesNotAllocate(t *testing.T) {
	codedForms(t, func(t *testing.T, l *Layer) {
		c := newCodedCase(l, 320)
		c.prompt(0, 300)
		c.s.Grow(302)
		k, v := c.token(300, 0)
		out := make([]float32, l.Heads*l.ValueSize)
		if n := testing.AllocsPerRun(10, func() {
			l.PrepareQueries(&c.sc, c.s, c.q[300])
			for i := range l.Parts(300) {
				l.Decode(&c.p, i, c.s, 300, c.q[300], &c.sc)
			}
			l.DecodeNewest(&c.p, c.s, 300, 0, k, v, &c.sc)
			c.s.Encode(192, 0, nil, 0, &c.sc)
			l.Combine(out, &c.p, 300, 0, l.Heads, &c.sc)
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// One token's attention after n others, in half floats and in codes.
func BenchmarkCoded(b *testing.B) {
	for name, g := range map[string]attn.Geometry{
		"SmolLM2":     {Heads: 9, KVHeads: 3, KeySize: 64, ValueSize: 64},
		"Qwen2.5-0.5": {Heads: 14, KVHeads: 2, KeySize: 64, ValueSize: 64},
		"Llama8B":     {Heads: 32, KVHeads: 8, KeySize: 128, ValueSize: 128},
	} {
		for _, f := range []Format{F16, Q8, Q4, Calibrated} {
			b.Run(fmt.Sprintf("%s/%v", name, f), func(b *testing.B) {
				l, _ := NewGQA(g)
				if f == Calibrated { // 14 %
					l = transformed(b, l, func(n int) []int {
						return slices.Concat(slices.Repeat([]int{4}, n/8), slices.Repeat([]int{3}, n/8), slices.Repeat([]int{2}, n/4), slices.Repeat([]int{1}, n/2))
					})
				} else {
					l, _ = l.In(f)
				}
				const n, layers = 4096, 8 // more than the caches hold
				var p Partial
				p.Reserve(l)
				var sc Scratch
				sc.Reserve(l, n)
				stores := make([]*Store, layers)
				for i := range stores {
					stores[i] = NewStore(l, f)
					stores[i].Grow(n)
				}
				q, out := make([]float32, l.Heads*l.KeySize), make([]float32, l.Heads*l.ValueSize)
				k, v := make([]float32, l.KeySize), make([]float32, l.ValueSize)
				for i := range b.N {
					st := stores[i%layers]
					l.PrepareQueries(&sc, st, q)
					for j := range l.Parts(n - 1) {
						l.Decode(&p, j, st, n-1, q, &sc)
					}
					for g := 0; g < l.KVHeads && f == Q4; g++ {
						l.DecodeNewest(&p, st, n-1, g, k, v, &sc)
					}
					l.Combine(out, &p, n-1, 0, l.Heads, &sc)
				}
				b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/n, "ns/position")
			})
		}
	}
}
