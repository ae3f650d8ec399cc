package transmla

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/attention"
	"gonum.org/v1/gonum/mat"
)

// sample is random text as attention sees it: keys, values and queries before RoPE of n tokens, and an output
// projection.
type testLayer struct {
	attn.Geometry
	rope    *attn.Rope
	z, q    [][]float64 // per token [keys of all heads | values of all heads], and queries of all heads
	moments *Moments
}

// newSample draws tokens whose dimensions correlate and differ in energy, as real ones do.
func newTestLayer(t *testing.T, g attn.Geometry, rope attn.RopeConfig, n int) *testLayer {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(g.KVHeads), uint64(g.KeySize)))
	s := &testLayer{Geometry: g, rope: newRope(t, rope)}
	s.z = correlated(r, n, g.KVHeads*(g.KeySize+g.ValueSize))
	s.q = correlated(r, n, g.Heads*g.KeySize)
	s.moments = &Moments{Geometry: g, KV: secondMoment(s.z, 0, len(s.z[0]))}
	for h := range g.Heads {
		s.moments.Query = append(s.moments.Query, secondMoment(s.q, h*g.KeySize, g.KeySize))
	}
	for range g.KVHeads {
		s.moments.Output = append(s.moments.Output, secondMoment(correlated(r, 4*g.ValueSize, g.ValueSize), 0, g.ValueSize))
	}
	return s
}

// correlated returns n random vectors of width w.
func correlated(r *rand.Rand, n, w int) [][]float64 {
	mix := mat.NewDense(w, w, nil)
	for i := range w {
		for j := range w {
			mix.Set(i, j, r.NormFloat64()*math.Pow(0.8, float64(j%8)))
		}
	}
	out := make([][]float64, n)
	for i := range out {
		x, y := mat.NewVecDense(w, nil), new(mat.VecDense)
		for j := range w {
			x.SetVec(j, r.NormFloat64()/math.Sqrt(float64(w)))
		}
		y.MulVec(mix, x)
		out[i] = y.RawVector().Data
	}
	return out
}

// secondMoment returns E[x xᵀ] of width values from index at on.
func secondMoment(rows [][]float64, at, width int) *mat.SymDense {
	m := mat.NewSymDense(width, nil)
	for _, x := range rows {
		m.SymRankOne(m, 1/float64(len(rows)), mat.NewVecDense(width, slices.Clone(x[at:at+width])))
	}
	return m
}

// plain returns what head h of token t gives in grouped-query attention; rotates says which RoPE pairs rotate.
func (s *testLayer) plain(t, h int, rotates func(pair int) bool) (scores, out []float64) {
	g, d := h/s.Group(), s.KeySize
	q := s.rotated(s.q[t][h*d:][:d], t, rotates)
	return attend(t, func(j int) float64 { return dot(q, s.rotated(s.z[j][g*d:][:d], j, rotates)) },
		func(j int) []float64 { return s.z[j][s.KVHeads*d+g*s.ValueSize:][:s.ValueSize] })
}

// rotated applies RoPE at a position as its table says, magnitude included.
func (s *testLayer) rotated(x []float64, pos int, rotates func(pair int) bool) []float64 {
	out := slices.Clone(x)
	for i, f := range s.rope.Freqs() {
		a, b := s.rope.Pair(i)
		if !rotates(i) {
			f = 0
		}
		rotate(out, a, b, f*float64(pos), s.rope.Magnitude())
	}
	return out
}

// rotate rotates the pair (x_a, x_b) and scales it.
func rotate(x []float64, a, b int, angle, mag float64) {
	sin, cos := math.Sincos(angle)
	x[a], x[b] = mag*(x[a]*cos-x[b]*sin), mag*(x[a]*sin+x[b]*cos)
}

