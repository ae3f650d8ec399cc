package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// Passes take the same time, whatever the machine does: a slow one would end the guessing that tests look at.
func init() { passTook = func(time.Time) time.Duration { return time.Millisecond } }

// spoken is what an answer gave, and the logits of what a session evaluates after it.
type spoken struct {
	said
	reason string
	text   string
}

// twoAnswers generates, goes on once, and evaluates a few tokens more.
func twoAnswers(t testing.TB, s *Session, prompt []int32, opt GenerateOptions) (out spoken, stats Stats) {
	t.Helper()
	for _, ids := range [][]int32{prompt, nil} {
		for p, err := range s.Generate(t.Context(), ids, &opt) {
			if err != nil {
				t.Fatal(err)
			}
			out.tokens, out.probs, out.text = append(out.tokens, p.Token), append(out.probs, p.LogProb), out.text+p.Text
		}
		n := s.Stats()
		out.reason += n.Reason + " "
		n.Drafted, n.Accepted = n.Drafted+stats.Drafted, n.Accepted+stats.Accepted
		stats = n
	}
	out.logits = slices.Clone(s.logits)
	logits, err := s.Eval(t.Context(), []int32{3, 1, 4})
	if err != nil {
		t.Fatal(err)
	}
	out.logits = append(out.logits, logits...)
	return out, stats
}

func (a spoken) same(b spoken) bool {
	return a.equal(b.said) && a.reason == b.reason && a.text == b.text
}

// An answer with guesses is the same, to the bit, as one without: tokens, probabilities, ends, what follows.
func TestSpeculation(t *testing.T) {
	for name, b := range gguftest.Convertible() {
		m := loadFile(t, b.Write(t), Options{Threads: 1})
		for _, cache := range []CacheType{CacheF16, CacheQ8} {
			for _, p := range []Sampling{{}, {Temperature: 0.9, TopK: 3, Seed: 5, RepeatPenalty: 1.05}} {
				for _, max := range []int{2, 40} {
					t.Run(fmt.Sprintf("%s/%v/%g/%d", name, cache, p.Temperature, max), func(t *testing.T) {
						speculateOn(t, m, cache, GenerateOptions{Sampling: &p, MaxTokens: max, LogProbs: true, IgnoreEOG: true})
					})
				}
			}
		}
	}
}

func speculateOn(t *testing.T, m *Model, cache CacheType, opt GenerateOptions) {
	so := &SessionOptions{Context: 110, Cache: cache, DropMiddle: true, Keep: 4}
	prompt := slices.Repeat(gguftest.RandomIDs(20, 80), 4)
	plain := newSession(t, m, so)
	defer plain.Close()
	want, _ := twoAnswers(t, plain, prompt, opt)
	for _, how := range []string{"lookup", "draft", "both"} {
		s := newSession(t, m, so)
		opt.Speculate = how != "draft"
		if opt.Draft = nil; how != "lookup" {
			opt.Draft = m
		}
		got, stats := twoAnswers(t, s, prompt, opt)
		if !got.same(want) {
			t.Errorf("%s: another answer with guesses, %d of %d right", how, stats.Accepted, stats.Drafted)
		}
		if stats.Accepted > stats.Drafted {
			t.Errorf("%s: %d of %d guesses right", how, stats.Accepted, stats.Drafted)
		}
		if !slices.Equal(s.Tokens(), plain.Tokens()) {
			t.Errorf("%s: the session holds other tokens", how)
		}
		s.Close()
	}
}

// A text that goes in circles is guessed.
func TestGuessesAreUsed(t *testing.T) {
	m := byteModel(t, Options{})
	period := []int32{65, 66, 67, 68, 69, 70}
	follow := func(tokens []int32, logits []float32) { logits[period[len(tokens)%len(period)]] += 1000 }
	s := newSession(t, m, nil)
	opt := GenerateOptions{Sampling: &Sampling{Temperature: 1, Seed: 3}, MaxTokens: 200, Logits: follow, Speculate: true}
	for _, err := range s.Generate(t.Context(), slices.Repeat(period, 2), &opt) {
		if err != nil {
			t.Fatal(err)
		}
	}
	st := s.Stats()
	if st.Tokens != 200 || st.Drafted == 0 || st.Accepted < st.Drafted-11 {
		t.Errorf("%d tokens, %d guessed, %d of them right", st.Tokens, st.Drafted, st.Accepted)
	}
}

