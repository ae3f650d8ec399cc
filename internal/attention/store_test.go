package attention

import (
	"fmt"
	"math"
	"testing"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/kernel"
)

// cachedLayers are layers of every kind, for tests of what is cached.
func cachedLayers(t *testing.T, f func(t *testing.T, l *Layer)) {
	forms(t, f)
	for _, s := range []struct{ heads, blocks, r, l, window int }{
		{9, 1, 64, 128, 0}, {9, 3, 10, 33, 0}, {4, 2, 0, 48, 0}, {8, 1, 32, 64, 40}, {8, 1, 32, 64, 300},
	} {
		t.Run(fmt.Sprintf("latent/%+v", s), func(t *testing.T) {
			l, err := NewLatent(s.heads, s.blocks, s.r, s.l, s.window)
			if err != nil {
				t.Fatal(err)
			}
			f(t, l)
		})
	}
}

// dequantised returns key and value of head g at pos as the store has them.
func dequantised(s *Store, g, pos int) (k, v []float32) {
	l := s.layer
	k, v = make([]float32, l.KeySize), make([]float32, l.ValueSize)
	s.Rows(k, nil, g, pos, 1)
	if l.latent {
		copy(v, k[l.KeySize-l.ValueSize:])
	} else {
		s.blocks(true, g, pos).Get(v, pos%kernel.PanelRows, 0)
	}
	return k, v
}

// TestQ8Attends: with a cache in 8-bit blocks, decode and prefill agree with the textbook on what the cache has, up to
// the rounding of queries.
func TestQ8Attends(t *testing.T) {
	cachedLayers(t, func(t *testing.T, l *Layer) {
		const n = 330
		s := randomSequence(l.Geometry, n, 11)
		st := NewStore(l, Q8)
		exact := sequence{g: l.Geometry, q: s.q, softmax: l.softmax}
		for pos := range n {
			st.Grow(pos + 1)
			var ks, vs []float32
			for g := range l.KVHeads {
				st.Append(pos, g, s.k[pos][g*l.KeySize:][:l.KeySize], s.v[pos][g*l.ValueSize:][:l.ValueSize])
				k, v := dequantised(st, g, pos)
				ks, vs = append(ks, k...), append(vs, v...)
			}
			exact.k, exact.v = append(exact.k, ks), append(exact.v, vs)
		}
		if got := st.Bytes(); got != 2*chunk*l.RowBytes(Q8) {
			t.Errorf("%d bytes for %d tokens", got, n)
		}
		w, sc, p := l.Heads*l.ValueSize, new(Scratch), new(Partial)
		p.Reserve(l)
		sc.Reserve(l, n)
		out := make([]float32, w)
		for _, pos := range []int{0, 1, 15, 16, 17, 255, 256, 300, 329} {
			l.PrepareQueries(sc, st, s.q[pos])
			for i := range l.Parts(pos) {
				l.Decode(p, i, st, pos, s.q[pos], sc)
			}
			l.Combine(out, p, pos, 0, l.Heads, sc)
			exact.close(t, pos, out)
		}
		var q []float32
		for _, row := range s.q[290:] {
			q = append(q, row...)
		}
		out = make([]float32, (n-290)*w)
		for i := range l.Tiles(290, n-290) {
			l.Prefill(out, i, st, 290, n-290, q, sc)
		}
		for pos := 290; pos < n; pos += 7 {
			exact.close(t, pos, out[(pos-290)*w:])
		}
	})
}

// near is check with the tolerance of rounded queries, relative to the spread of values.
func (s *sequence) close(t *testing.T, pos int, got []float32) {
	t.Helper()
	for h := range s.g.Heads {
		num := 0.0
		want := s.reference(pos, h)
		for c, v := range want {
			num += (float64(got[h*s.g.ValueSize+c]) - v) * (float64(got[h*s.g.ValueSize+c]) - v)
		}
		if e := math.Sqrt(num / float64(len(want))); !(e < 0.05) {
			t.Fatalf("token %d head %d: differs by %.3g", pos, h, e)
		}
	}
}

// TestLatentDecodeEqualsTextbook covers rows whose end is the value, in half floats.
func TestLatentDecodeEqualsTextbook(t *testing.T) {
	for _, window := range []int{0, 40} {
		l, err := NewLatent(9, 1, 64, 128, window)
		if err != nil {
			t.Fatal(err)
		}
		s := randomSequence(l.Geometry, 300, 12)
		for pos := range s.k {
			copy(s.v[pos], s.k[pos][64:])
		}
		st := s.fill(t, l, 300)
		var p Partial
		p.Reserve(l)
		sc := new(Scratch)
		sc.Reserve(l, 300)
		out := make([]float32, l.Heads*l.ValueSize)
		for _, pos := range []int{0, 20, 255, 256, 299} {
			for i := range l.Parts(pos) {
				l.Decode(&p, i, st, pos, s.q[pos], sc)
			}
			l.Combine(out, &p, pos, 0, 4, sc)
			l.Combine(out[4*l.ValueSize:], &p, pos, 4, 9, sc)
			s.check(t, pos, out)
		}
	}
}

func TestRowBytes(t *testing.T) {
	gqa, _ := NewGQA(attn.Geometry{Heads: 9, KVHeads: 3, KeySize: 64, ValueSize: 64})
	odd, _ := NewGQA(attn.Geometry{Heads: 4, KVHeads: 4, KeySize: 80, ValueSize: 48})
	latent, _ := NewLatent(9, 1, 48, 80, 0)
	for _, c := range []struct {
		l       *Layer
		f16, q8 int
	}{{gqa, 768, 408}, {odd, 1024, 4 * 5 * 34}, {latent, 256, 5 * 34}} {
		if a, b := c.l.RowBytes(F16), c.l.RowBytes(Q8); a != c.f16 || b != c.q8 {
			t.Errorf("%+v: %d and %d bytes, want %d and %d", c.l.Geometry, a, b, c.f16, c.q8)
		}
	}
}
