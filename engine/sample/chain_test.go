package sample

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func mustNew(t testing.TB, p Params, opt Options) *Chain {
	t.Helper()
	ch, err := New(p, opt)
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// everything is a configuration with all stages on.
func everything() Params {
	p := DefaultParams()
	p.Seed = 3
	p.RepeatPenalty, p.FrequencyPenalty, p.PresencePenalty = 1.1, 0.1, 0.1
	p.DryMultiplier, p.DrySequenceBreakers = 0.8, []string{}
	p.TopNSigma, p.TypicalP, p.XTCProbability = 2, 0.9, 0.5
	p.DynatempRange = 0.3
	p.LogitBias = Bias{3: 1, 5: math.Inf(-1), 1 << 30: 4}
	return p
}

func TestString(t *testing.T) {
	for _, c := range []struct {
		change func(*Params)
		want   string
	}{
		{func(*Params) {}, "top_k → top_p → min_p → temperature → draw"},
		{func(p *Params) { *p = everything() },
			"logit_bias → penalties → dry → top_n_sigma → top_k → typ_p → top_p → min_p → xtc → temperature → draw"},
		{func(p *Params) { p.Temperature = 0 }, "temperature → draw"},
		{func(p *Params) { p.Temperature, p.RepeatPenalty = -1, 1.1 }, "penalties → temperature → draw"},
		{func(p *Params) { p.Temperature, p.TypicalP = 0, 0.5 }, "top_k → typ_p → top_p → min_p → temperature → draw"},
		{func(p *Params) { p.Mirostat = 1 }, "temperature → mirostat"},
		{func(p *Params) { p.Mirostat = 2 }, "temperature → mirostat_v2"},
		{func(p *Params) { p.Samplers = []string{"temp", "Top-K", "nucleus"} }, "temperature → top_k → top_p → draw"},
		{func(p *Params) { *p = Params{} }, "temperature → draw"},
	} {
		p := DefaultParams()
		c.change(&p)
		if got := mustNew(t, p, Options{}).String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// TestGreedy: the largest logit after the penalties, the lowest id of equals, whatever the truncating stages say.
func TestGreedy(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for round := range 300 {
		logits := draw(1+r.IntN(200), func() float64 { return float64(r.IntN(20)) - 10 })
		p := DefaultParams()
		p.Temperature, p.RepeatPenalty = -float64(round%2), 1.5
		p.TopK, p.TopP = r.IntN(3), r.Float64()
		ch := mustNew(t, p, Options{})
		seen := make(map[int32]bool)
		for range 10 {
			token := int32(r.IntN(len(logits)))
			ch.Accept(token)
			seen[token] = true
		}
		penalised := slices.Clone(logits)
		for token := range seen {
			if penalised[token] > 0 {
				penalised[token] /= 1.5
			} else {
				penalised[token] *= 1.5
			}
		}
		if got, want := ch.Sample(logits), newTwin(penalised)[0].id; got != want {
			t.Fatalf("drew %d, want %d", got, want)
		}
	}
}

// TestGreedyOrder: in an order of one's own a stage before the penalties counts even for greedy decoding.
func TestGreedyOrder(t *testing.T) {
	p := Params{TopK: 1, TopP: 1, TypicalP: 1, RepeatPenalty: 100, RepeatLastN: 64, Samplers: []string{"top_k", "penalties", "temperature"}}
	ch := mustNew(t, p, Options{})
	ch.Accept(2)
	if got := ch.Sample([]float32{1, 2, 3}); got != 2 {
		t.Errorf("drew %d", got)
	}
}

// TestUnusableLogits: nothing panics, excluded tokens are never drawn, None if nothing is left.
func TestUnusableLogits(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	all := everything()
	plain := off()
	greedy := DefaultParams()
	greedy.Temperature = 0
	for name, p := range map[string]Params{"all": all, "off": plain, "greedy": greedy, "default": DefaultParams(), "zero": {}} {
		ch := mustNew(t, p, Options{})
		for range 50 {
			for _, logits := range [][]float32{nil, {}, {nan}, {-inf}, {nan, -inf, nan}} {
				if got := ch.Sample(logits); got != None {
					t.Fatalf("%s: %v gave %d", name, logits, got)
				}
			}
			for _, logits := range [][]float32{{1}, {nan, 1}, {-inf, -3, nan}, {inf, 1, nan}, {inf, inf}, {0, 0, 0, 0, 0, 0},
				{math.MaxFloat32, -math.MaxFloat32, 1}, {-math.MaxFloat32, -math.MaxFloat32}} {
				got := ch.Sample(logits)
				if got < 0 || int(got) >= len(logits) || !(logits[got] > -inf) {
					t.Fatalf("%s: %v gave %d", name, logits, got)
				}
				ch.Accept(got)
			}
		}
	}
}

// TestBannedToken: a bias of −Inf holds, a large bias forces.
func TestBannedToken(t *testing.T) {
	p := DefaultParams()
	p.LogitBias = Bias{0: math.Inf(-1), 2: 50}
	ch := mustNew(t, p, Options{})
	for range 100 {
		if got := ch.Sample([]float32{9, 1, 1}); got != 2 {
			t.Fatalf("drew %d", got)
		}
	}
}

// TestSameSeed: equal seeds give equal tokens, Reset repeats them, Seed tells a random one.
func TestSameSeed(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	logits := make([][]float32, 40)
	for i := range logits {
		logits[i] = draw(500, r.NormFloat64)
	}
	run := func(ch *Chain) (out []int32) {
		for _, l := range logits {
			token := ch.Sample(l)
			ch.Accept(token)
			out = append(out, token)
		}
		return out
	}
	for _, mirostat := range []int{0, 1, 2} {
		p := everything()
		p.Seed, p.Mirostat = -1, mirostat
		random := mustNew(t, p, Options{})
		first := run(random)
		p.Seed = random.Seed()
		again := mustNew(t, p, Options{})
		if got := run(again); !slices.Equal(got, first) {
			t.Errorf("mirostat %d: seed %d gave %v, then %v", mirostat, p.Seed, first, got)
		}
		again.Reset()
		if got := run(again); !slices.Equal(got, first) {
			t.Errorf("mirostat %d: not repeated after Reset", mirostat)
		}
		random.Reset()
		if random.Seed() == p.Seed {
			t.Error("Reset kept a random seed")
		}
		p.Seed++
		if slices.Equal(run(mustNew(t, p, Options{})), first) {
			t.Error("another seed gave the same tokens")
		}
	}
}

func TestNewErrors(t *testing.T) {
	p := DefaultParams()
	p.TopP = 1.5
	if _, err := New(p, Options{}); !errors.Is(err, ErrParam) || !strings.Contains(err.Error(), "top_p") {
		t.Errorf("top_p: %v", err)
	}
	p = DefaultParams()
	p.DryMultiplier = 1
	if _, err := New(p, Options{}); !errors.Is(err, ErrParam) || !strings.Contains(err.Error(), "vocabulary") {
		t.Errorf("dry without vocabulary: %v", err)
	}
	if _, err := New(p, Options{Vocab: pieces{"a"}}); err != nil {
		t.Error(err)
	}
}

// TestRemembered: the history is as long as the widest window that is on.
func TestRemembered(t *testing.T) {
	for _, c := range []struct {
		change  func(*Params)
		context int
		want    int
	}{
		{func(*Params) {}, 0, 0},
		{func(p *Params) { p.RepeatPenalty = 1.1 }, 0, 64},
		{func(p *Params) { p.RepeatPenalty, p.RepeatLastN = 1.1, -1 }, 0, -1},
		{func(p *Params) { p.RepeatPenalty, p.RepeatLastN = 1.1, -1 }, 4096, 4096},
		{func(p *Params) { p.DryMultiplier = 1 }, 512, 512},
		{func(p *Params) { p.DryMultiplier, p.RepeatPenalty, p.RepeatLastN = 1, 1.1, 1000 }, 512, 1000},
		{func(p *Params) { p.DryMultiplier, p.Mirostat = 1, 2 }, 512, 0},
	} {
		p := DefaultParams()
		c.change(&p)
		if got := remembered(&p, c.context); got != c.want {
			t.Errorf("%d tokens, want %d", got, c.want)
		}
	}
}

// TestNoAllocation: after the first tokens Sample and Accept allocate nothing, whatever is on.
func TestNoAllocation(t *testing.T) {
	logits := bigLogits()
	mirostat1, mirostat2, wide := everything(), everything(), off()
	mirostat1.Mirostat, mirostat2.Mirostat = 1, 2
	wide.TopP, wide.TypicalP, wide.MinP = 0.9, 0.9, 0.01
	for name, p := range map[string]Params{"default": DefaultParams(), "everything": everything(), "greedy": {},
		"mirostat": mirostat1, "mirostat_v2": mirostat2, "no top-k": wide} {
		ch := mustNew(t, p, Options{Context: 256})
		step := func() { ch.Accept(ch.Sample(logits)) }
		for range 300 {
			ch.Accept(7) // fill the window
		}
		for range 3 {
			step()
		}
		if n := testing.AllocsPerRun(10, step); n != 0 {
			t.Errorf("%s: %g allocations per token", name, n)
		}
	}
}

// bigLogits is a vocabulary of 150,000.
func bigLogits() []float32 {
	r := rand.New(rand.NewPCG(1, 1))
	return draw(150_000, func() float64 { return 3 * r.NormFloat64() })
}

func BenchmarkSample(b *testing.B) {
	logits := bigLogits()
	penalised, noTopK, mirostat, sorted := DefaultParams(), DefaultParams(), DefaultParams(), slices.Clone(logits)
	slices.Sort(sorted)
	penalised.RepeatPenalty, penalised.DryMultiplier, penalised.DrySequenceBreakers = 1.1, 0.8, []string{}
	noTopK.TopK = 0
	mirostat.Mirostat = 2
	for _, bench := range []struct {
		name   string
		params Params
		logits []float32
	}{
		{"default", DefaultParams(), logits}, {"default-rising", DefaultParams(), sorted}, {"greedy", Params{}, logits},
		{"penalties", penalised, logits}, {"no-top-k", noTopK, logits}, {"mirostat2", mirostat, logits},
	} {
		b.Run(bench.name, func(b *testing.B) {
			ch := mustNew(b, bench.params, Options{Context: 4096})
			for i := range int32(4096) {
				ch.Accept(i % 700)
			}
			b.ReportAllocs()
			for b.Loop() {
				ch.Sample(bench.logits)
			}
		})
	}
}

// TestSuppress: what the model's file forbids is not drawn with any stages, whatever the bias says; None if that is
// all.
func TestSuppress(t *testing.T) {
	mirostat1, mirostat2, forced := everything(), off(), off()
	mirostat1.Mirostat, mirostat2.Mirostat = 1, 2
	forced.LogitBias = Bias{0: 1e30, 2: 1e30, 4: 1e30}
	hot := off()
	hot.Temperature = 5
	logits := []float32{9, 1, 8, 0.5, float32(math.Inf(1))}
	for name, p := range map[string]Params{"default": DefaultParams(), "all": everything(), "greedy": {}, "mirostat": mirostat1,
		"mirostat_v2": mirostat2, "forced": forced, "hot": hot} {
		forbidden := []int32{0, 2, 4, -1, 5, 1 << 30}
		ch := mustNew(t, p, Options{Suppress: forbidden})
		forbidden[0] = 3 // New has a copy
		for range 200 {
			token := ch.Sample(logits)
			if token != 1 && token != 3 {
				t.Fatalf("%s: drew %d", name, token)
			}
			ch.Accept(token)
		}
		if token := mustNew(t, p, Options{Suppress: []int32{0, 1, 2, 3, 4}}).Sample(logits); token != None {
			t.Errorf("%s: drew %d of none", name, token)
		}
	}
	if logits[0] != 9 {
		t.Error("the logits were modified")
	}
}
