package sample

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The twins of this file are written from the definitions in the package comment: float64, everything sorted in full.

// tok is a candidate of the twins.
type tok struct {
	id int32
	l  float64
}

// twin is a list of candidates in falling order, ties by id.
type twin []tok

func newTwin(logits []float32) twin {
	var t twin
	for id, l := range logits {
		if l == l && !math.IsInf(float64(l), -1) {
			t = append(t, tok{int32(id), float64(l)})
		}
	}
	slices.SortFunc(t, func(a, b tok) int {
		if a.l != b.l {
			return map[bool]int{true: -1, false: 1}[a.l > b.l]
		}
		return int(a.id - b.id)
	})
	return t
}

// probs returns the probabilities in the twin's order.
func (t twin) probs() []float64 {
	var sum float64
	p := make([]float64, len(t))
	for i := range t {
		p[i] = math.Exp(t[i].l - t[0].l)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func (t twin) entropy() (h float64) {
	for _, p := range t.probs() {
		if p > 0 {
			h -= p * math.Log(p)
		}
	}
	return h
}

func (t twin) topK(k int) twin { return t[:min(k, len(t))] }

func (t twin) topP(p float64, keep int) twin {
	sum := 0.0
	for i, q := range t.probs() {
		sum += q
		if sum >= p && i+1 >= keep {
			return t[:i+1]
		}
	}
	return t
}

func (t twin) minP(p float64, keep int) twin {
	probs := t.probs()
	var out twin
	for i := range t {
		if i < keep || probs[i] >= p*probs[0] {
			out = append(out, t[i])
		}
	}
	return out
}

func (t twin) typical(p float64, keep int) twin {
	probs, h := t.probs(), t.entropy()
	order := make([]int, len(t))
	distance := make([]float64, len(t))
	for i := range t {
		order[i] = i
		distance[i] = math.Abs(-math.Log(probs[i]) - h)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return map[bool]int{true: -1, false: 0}[distance[a] < distance[b]] + map[bool]int{true: 1, false: 0}[distance[a] > distance[b]]
	})
	var out twin
	sum := 0.0
	for _, i := range order {
		out = append(out, t[i])
		sum += probs[i]
		if sum > p && len(out) >= keep {
			break
		}
	}
	return out
}

func (t twin) sigma(n float64) twin {
	mean, square := 0.0, 0.0
	for _, x := range t {
		mean += x.l / float64(len(t))
	}
	for _, x := range t {
		square += (x.l - mean) * (x.l - mean) / float64(len(t))
	}
	var out twin
	for _, x := range t {
		if x.l >= t[0].l-n*math.Sqrt(square) {
			out = append(out, x)
		}
	}
	return out
}

func (t twin) xtc(threshold float64, keep int) twin {
	n := 0
	for _, p := range t.probs() {
		if p >= threshold {
			n++
		}
	}
	if n < 2 || len(t)-(n-1) < keep {
		return t
	}
	return t[n-1:]
}

// mirostat2 keeps what surprises by at most mu bits.
func (t twin) mirostat2(mu float64) twin {
	var out twin
	for i, p := range t.probs() {
		if i == 0 || -math.Log2(p) <= mu {
			out = append(out, t[i])
		}
	}
	return out
}

// shapes are kinds of logits; each function makes n of them.
var shapes = map[string]func(r *rand.Rand, n int) []float32{
	"normal": func(r *rand.Rand, n int) []float32 { return draw(n, func() float64 { return 3 * r.NormFloat64() }) },
	"flat":   func(r *rand.Rand, n int) []float32 { return draw(n, func() float64 { return r.Float64() / 10 }) },
	"peaked": func(r *rand.Rand, n int) []float32 { return draw(n, func() float64 { return 100 * r.NormFloat64() }) },
	"ties":   func(r *rand.Rand, n int) []float32 { return draw(n, func() float64 { return float64(r.IntN(4)) }) },
	"equal":  func(r *rand.Rand, n int) []float32 { return draw(n, func() float64 { return -2.5 }) },
	"banned": func(r *rand.Rand, n int) []float32 {
		return draw(n, func() float64 {
			return []float64{math.Inf(-1), math.NaN(), r.NormFloat64(), 2 * r.NormFloat64()}[r.IntN(4)]
		})
	},
	"rising": func(r *rand.Rand, n int) []float32 {
		i := 0.0
		return draw(n, func() float64 { i++; return i / 10 })
	},
}

func draw(n int, f func() float64) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(f())
	}
	return out
}

// forms are the ways in which a stage may meet the candidates.
var forms = map[string]func(r *rand.Rand, c *candidates){
	"dense":  func(*rand.Rand, *candidates) {},
	"listed": func(_ *rand.Rand, c *candidates) { c.listed() },
	"mixed": func(r *rand.Rand, c *candidates) {
		list := c.listed()
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	},
	"sorted": func(_ *rand.Rand, c *candidates) { c.keepTop(c.size) },
}

// againstTwin runs fn for every shape, form and many sizes; fn returns a stage and the twin's result.
func againstTwin(t *testing.T, fn func(r *rand.Rand, logits []float32) (stage, twin)) {
	t.Helper()
	for shape, make := range shapes {
		for form, prepare := range forms {
			t.Run(shape+"/"+form, func(t *testing.T) {
				r := rand.New(rand.NewPCG(7, 7))
				var c candidates
				for n := 1; n < 400; n += 1 + n/4 {
					logits := make(r, n)
					before := slices.Clone(logits)
					s, want := fn(r, logits)
					c.load(logits)
					prepare(r, &c)
					s.apply(&c)
					compareTwin(t, &c, want)
					if !slices.EqualFunc(before, logits, sameBits) {
						t.Fatal("the logits were modified")
					}
				}
			})
		}
	}
}

