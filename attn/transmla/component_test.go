package transmla

import (
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/attn"
	"gonum.org/v1/gonum/mat"
)

// compressorOf runs the Hermitian PCA on a sample.
func compressorOf(t *testing.T, s *testLayer, o CompressOptions) *compressor {
	t.Helper()
	c := &compressor{rope: s.rope, m: s.moments, o: o, n: s.KVHeads * (s.KeySize + s.ValueSize)}
	if err := c.components(); err != nil {
		t.Fatal(err)
	}
	return c
}

// pairOf returns pair i of head g of a token's keys as a complex number.
func (s *testLayer) pairOf(x []float64, g, i int) complex128 {
	a, b := s.rope.Pair(i)
	return complex(x[g*s.KeySize+a], x[g*s.KeySize+b])
}

// Components are coordinates: all of a pair's give its keys back, k_g = D_g^(-1/2) Σ u_g y.
func TestComponentsCanBeInverted(t *testing.T) {
	eachShape(t, func(t *testing.T, s *testLayer) {
		c := compressorOf(t, s, CompressOptions{Context: 64})
		if want := s.KVHeads * len(s.rope.Freqs()); len(c.all) != want {
			t.Fatalf("%d components, want %d", len(c.all), want)
		}
		z := s.z[5]
		for i := range s.rope.Freqs() {
			for g := range s.KVHeads {
				var back complex128
				for _, y := range c.all {
					if y.pair == i {
						re, im := c.encoder(y)
						back += y.u[g] * complex(dot(re, z)/math.Sqrt(y.d[g]), dot(im, z)/math.Sqrt(y.d[g]))
					}
				}
				if want := s.pairOf(z, g, i); cmplx.Abs(back-want) > 1e-9 {
					t.Errorf("pair %d of head %d: %v comes back as %v", i, g, want, back)
				}
			}
		}
	})
}

// Components of a pair are uncorrelated, their powers are what the eigenvalues say, largest first.
func TestComponentsAreUncorrelated(t *testing.T) {
	eachShape(t, func(t *testing.T, s *testLayer) {
		c := compressorOf(t, s, CompressOptions{Context: 64})
		for at, y := range c.all {
			for _, o := range c.all[:at+1] {
				if o.pair != y.pair {
					continue
				}
				var sum complex128
				for _, z := range s.z {
					sum += s.component(c, y, z) * cmplx.Conj(s.component(c, o, z)) / complex(float64(len(s.z)), 0)
				}
				want := 0.0
				if o.variance == y.variance {
					want = y.variance
				} else if o.variance < y.variance {
					t.Errorf("pair %d: powers %.3g, %.3g are not sorted", y.pair, o.variance, y.variance)
				}
				if cmplx.Abs(sum-complex(want, 0)) > 1e-9*c.all[0].variance {
					t.Errorf("pair %d: product %.3g, want %.3g", y.pair, sum, want)
				}
			}
		}
	})
}

// component returns a token's y.
func (s *testLayer) component(c *compressor, y component, z []float64) complex128 {
	re, im := c.encoder(y)
	return complex(dot(re, z), dot(im, z))
}

// Queries for components score what queries score on keys, with any rotation between.
func TestComponentQueriesScoreAsKeysDo(t *testing.T) {
	eachShape(t, func(t *testing.T, s *testLayer) {
		c := compressorOf(t, s, CompressOptions{Context: 64})
		for h := range s.Heads {
			q, z, g := s.q[2][h*s.KeySize:][:s.KeySize], s.z[7], h/s.Group()
			for i := range s.rope.Freqs() {
				rotation := cmplx.Rect(1, 0.7*float64(i+1))
				var got complex128
				for _, y := range c.all {
					if y.pair == i {
						re, im := c.query(y, g)
						got += complex(dot(re, q), -dot(im, q)) * s.component(c, y, z) * rotation
					}
				}
				want := cmplx.Conj(s.pairOf(q, 0, i)) * s.pairOf(z, g, i) * rotation
				if math.Abs(real(got)-real(want)) > 1e-9 {
					t.Errorf("head %d, pair %d: %v, want %v", h, i, real(got), real(want))
				}
			}
		}
	})
}

