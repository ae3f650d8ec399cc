package transmla

import (
	"errors"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/attn"
	"gonum.org/v1/gonum/mat"
)

// text returns the sample as Fit wants it.
func (s *testLayer) text() Sample {
	t := Sample{Tokens: len(s.z)}
	for i, z := range s.z {
		for _, v := range z {
			t.KV = append(t.KV, float32(v))
		}
		if i%SampleStride == SampleStride-1 {
			for _, v := range s.q[i] {
				t.Queries = append(t.Queries, float32(v))
			}
		}
	}
	return t
}

// fit is Fit of all heads, which must succeed.
func (s *testLayer) fit(t *testing.T, o CompressOptions, texts ...Sample) []QueryFactors {
	t.Helper()
	f, err := NewFit(s.rope, s.moments, o, texts)
	if err != nil {
		t.Fatal(err)
	}
	var out []QueryFactors
	for h := range s.Heads {
		a, err := f.Factors(h)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

// Rows that say all leave nothing to be fitted.
func TestFitKeepsWhatIsExact(t *testing.T) {
	eachShape(t, func(t *testing.T, s *testLayer) {
		r := s.KVHeads * s.rope.Dims()
		o := CompressOptions{R: r, L: s.KVHeads * s.ValueSize, Context: 64}
		for h, a := range s.fit(t, o, s.text(), s.text()) {
			for i, f := range append(a.Latent, a.Rotated...) {
				if !(cmplx.Abs(f-1) < 1e-4) { // sums are in single precision
					t.Errorf("query head %d: factor %d is %v", h, i, f)
				}
			}
		}
	})
}

// divergence returns how far the attention of head h through rows is from the model's, on average over the tokens.
func (s *testLayer) divergence(c *Compressed, h int) float64 {
	total := 0.0
	for t := range s.z {
		want, _ := s.plain(t, h, always)
		got, _ := s.latent(c, t, h)
		total += divergence(want, got)
	}
	return total / float64(len(s.z))
}

// divergence is Kullback and Leibler's of two softmaxes.
func divergence(a, b []float64) float64 {
	logSum := func(x []float64) float64 {
		sum := 0.0
		for _, v := range x {
			sum += math.Exp(v)
		}
		return math.Log(sum)
	}
	la, lb, kl := logSum(a), logSum(b), 0.0
	for i := range a {
		kl += math.Exp(a[i]-la) * (a[i] - la - b[i] + lb)
	}
	return kl
}

// lookingBack is a text of two heads that share keys. A slower pair makes one of them look two tokens back, or three,
// or one; the other one looks everywhere. A fast pair, and one that nearly stands, say which tokens.
func lookingBack(t *testing.T, seed uint64) *testLayer {
	r := rand.New(rand.NewPCG(seed, 7))
	s := &testLayer{Geometry: attn.Geometry{Heads: 2, KVHeads: 1, KeySize: 6, ValueSize: 2}, rope: newRope(t, attn.RopeConfig{Dims: 6, Base: 1000})}
	for range 60 {
		x := func(f float64) float64 { return f * r.NormFloat64() }
		s.z = append(s.z, []float64{x(1), x(1), 3, 0, x(1), x(1), x(1), x(1)})
		s.q = append(s.q, []float64{x(1), x(1), 60 * math.Cos(0.2), -60 * math.Sin(0.2), x(1), x(1), x(.5), x(.5), 0, 0, x(.5), x(.5)})
	}
	s.moments = &Moments{Geometry: s.Geometry, KV: secondMoment(s.z, 0, 8), Query: []*mat.SymDense{secondMoment(s.q, 0, 6), secondMoment(s.q, 6, 6)},
		Output: []*mat.SymDense{mat.NewSymDense(2, []float64{1, 0, 0, 1})}}
	return s
}

// Each head gets a constant of its own in place of rotations, after how far it looks back: attention on another text
// comes nearer to the model's.
func TestFitKnowsHowFarHeadsLook(t *testing.T) {
	s, other := lookingBack(t, 1), lookingBack(t, 2)
	o := CompressOptions{R: 2, L: 6, Pairs: []int{1}, Context: 60}
	c := s.compress(t, o)
	var texts []Sample
	for seed := range uint64(40) {
		texts = append(texts, lookingBack(t, 10+seed).text())
	}
	o.Factors = s.fit(t, o, texts...)
	fitted := s.compress(t, o)
	for h := range s.Heads {
		before, after := other.divergence(c, h), other.divergence(fitted, h)
		if limit := []float64{0.9, 1}[h]; !(after < limit*before) {
			t.Errorf("head %d: divergence %.3f, without Fit %.3f", h, after, before)
		}
	}
}

func TestFitErrors(t *testing.T) {
	s := lookingBack(t, 1)
	o := CompressOptions{R: 2, L: 4, Context: 60}
	for name, spoil := range map[string]func(x *Sample){
		"no tokens":     func(x *Sample) { x.Tokens = 0 },
		"short keys":    func(x *Sample) { x.KV = x.KV[1:] },
		"short queries": func(x *Sample) { x.Queries = x.Queries[1:] },
	} {
		text := s.text()
		spoil(&text)
		if _, err := NewFit(s.rope, s.moments, o, []Sample{text}); !errors.Is(err, ErrMoments) {
			t.Errorf("%s: %v", name, err)
		}
	}
	text := s.text()
	for i := range text.KV {
		text.KV[i] *= 1e38
	}
	f, err := NewFit(s.rope, s.moments, o, []Sample{text})
	if err != nil {
		t.Fatal(err)
	}
	bad := func(v complex128) bool { return cmplx.IsNaN(v) || cmplx.IsInf(v) }
	if a, err := f.Factors(0); err == nil && slices.ContainsFunc(append(a.Latent, a.Rotated...), bad) {
		t.Error("huge keys give factors that are not finite, and no error")
	}
	one := []QueryFactors{{make([]complex128, 3), make([]complex128, 1)}}
	for name, heads := range map[string][]QueryFactors{"one head": one, "short": {one[0], {one[0].Latent, nil}}} {
		o.Factors = heads
		if _, err := Compress(s.rope, s.moments, o); !errors.Is(err, ErrMoments) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// One query head of SmolLM2 on 1,024 tokens.
func BenchmarkFit(b *testing.B) {
	g := attn.Geometry{Heads: 9, KVHeads: 3, KeySize: 64, ValueSize: 64}
	rope, err := attn.NewRope(attn.RopeConfig{Dims: 64, Base: 100000, Halves: true})
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	identity := func(n int) *mat.SymDense {
		m := mat.NewSymDense(n, nil)
		for i := range n {
			m.SetSym(i, i, 1)
		}
		return m
	}
	m := &Moments{Geometry: g, KV: identity(384)}
	for range g.Heads {
		m.Query = append(m.Query, identity(64))
	}
	for range g.KVHeads {
		m.Output = append(m.Output, identity(64))
	}
	o := CompressOptions{R: 40, L: 152, Context: 1024}
	for i := range o.R / 2 {
		o.Pairs = append(o.Pairs, i)
	}
	text := Sample{Tokens: 1024, KV: make([]float32, 1024*384), Queries: make([]float32, 1024/SampleStride*576)}
	for i := range text.KV {
		text.KV[i] = float32(r.NormFloat64())
	}
	for i := range text.Queries {
		text.Queries[i] = float32(r.NormFloat64() / 4)
	}
	f, err := NewFit(rope, m, o, []Sample{text})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := f.Factors(4); err != nil {
			b.Fatal(err)
		}
	}
}