// Sessions that guess, some of which are left early, beside others.
func TestSpeculationBesideOthers(t *testing.T) {
	m := byteModel(t, Options{})
	opt := GenerateOptions{Sampling: &Sampling{}, MaxTokens: 60, LogProbs: true, IgnoreEOG: true}
	prompts := [][]int32{{1}, slices.Repeat([]int32{7, 8, 9}, 30), gguftest.RandomIDs(100, 256)}
	var want []spoken
	for _, p := range prompts {
		s := newSession(t, m, nil)
		w, _ := twoAnswers(t, s, p, opt)
		want = append(want, w)
		s.Close()
	}
	opt.Speculate = true
	var wg sync.WaitGroup
	for i := range 9 {
		wg.Go(func() {
			o := opt
			if i%3 == 1 {
				o.Draft = m
			}
			s := newSession(t, m, nil)
			defer s.Close()
			got, _ := twoAnswers(t, s, prompts[i%3], o)
			if !got.same(want[i%3]) {
				t.Errorf("session %d: another answer", i)
			}
			for range s.Generate(t.Context(), prompts[i%3], &o) {
				if i%2 == 0 {
					break
				}
			}
			if _, err := s.Eval(t.Context(), []int32{1}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestSpeculationErrors(t *testing.T) {
	generate := func(m *Model, opt GenerateOptions) (err error) {
		s := newSession(t, m, nil)
		defer s.Close()
		for _, err = range s.Generate(t.Context(), []int32{1, 2, 3}, &opt) {
		}
		return err
	}
	m, other := byteModel(t, Options{}), tinyModel(t, Options{})
	if err := generate(compressedModel(t), GenerateOptions{Speculate: true, MaxTokens: 3}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("a compressed model: %v", err)
	}
	if err := generate(m, GenerateOptions{Draft: other, MaxTokens: 3}); !errors.Is(err, ErrDraft) {
		t.Errorf("another vocabulary: %v", err)
	}
	closed := byteModel(t, Options{})
	closed.Close()
	if err := generate(m, GenerateOptions{Draft: closed, MaxTokens: 3}); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed draft model: %v", err)
	}
}

// A consumer that panics in the middle of right guesses leaves a session that is whole.
func TestPanicAmongGuesses(t *testing.T) {
	m := byteModel(t, Options{})
	s := newSession(t, m, nil)
	prompt := slices.Repeat([]int32{65, 66, 67}, 8)
	same := func(_ []int32, logits []float32) { logits[65] += 1000 }
	func() {
		defer func() { recover() }()
		n := 0
		for range s.Generate(t.Context(), prompt, &GenerateOptions{MaxTokens: 100, Speculate: true, Logits: same}) {
			if n++; s.Stats().Accepted > 2 {
				panic("left")
			}
		}
		t.Error("nothing was guessed")
	}()
	if s.seq.Len() > len(s.tokens) {
		t.Errorf("%d tokens are cached of %d", s.seq.Len(), len(s.tokens))
	}
}

// Pairs of tokens of many answers, drawn with other seeds, are distributed with guesses as without (χ² of two samples).
func TestSpeculationKeepsTheDistribution(t *testing.T) {
	m := byteModel(t, Options{Threads: 1})
	const letters, answers = 4, 800
	few := func(tokens []int32, logits []float32) { // some pairs are more probable than others
		last := tokens[len(tokens)-1]
		for id := range logits {
			if k := id - 65; k < 0 || k >= letters {
				logits[id] = -1000
			} else {
				logits[id] = float32((int(last)*7+k*5)%4) / 2
			}
		}
	}
	s := newSession(t, m, nil)
	accepted := 0
	count := func(speculate bool, seed int64) (pairs [letters * letters]float64) {
		for i := range answers {
			opt := GenerateOptions{Sampling: &Sampling{Temperature: 1, Seed: seed + int64(i)}, MaxTokens: 5, Logits: few, Speculate: speculate}
			g, err := s.newGeneration(&opt)
			if err != nil {
				t.Fatal(err)
			}
			if speculate {
				g.guesser.Lookup, g.guesser.Draft = false, func(_ context.Context, dst, text []int32, n int) ([]int32, error) {
					for k := range n {
						dst = append(dst, 65+(text[len(text)-1]+int32(k))%letters)
					}
					return dst, nil
				}
			}
			if err := g.run(t.Context(), []int32{65, 66, 67, 68}, func(Piece, error) bool { return true }); err != nil {
				t.Fatal(err)
			}
			accepted += s.Stats().Accepted
			pairs[(s.tokens[7]-65)*letters+s.tokens[8]-65]++
		}
		return pairs
	}
	a, b := count(false, 1), count(true, 1000000)
	if accepted < 40 { // how many there are depends on the clock: guesses that do not pay are given up
		t.Errorf("%d guesses were right: too few to tell", accepted)
	}
	chi := 0.0
	for i := range a {
		if n := a[i] + b[i]; n > 0 {
			chi += (a[i] - b[i]) * (a[i] - b[i]) / n
		}
	}
	if chi > 37.7 { // one of a thousand with 15 degrees of freedom
		t.Errorf("χ² = %.1f: %v without guesses, %v with", chi, a, b)
	}
}