// The constant of a pair that stands still is 1, that of one that spins is near 0; in between it is the weighted mean.
func TestConstants(t *testing.T) {
	rope := newRope(t, attn.RopeConfig{Dims: 8, Base: 1, Factors: []float32{1e30, 1e9, 2, 1. / 3}}) // frequencies 0, 1e-9, 0.5, 3
	for _, context := range []int{0, 1, 2, 500} {
		c := &compressor{rope: rope, o: CompressOptions{Context: context}}
		a := c.constants()
		if cmplx.Abs(a[0]-1) > 1e-12 || cmplx.Abs(a[1]-1) > 1e-6 {
			t.Errorf("context %d: standing pairs have %v", context, a[:2])
		}
		if context < 2 && a[3] != 1 {
			t.Errorf("context %d: nothing rotates within a token, but the constant is %v", context, a[3])
		}
		if context == 2 {
			if want := (1 + cmplx.Rect(0.5, -rope.Freqs()[3])) / 1.5; cmplx.Abs(a[3]-want) > 1e-12 {
				t.Errorf("two distances: %v, want %v", a[3], want)
			}
		}
		if context == 500 && (cmplx.Abs(a[3]) > 0.3 || cmplx.Abs(a[2]) < cmplx.Abs(a[3])) {
			t.Errorf("spinning pairs have %v", a[2:])
		}
	}
}

// Without a wish the components with the highest benefit keep RoPE; with one, the strongest of each pair named, in
// order.
func TestChoose(t *testing.T) {
	s := newTestLayer(t, attn.Geometry{Heads: 6, KVHeads: 3, KeySize: 8, ValueSize: 8}, attn.RopeConfig{Dims: 8, Base: 100}, 120)
	c := compressorOf(t, s, CompressOptions{Context: 64})
	c.choose()
	if !slices.IsSortedFunc(c.all, func(a, b component) int {
		if a.benefit > b.benefit {
			return -1
		}
		return 1
	}) {
		t.Error("components are not sorted by benefit")
	}
	named := compressorOf(t, s, CompressOptions{Context: 64, Pairs: []int{3, 0, 3, 1}})
	named.choose()
	if len(named.all) != len(c.all) {
		t.Fatalf("%d components, want %d", len(named.all), len(c.all))
	}
	for k, pair := range named.o.Pairs {
		if named.all[k].pair != pair {
			t.Errorf("rotated pair %d has RoPE pair %d, want %d", k, named.all[k].pair, pair)
		}
		for _, y := range named.all[len(named.o.Pairs):] {
			if y.pair == pair && y.variance > named.all[k].variance {
				t.Errorf("RoPE pair %d: a component stronger than the chosen one is left", pair)
			}
		}
	}
	out := s.compress(t, CompressOptions{R: 8, L: 8, Context: 64, Pairs: named.o.Pairs})
	if !slices.Equal(out.Pairs, named.o.Pairs) {
		t.Errorf("pairs %v, want %v", out.Pairs, named.o.Pairs)
	}
}

// A key head that is never asked for must not make the encoder singular.
func TestSilentHeadsStayInvertible(t *testing.T) {
	s := newTestLayer(t, attn.Geometry{Heads: 4, KVHeads: 2, KeySize: 8, ValueSize: 8}, attn.RopeConfig{Dims: 8, Base: 100}, 100)
	for h := range 2 {
		s.moments.Query[h] = mat.NewSymDense(8, nil)
		for i := range s.q {
			clear(s.q[i][h*8:][:8])
		}
	}
	s.agree(t, s.compress(t, CompressOptions{R: 16, L: 16, Context: 64}), always)
}