// latent returns the same from compressed rows.
func (s *testLayer) latent(c *Compressed, t, h int) (scores, out []float64) {
	g := h / s.Group()
	row := func(m *mat.Dense, x []float64, pos int) []float64 {
		var y mat.VecDense
		y.MulVec(m, mat.NewVecDense(len(x), slices.Clone(x)))
		for k, p := range c.Pairs {
			rotate(y.RawVector().Data, 2*k, 2*k+1, s.rope.Freqs()[p]*float64(pos), s.rope.Magnitude())
		}
		return y.RawVector().Data
	}
	q := row(c.Query[h*len(c.Query)/s.Heads], s.q[t][h*s.KeySize:][:s.KeySize], t)
	scores, mix := attend(t, func(j int) float64 { return dot(q, row(c.Encode, s.z[j], j)) },
		func(j int) []float64 { return row(c.Encode, s.z[j], j)[c.R:] })
	var v mat.VecDense
	v.MulVec(c.Value[g], mat.NewVecDense(len(mix), mix))
	return scores, v.RawVector().Data
}

// attend returns scores and softmax mix of tokens 0 … t.
func attend(t int, score func(j int) float64, value func(j int) []float64) (scores, out []float64) {
	sum := 0.0
	for j := range t + 1 {
		scores = append(scores, score(j))
	}
	top := slices.Max(scores)
	for j, x := range scores {
		w := math.Exp(x - top)
		sum += w
		v := value(j)
		if out == nil {
			out = make([]float64, len(v))
		}
		for i := range v {
			out[i] += w * v[i]
		}
	}
	for i := range out {
		out[i] /= sum
	}
	return scores, out
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

// distance returns the largest difference between a and b in units of the largest value.
func distance(a, b []float64) float64 {
	diff, size := 0.0, 1e-100
	for i := range a {
		diff, size = max(diff, math.Abs(a[i]-b[i])), max(size, math.Abs(a[i]))
	}
	return diff / size
}

// agree checks scores and outputs of all heads of a few tokens.
func (s *testLayer) agree(t *testing.T, c *Compressed, rotates func(pair int) bool) {
	t.Helper()
	const rounding = 1e-6
	for _, pos := range []int{0, 1, len(s.z) / 2, len(s.z) - 1} {
		for h := range s.Heads {
			scores, out := s.plain(pos, h, rotates)
			gotScores, got := s.latent(c, pos, h)
			if e := distance(scores, gotScores); !(e < rounding) {
				t.Errorf("token %d, head %d: scores differ by %.2g", pos, h, e)
			}
			if e := distance(out, got); !(e < rounding) {
				t.Errorf("token %d, head %d: outputs differ by %.2g", pos, h, e)
			}
		}
	}
}

func always(int) bool { return true }
func never(int) bool  { return false }

// compress is Compress that must succeed.
func (s *testLayer) compress(t *testing.T, o CompressOptions) *Compressed {
	t.Helper()
	c, err := Compress(s.rope, s.moments, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// shapes are layers with all that changes the algebra: sharing of heads, partial rotation, both orders of pairs, sizes
// of values other than keys', a magnitude.
func compressShapes() map[string]struct {
	attn.Geometry
	attn.RopeConfig
} {
	type shape = struct {
		attn.Geometry
		attn.RopeConfig
	}
	out := map[string]shape{}
	for _, g := range []int{1, 2, 3, 8} {
		geo := attn.Geometry{Heads: 3 * g, KVHeads: g, KeySize: 8, ValueSize: 8}
		out[fmt.Sprintf("%d heads", g)] = shape{geo, attn.RopeConfig{Dims: 8, Base: 100}}
		out[fmt.Sprintf("%d heads, halves", g)] = shape{geo, attn.RopeConfig{Dims: 8, Base: 100, Halves: true}}
	}
	geo := attn.Geometry{Heads: 4, KVHeads: 2, KeySize: 12, ValueSize: 8}
	out["partial rotation"] = shape{geo, attn.RopeConfig{Dims: 8, Base: 100}}
	out["partial rotation, halves"] = shape{geo, attn.RopeConfig{Dims: 8, Base: 100, Halves: true}}
	out["magnitude"] = shape{geo, attn.RopeConfig{Dims: 12, Base: 100, Magnitude: 1.3}}
	out["linear scaling"] = shape{geo, attn.RopeConfig{Dims: 12, Base: 100, Scale: 0.25}}
	return out
}

// eachShape runs f on a sample of each shape.
func eachShape(t *testing.T, f func(t *testing.T, s *testLayer)) {
	for name, c := range compressShapes() {
		t.Run(name, func(t *testing.T) {
			f(t, newTestLayer(t, c.Geometry, c.RopeConfig, 12+2*c.KVHeads*(c.KeySize+c.ValueSize)))
		})
	}
}

// With all components under RoPE and a latent that holds the rest, compression is grouped-query attention in other
// coordinates.
func TestFullRankIsExact(t *testing.T) {
	eachShape(t, func(t *testing.T, s *testLayer) {
		r := s.KVHeads * s.rope.Dims()
		c := s.compress(t, CompressOptions{R: r, L: s.KVHeads*(s.KeySize+s.ValueSize) - r, Context: 64})
		s.agree(t, c, always)
	})
}

// The latent alone: without any rotated values it holds keys that nothing blockRope.
func TestLatentAloneIsExactWithoutRotation(t *testing.T) {
	eachShape(t, func(t *testing.T, s *testLayer) {
		c := s.compress(t, CompressOptions{L: s.KVHeads * (s.KeySize + s.ValueSize), Context: 1})
		s.agree(t, c, never)
	})
}

// Any split of a full row loses nothing: where only the chosen pairs rotate, attention is the same.
func TestAnySplitIsExactWhereTheRestStands(t *testing.T) {
	eachShape(t, func(t *testing.T, s *testLayer) {
		pairs := []int{1}
		for range s.KVHeads - 1 {
			pairs = append(pairs, 1)
		}
		n := s.KVHeads * (s.KeySize + s.ValueSize)
		c := s.compress(t, CompressOptions{R: 2 * len(pairs), L: n - 2*len(pairs), Pairs: pairs, Context: 1})
		s.agree(t, c, func(pair int) bool { return pair == 1 })
	})
}

// A full row has all that keys and values are: the encoder can be inverted.
func TestFullRowsCanBeInverted(t *testing.T) {
	eachShape(t, func(t *testing.T, s *testLayer) {
		n := s.KVHeads * (s.KeySize + s.ValueSize)
		for _, r := range []int{0, 2, s.KVHeads * s.rope.Dims()} {
			c := s.compress(t, CompressOptions{R: r, L: n - r, Context: 64})
			row, back := new(mat.VecDense), new(mat.VecDense)
			row.MulVec(c.Encode, mat.NewVecDense(n, slices.Clone(s.z[3])))
			if err := back.SolveVec(c.Encode, row); err != nil {
				var cond mat.Condition
				if !errors.As(err, &cond) {
					t.Fatal(err)
				}
			}
			if e := distance(s.z[3], back.RawVector().Data); !(e < 1e-6) {
				t.Errorf("%d rotated values: token comes back with an error of %.2g", r, e)
			}
		}
	})
}

// Of a full row, the first values are all that keys need when they are as many as keys have, and values come from the
// whole row as ever. With fewer, keys lose the less the more there are. Keys come back as they are before RoPE, but for
// pairs that are not approximated: of those rows say nothing.
func TestKeysComeFirst(t *testing.T) {
	eachShape(t, func(t *testing.T, s *testLayer) {
		for _, phase := range []float64{40, 5} {
			blockRope, err := attention.NewBlockRope(s.rope, phase)
			if err != nil {
				t.Fatal(err)
			}
			keys, n := s.KVHeads*s.KeySize, s.KVHeads*(s.KeySize+s.ValueSize)
			seen := s.KVHeads * blockRope.KeptSize(s.KeySize)
			last := math.Inf(1)
			for _, a := range []int{seen / 4, seen / 2, seen, n} {
				if a == 0 {
					continue
				}
				c := s.compress(t, CompressOptions{L: n, Keys: a, Keeps: blockRope.Keeps, KeyWeight: 2.5})
				lost := 0.0
				for g := range s.KVHeads {
					var key, value mat.Dense
					key.Mul(c.Query[g].T(), c.Encode.Slice(0, a, 0, n))
					value.Mul(c.Value[g], c.Encode)
					for _, z := range s.z {
						var k, v mat.VecDense
						x := mat.NewVecDense(n, slices.Clone(z))
						k.MulVec(&key, x)
						v.MulVec(&value, x)
						lost += distance(keptOf(blockRope, z[g*s.KeySize:][:s.KeySize]), keptOf(blockRope, k.RawVector().Data))
						for p := range len(s.rope.Freqs()) {
							if i, j := s.rope.Pair(p); !blockRope.Keeps(p) && (k.AtVec(i) != 0 || k.AtVec(j) != 0) {
								t.Fatalf("phase %v: a row says %v, %v of a pair that is not seen from afar", phase, k.AtVec(i), k.AtVec(j))
							}
						}
						if e := distance(z[keys+g*s.ValueSize:][:s.ValueSize], v.RawVector().Data); !(e < 1e-6) {
							t.Fatalf("phase %v, keys from %d of %d: a value comes back with an error of %.2g", phase, a, n, e)
						}
					}
				}
				lost /= float64(s.KVHeads * len(s.z))
				if a >= seen && !(lost < 1e-6) || a < seen && !(lost < last && lost > 1e-3) {
					t.Errorf("phase %v, keys from %d of %d: an error of %.2g, with fewer %.2g", phase, a, n, lost, last)
				}
				last = lost
			}
		}
	})
}

// keptOf returns what of a head is approximated.
func keptOf(t *attention.BlockRope, x []float64) []float64 {
	from, to := make([]float32, len(x)), make([]float32, len(x))
	for i, v := range x {
		from[i] = float32(v)
	}
	t.Reorder(to, from)
	var out []float64
	for _, v := range to[len(to)-t.KeptSize(len(to)):] {
		out = append(out, float64(v))
	}
	return out
}

// Fewer values cost more: the error of outputs grows as the row shrinks, and stays below that of no attention at all.
func TestErrorFallsWithTheRow(t *testing.T) {
	s := newTestLayer(t, attn.Geometry{Heads: 6, KVHeads: 3, KeySize: 8, ValueSize: 8}, attn.RopeConfig{Dims: 8, Base: 100}, 200)
	last := math.Inf(1)
	for _, l := range []int{8, 16, 24, 32} {
		c := s.compress(t, CompressOptions{R: 16, L: l, Context: 64})
		sum, size := 0.0, 0.0
		for pos := 20; pos < 200; pos += 9 {
			for h := range s.Heads {
				_, want := s.plain(pos, h, always)
				_, got := s.latent(c, pos, h)
				for i, w := range want {
					sum, size = sum+(got[i]-w)*(got[i]-w), size+w*w
				}
			}
		}
		if e := sum / size; !(e < last) || !(e < 1) {
			t.Errorf("16+%d values: error %.3g, with fewer %.3g", l, e, last)
		} else {
			last = e
		}
	}
}

func TestCompressErrors(t *testing.T) {
	s := newTestLayer(t, attn.Geometry{Heads: 4, KVHeads: 2, KeySize: 8, ValueSize: 8}, attn.RopeConfig{Dims: 8, Base: 100}, 80)
	for _, o := range []CompressOptions{
		{R: 3, L: 4}, {R: -2, L: 4}, {R: 4, L: 0}, {R: 18, L: 4}, {R: 16, L: 17},
		{R: 4, L: 4, Pairs: []int{0}}, {R: 4, L: 4, Pairs: []int{0, 4}}, {R: 4, L: 4, Pairs: []int{-1, 0}},
		{R: 6, L: 4, Pairs: []int{1, 1, 1}},
	} {
		if _, err := Compress(s.rope, s.moments, o); !errors.Is(err, ErrMoments) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	ok := CompressOptions{R: 4, L: 8}
	for name, change := range map[string]func(m *Moments){
		"one query head missing": func(m *Moments) { m.Query = m.Query[1:] },
		"no output metric":       func(m *Moments) { m.Output = nil },
		"keys of another size":   func(m *Moments) { m.KV = mat.NewSymDense(7, nil) },
		"no energy":              func(m *Moments) { m.KV = mat.NewSymDense(32, nil) },
		"not a number":           func(m *Moments) { m.KV = mat.NewSymDense(32, nil); m.KV.SetSym(0, 0, math.NaN()) },
		"infinite":               func(m *Moments) { m.KV = mat.NewSymDense(32, nil); m.KV.SetSym(0, 0, math.Inf(1)) },
	} {
		m := *s.moments
		change(&m)
		if _, err := Compress(s.rope, &m, ok); !errors.Is(err, ErrMoments) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func newRope(t *testing.T, c attn.RopeConfig) *attn.Rope {
	t.Helper()
	r, err := attn.NewRope(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