func sameBits(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }

// compareTwin holds ids and logits against the twin's, and the flag sorted against the order.
func compareTwin(t *testing.T, c *candidates, want twin) {
	t.Helper()
	got := slices.Clone(c.listed())
	if c.sorted && !slices.IsSortedFunc(got, func(a, b candidate) int { return int(sign(b.logit - a.logit)) }) {
		t.Fatal("not sorted, against the flag")
	}
	slices.SortFunc(got, func(a, b candidate) int { return int(a.id - b.id) })
	slices.SortFunc(want, func(a, b tok) int { return int(a.id - b.id) })
	if len(got) != len(want) {
		t.Fatalf("%d candidates, want %d of %d", len(got), len(want), c.size)
	}
	for i := range want {
		if got[i].id != want[i].id || math.Abs(float64(got[i].logit)-want[i].l) > 1e-5*(1+math.Abs(want[i].l)) {
			t.Fatalf("candidate %d is %+v, want %+v", i, got[i], want[i])
		}
	}
}

func sign(x float32) float32 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

func TestTopK(t *testing.T) {
	againstTwin(t, func(r *rand.Rand, logits []float32) (stage, twin) {
		k := 1 + r.IntN(len(logits)+10)
		return topKStage{k}, slices.Clone(newTwin(logits).topK(k))
	})
}

func TestTopP(t *testing.T) {
	againstTwin(t, func(r *rand.Rand, logits []float32) (stage, twin) {
		p, keep := r.Float64(), r.IntN(5)
		return topP{p, keep}, slices.Clone(newTwin(logits).topP(p, keep))
	})
}

func TestMinP(t *testing.T) {
	againstTwin(t, func(r *rand.Rand, logits []float32) (stage, twin) {
		p, keep := r.Float64()/2, r.IntN(5)
		return minP{p, keep}, newTwin(logits).minP(p, keep)
	})
}

func TestTypical(t *testing.T) {
	againstTwin(t, func(r *rand.Rand, logits []float32) (stage, twin) {
		p, keep := r.Float64(), r.IntN(5)
		return typical{p, keep}, newTwin(logits).typical(p, keep)
	})
}

func TestTopNSigma(t *testing.T) {
	againstTwin(t, func(r *rand.Rand, logits []float32) (stage, twin) {
		n := 2 * r.Float64()
		return topNSigma{n}, newTwin(logits).sigma(n)
	})
}

func TestXTC(t *testing.T) {
	againstTwin(t, func(r *rand.Rand, logits []float32) (stage, twin) {
		threshold, keep := r.Float64()/5, r.IntN(5)
		return &xtc{probability: 1, threshold: threshold, keep: keep}, slices.Clone(newTwin(logits).xtc(threshold, keep))
	})
}

func TestTemperature(t *testing.T) {
	againstTwin(t, func(r *rand.Rand, logits []float32) (stage, twin) {
		want := newTwin(logits)
		temp := 0.05 + 2*r.Float64()
		for i := range want {
			want[i].l /= temp
		}
		return temperature{value: temp}, want
	})
}

func TestGreedyTemperature(t *testing.T) {
	againstTwin(t, func(r *rand.Rand, logits []float32) (stage, twin) {
		return temperature{value: -float64(r.IntN(2)), spread: 0.5}, slices.Clone(newTwin(logits).topK(1))
	})
}

func TestDynamicTemperature(t *testing.T) {
	againstTwin(t, func(r *rand.Rand, logits []float32) (stage, twin) {
		want := newTwin(logits)
		s := temperature{value: 0.5 + r.Float64(), spread: 0.1 + r.Float64()/4, exponent: 2 * r.Float64()}
		if len(want) > 1 {
			share := math.Min(want.entropy()/math.Log(float64(len(want))), 1)
			temp := s.value - s.spread + 2*s.spread*math.Pow(share, s.exponent)
			for i := range want {
				want[i].l /= temp
			}
		}
		return s, want
	})
}

func TestTinyTemperature(t *testing.T) {
	var c candidates
	c.load([]float32{3, 2.999999, -5, 3})
	temperature{value: 1e-50}.apply(&c)
	compareTwin(t, &c, twin{{0, 0}, {3, 0}})

	inf := float32(math.Inf(1))
	c.load([]float32{3, inf, -5, inf, 1e38})
	temperature{value: 0.5}.apply(&c)
	compareTwin(t, &c, twin{{1, 0}, {3, 0}})
}

// TestMirostat2 checks the set that is drawn from: a stage around the picker.
func TestMirostat2(t *testing.T) {
	againstTwin(t, func(r *rand.Rand, logits []float32) (stage, twin) {
		m := &mirostat2{controller{tau: 4 * r.Float64()}}
		m.reseed(1)
		return pickStage{m}, newTwin(logits).mirostat2(m.mu)
	})
}

// pickStage runs a picker as a stage.
type pickStage struct{ picker }

func (s pickStage) apply(c *candidates) { s.pick(c) }
