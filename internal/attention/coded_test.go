package attention

import (
	"math"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/kernel"
)

// codedForms runs f for forms of attention as stores in 4-bit codes have them.
func codedForms(t *testing.T, f func(t *testing.T, l *Layer)) {
	forms(t, func(t *testing.T, l *Layer) {
		c, err := l.In(Q4)
		if err != nil {
			t.Fatal(err)
		}
		f(t, c)
	})
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
	c := &codedCase{sequence: randomSequence(l.Geometry, n, 17), l: l, s: NewStore(l, Q4), cache: make([][][2][]float32, n)}
	c.softmax = l.softmax
	c.p.Reserve(l)
	c.sc.Reserve(l, n)
	return c
}

func (c *codedCase) token(pos, g int) (k, v []float32) {
	return slices.Clone(c.k[pos][g*c.l.KeySize:][:c.l.KeySize]), slices.Clone(c.v[pos][g*c.l.ValueSize:][:c.l.ValueSize])
}

// step decodes the token at pos.
func (c *codedCase) step(pos int) []float32 {
	l := c.l
	c.s.Grow(pos + 1)
	c.s.Advance(pos, 1)
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
	wide, base := NewStore(&Layer{Geometry: l.Geometry}, F16), c.s.WideBase(pos)
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
			c.s.PutWide(wide, base, t, g, k, v)
		}
		c.s.RecentToWide(wide, base, pos, g)
	}
	for from, to := c.s.Due(pos, n); from < to; from += Group {
		for g := range l.KVHeads {
			c.s.Encode(from, g, wide, base, &c.sc)
		}
	}
	for g := range l.KVHeads {
		c.s.RecentFromWide(wide, base, pos, n, g)
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
			key, value := c.token(j, g)
			if j >= c.l.start(pos) && j < c.l.CompressedEnd(pos) {
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
	k, v = make([]float32, c.l.KeySize), make([]float32, c.l.ValueSize)
	at := pos &^ (Group - 1)
	keys, scales := c.s.keyGroup(g, at)
	for i := range k {
		k[i] = float32(half16(scales[pos-at])) * keys.Get(pos-at, i)
	}
	values, scales := c.s.valueGroups(g, at, Group)
	for i := range v {
		v[i] = float32(half16(scales[pos-at])) * values.Get(i, pos-at)
	}
	kernel.Hadamard(k, true)
	kernel.Hadamard(v, true)
	if m := c.l.means; m != nil {
		mean := make([]float32, c.l.KeySize)
		kernel.F16ToF32(mean, m.table[g][pos/m.step*len(mean):][:len(mean)])
		kernel.Hadamard(mean, true)
		for i, x := range mean {
			k[i] += x
		}
	}
	return k, v
}

func half16(h uint16) float64 {
	var x [1]float32
	kernel.F16ToF32(x[:], []uint16{h})
	return float64(x[0])
}

// Decode steps over codes agree with the textbook on what the codes say, the newest tokens exact.
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
