package attn

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"strings"
	"testing"
)

func newRope(t *testing.T, c RopeConfig) *Rope {
	t.Helper()
	r, err := NewRope(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A pair is a complex number, rotation a multiplication by e^{jθ·pos}.
func TestRotateIsComplexMultiplication(t *testing.T) {
	for _, halves := range []bool{false, true} {
		r := newRope(t, RopeConfig{Dims: 12, Base: 10000, Halves: halves})
		x := make([]float32, 16) // the last 4 pass through
		for i := range x {
			x[i] = float32(i) - 5
		}
		got := append([]float32(nil), x...)
		table := make([]float32, 12)
		r.Table(table, 77)
		r.Rotate(got, table)
		for i := range 6 {
			a, b := 2*i, 2*i+1
			if halves {
				a, b = i, i+6
			}
			theta := 77 * math.Pow(10000, -2*float64(i)/12)
			want := complex(float64(x[a]), float64(x[b])) * cmplx.Exp(complex(0, theta))
			if cmplx.Abs(complex(float64(got[a]), float64(got[b]))-want) > 1e-5 {
				t.Errorf("halves %v pair %d: (%v, %v), want %v", halves, i, got[a], got[b], want)
			}
		}
		for i := 12; i < 16; i++ {
			if got[i] != x[i] {
				t.Errorf("value %d beyond the rotated size changed", i)
			}
		}
	}
}

// Scores depend on the distance only.
func TestScoresDependOnDistance(t *testing.T) {
	r := newRope(t, RopeConfig{Dims: 64, Base: 100000})
	rnd := rand.New(rand.NewPCG(1, 2))
	q, k := make([]float32, 64), make([]float32, 64)
	for i := range q {
		q[i], k[i] = float32(rnd.NormFloat64()), float32(rnd.NormFloat64())
	}
	score := func(a, b int) (s float64) {
		qa, kb, t := append([]float32(nil), q...), append([]float32(nil), k...), make([]float32, 64)
		r.Table(t, a)
		r.Rotate(qa, t)
		r.Table(t, b)
		r.Rotate(kb, t)
		for i := range qa {
			s += float64(qa[i]) * float64(kb[i])
		}
		return s
	}
	for _, d := range []int{0, 1, 100} {
		if a, b := score(d, 0), score(d+5000, 5000); math.Abs(a-b) > 1e-3 {
			t.Errorf("distance %d: score %v at the start, %v at 5000", d, a, b)
		}
	}
}

func TestLinearScalingAndFactors(t *testing.T) {
	plain := newRope(t, RopeConfig{Dims: 8, Base: 10000})
	scaled := newRope(t, RopeConfig{Dims: 8, Base: 10000, Scale: 0.25, Factors: []float32{1, 1, 2, 8}})
	for i, div := range []float64{4, 4, 8, 32} {
		if got, want := scaled.Freqs()[i], plain.Freqs()[i]/div; math.Abs(got-want) > 1e-15 {
			t.Errorf("frequency %d: %v, want %v", i, got, want)
		}
	}
}

// YaRN leaves fast frequencies alone, interpolates slow ones fully and goes linearly from one to the other.
func TestYarnRange(t *testing.T) {
	c := RopeConfig{Dims: 128, Base: 10000, Scale: 1. / 16, Yarn: true, OrigContext: 4096, BetaFast: 32, BetaSlow: 1}
	plain := newRope(t, RopeConfig{Dims: 128, Base: 10000})
	r := newRope(t, c)
	lo, hi := c.yarnRange()
	if lo != 20 || hi != 46 { // 64·ln(4096/(32·2π))/ln(10000) = 20.9…, 64·ln(4096/2π)/ln(10000) = 45.02…
		t.Errorf("range %v … %v, want 20 … 46", lo, hi)
	}
	for i, f := range plain.Freqs() {
		ratio := r.Freqs()[i] / f
		want := 1 - (1-1./16)*min(1, max(0, (float64(i)-lo)/(hi-lo)))
		if math.Abs(ratio-want) > 1e-12 {
			t.Errorf("frequency %d is scaled by %v, want %v", i, ratio, want)
		}
	}
}

func TestMagnitudeScalesTheTable(t *testing.T) {
	r := newRope(t, RopeConfig{Dims: 4, Base: 10000, Magnitude: 1.5})
	table := make([]float32, 4)
	r.Table(table, 0)
	if table[0] != 1.5 || table[1] != 0 {
		t.Errorf("table at position 0: %v", table)
	}
}

func TestRopeErrors(t *testing.T) {
	nan := math.NaN()
	for want, c := range map[string]RopeConfig{
		"even":          {Dims: 7, Base: 10000},
		"size 0":        {Dims: 0, Base: 10000},
		"base 0":        {Dims: 8},
		"base NaN":      {Dims: 8, Base: nan},
		"base +":        {Dims: 8, Base: math.Inf(1)},
		"scale":         {Dims: 8, Base: 10000, Scale: -1},
		"factors":       {Dims: 8, Base: 10000, Factors: []float32{1}},
		"rope factor 2": {Dims: 8, Base: 10000, Factors: []float32{1, 1, 0, 1}},
		"yarn":          {Dims: 8, Base: 10000, Yarn: true},
	} {
		if _, err := NewRope(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one about %q", c, err, want)
		}
	}
}

// Fixed positions rotate nothing, whatever the scaling.
func TestFixedRopeIsTheIdentity(t *testing.T) {
	r := newRope(t, RopeConfig{Dims: 4, Base: 10000, Fixed: true, Scale: 0.5})
	x, table := []float32{1, 2, 3, 4}, make([]float32, 4)
	r.Table(table, 12345)
	r.Rotate(x, table)
	for i, v := range x {
		if v != float32(i+1) {
			t.Errorf("value %d became %v", i, v)
		}
	}
}

// Chunks begin at multiples of their size.
func TestChunks(t *testing.T) {
	g := Geometry{Heads: 1, KVHeads: 1, KeySize: 1, ValueSize: 1, Window: 8, Chunked: true}
	for pos, want := range map[int]int{0: 0, 7: 0, 8: 8, 15: 8, 16: 16} {
		if got := g.First(pos); got != want {
			t.Errorf("a token at %d attends from %d on, want %d", pos, got, want)
		}
	}
}
