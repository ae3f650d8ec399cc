package sample

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestDrawDistribution is a chi-square test of 200,000 draws. 37.7 is exceeded with probability 0.001 at 15 degrees of
// freedom; the seeds are fixed.
func TestDrawDistribution(t *testing.T) {
	for seed := int64(1); seed <= 4; seed++ { // 0 would be a new one each time
		r := rand.New(rand.NewPCG(uint64(seed), 99))
		logits := draw(16, func() float64 { return 1.5 * r.NormFloat64() })
		p := off()
		p.Seed = seed
		ch, err := New(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		const n = 200_000
		var counts [16]float64
		for range n {
			counts[ch.Sample(logits)]++
		}
		chi := 0.0
		want := newTwin(logits)
		for i, q := range want.probs() {
			d := counts[want[i].id] - n*q
			chi += d * d / (n * q)
		}
		if chi > 37.7 {
			t.Errorf("seed %d: chi-square %.1f", seed, chi)
		}
	}
}

// TestXTCChance: the stage acts with the probability given.
func TestXTCChance(t *testing.T) {
	p := off()
	p.XTCProbability, p.XTCThreshold, p.Temperature = 0.3, 0.1, 0
	ch, err := New(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	const n = 20_000
	second := 0
	for range n {
		if ch.Sample([]float32{2, 1.5, -8}) == 1 {
			second++
		}
	}
	if share := float64(second) / n; math.Abs(share-0.3) > 4*math.Sqrt(0.3*0.7/n) {
		t.Errorf("excluded in %.3f of the draws", share)
	}
}

// TestDrawEdges: the ends of [0, 1) and probabilities of 0.
func TestDrawEdges(t *testing.T) {
	c := candidates{list: []candidate{{p: 0}, {p: 0.25}, {p: 0}, {p: 0.75}, {p: 0}}}
	for _, d := range []struct {
		u    float64
		want int
	}{{0, 1}, {0.2499, 1}, {0.25, 3}, {1 - 0x1p-53, 3}} {
		if got := c.draw(d.u); got != d.want {
			t.Errorf("draw(%g) = %d, want %d", d.u, got, d.want)
		}
	}
	c.list = c.list[:1]
	if got := c.draw(0); got != -1 {
		t.Errorf("nothing to draw gave %d", got)
	}
}

// TestPinned holds tokens that a seed once gave, so that a change of the random numbers or of their use is noticed.
func TestPinned(t *testing.T) {
	logits := make([]float32, 1000)
	for i := range logits {
		logits[i] = float32((i*7919)%1000) / 200
	}
	p := DefaultParams()
	p.Seed = 42
	ch, err := New(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []int32
	for range 12 {
		got = append(got, ch.Sample(logits))
	}
	want := []int32{642, 778, 272, 667, 62, 494, 914, 494, 704, 247, 136, 99}
	if !slices.Equal(got, want) {
		t.Errorf("drew %v, want %v", got, want)
	}
}

// TestMirostatHoldsSurprise: over many tokens the mean surprise approaches tau, for both versions, on logits that fall
// as Zipf's law says.
func TestMirostatHoldsSurprise(t *testing.T) {
	logits := make([]float32, 5000)
	for i := range logits {
		logits[i] = float32(-1.1 * math.Log(float64(i+1)))
	}
	full := newTwin(logits).probs()
	for version := 1; version <= 2; version++ {
		for _, tau := range []float64{2, 4, 6} {
			p := off()
			p.Mirostat, p.MirostatTau = version, tau
			ch, err := New(p, Options{})
			if err != nil {
				t.Fatal(err)
			}
			sum, n := 0.0, 4000
			for range n {
				token := ch.Sample(logits)
				kept := 0.0
				for _, cand := range ch.candidates.list {
					kept += full[cand.id]
				}
				sum += -math.Log2(full[token] / kept)
			}
			if mean := sum / float64(n); math.Abs(mean-tau) > 0.1 {
				t.Errorf("version %d: mean surprise %.2f, want %g", version, mean, tau)
			}
		}
	}
}

// TestMirostatEdges: no value of the formulas may panic or draw outside the vocabulary.
func TestMirostatEdges(t *testing.T) {
	inf := float32(math.Inf(1))
	nan := float32(math.NaN())
	for version := 1; version <= 2; version++ {
		for _, logits := range [][]float32{{1}, {1, 1}, {0, 0, 0, 0, 0}, {inf, 1, 2}, {inf, inf}, {nan, 3}, {-inf, 2, -inf}, {0, -100, -200}} {
			for _, tau := range []float64{0, 1, 5, 1e6} {
				for _, temp := range []float64{0, 1e-30, 1, 1e30} {
					p := off()
					p.Mirostat, p.MirostatTau, p.Temperature = version, tau, temp
					ch, err := New(p, Options{})
					if err != nil {
						t.Fatal(err)
					}
					for range 20 {
						if got := ch.Sample(logits); got < 0 || int(got) >= len(logits) || !(logits[got] > -inf) {
							t.Fatalf("version %d, tau %g, temperature %g: %v gave %d", version, tau, temp, logits, got)
						}
					}
				}
			}
		}
	}
}
