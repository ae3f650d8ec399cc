package engine

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/logprob"
)

// Scores are the log-probabilities that the logits of EvalAll give, whatever the session held before.
func TestScore(t *testing.T) {
	m := tinyModel(t, Options{})
	prefix := gguftest.RandomIDs(37, 80)
	var continuations [][]int32
	for i := range 21 {
		continuations = append(continuations, gguftest.RandomIDs(1+i%5+i, 80)[i:])
	}
	s := newSession(t, m, nil)
	if _, err := s.Eval(t.Context(), prefix[:20]); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		scores, err := s.Score(t.Context(), prefix, continuations)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range continuations {
			all := allLogits(t, m, slices.Concat(prefix, c))
			sum := 0.0
			for j, id := range c {
				l := all[len(prefix)-1+j]
				p := float64(l[id]) - logprob.LogSum(make([]float32, len(l)), l)
				if sum += p; math.Abs(p-float64(scores[i].Tokens[j])) > 1e-3 {
					t.Errorf("token %d of continuation %d: %g, want %g", j, i, scores[i].Tokens[j], p)
				}
			}
			if len(scores[i].Tokens) != len(c) || math.Abs(sum-scores[i].LogProb) > 1e-2 {
				t.Errorf("continuation %d: %g over %d tokens, want %g", i, scores[i].LogProb, len(scores[i].Tokens), sum)
			}
		}
		if !slices.Equal(s.Tokens(), prefix) {
			t.Errorf("the session holds %d tokens", len(s.Tokens()))
		}
	}
	if _, err := s.Score(t.Context(), prefix, [][]int32{{1}, {}}); err == nil {
		t.Error("an empty continuation is scored")
	}
	if _, err := s.Score(t.Context(), prefix, [][]int32{make([]int32, 500)}); !errors.Is(err, ErrContextFull) {
		t.Errorf("a long continuation: %v", err)
	}
	if _, err := s.Score(t.Context(), []int32{80}, nil); !errors.Is(err, ErrToken) {
		t.Errorf("a token outside the vocabulary: %v", err)
	}
	if n, want := m.CacheBytes(), int64(s.CacheBytes()); n != want {
		t.Errorf("%d bytes are cached, the session has %d", n, want)
	}
}

// The alternatives are the logits' order, and the drawn token's log-probability is among them when it is greedy.
func TestTopLogProbs(t *testing.T) {
	m := tinyModel(t, Options{})
	s := newSession(t, m, nil)
	text := []int32{1, 2, 3}
	opt := &GenerateOptions{MaxTokens: 6, IgnoreEOG: true, TopLogProbs: 5, Sampling: &Sampling{}}
	for p, err := range s.Generate(t.Context(), text, opt) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Token < 0 {
			continue
		}
		l := allLogits(t, m, text)[len(text)-1]
		ids := make([]int32, len(l))
		for i := range ids {
			ids[i] = int32(i)
		}
		slices.SortStableFunc(ids, func(a, b int32) int { return -cmp.Compare(l[a], l[b]) })
		if len(p.Top) != 5 || p.Top[0].Token != p.Token || p.Top[0].LogProb != p.LogProb {
			t.Fatalf("drawn %d at %g, top %v", p.Token, p.LogProb, p.Top)
		}
		for i, top := range p.Top {
			if want := float64(l[ids[i]]) - logprob.LogSum(make([]float32, len(l)), l); top.Token != ids[i] || math.Abs(float64(top.LogProb)-want) > 1e-3 {
				t.Errorf("alternative %d is %v, want %d at %g", i, top, ids[i], want)
			}
		}
		text = append(text, p.Token)
	}
	for _, opt := range []GenerateOptions{{TopLogProbs: -1}, {MaxTokens: -1}} {
		for _, err := range s.Generate(t.Context(), text, &opt) {
			if err == nil {
				t.Errorf("%d alternatives, %d tokens: no error", opt.TopLogProbs, opt.MaxTokens)
			}
		}
	}
}

// The hook sees the text and the logits, what it changes is drawn from, and the model's probabilities stay.
func TestLogitsHook(t *testing.T) {
	m := tinyModel(t, Options{})
	s := newSession(t, m, nil)
	calls := 0
	opt := &GenerateOptions{MaxTokens: 4, IgnoreEOG: true, LogProbs: true, Sampling: &Sampling{}, Logits: func(tokens []int32, logits []float32) {
		if len(tokens) != 3+calls || len(logits) != 80 {
			t.Errorf("call %d: %d tokens, %d logits", calls, len(tokens), len(logits))
		}
		calls++
		for i := range logits {
			logits[i] = 0
		}
		logits[40+calls] = 1
	}}
	for p, err := range s.Generate(t.Context(), []int32{1, 2, 3}, opt) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Token >= 0 && (p.Token != int32(40+calls) || p.LogProb == 0 || math.Abs(float64(p.LogProb)+math.Log(80)) < 1e-6) {
			t.Errorf("draw %d is %d at %g", calls, p.Token, p.LogProb)
		}
	}
	if calls != 4 {
		t.Errorf("%d calls", calls)
	}
}

func TestCountTokens(t *testing.T) {
	m := byteModel(t, Options{})
	ids, err := m.Encode("hello", false, true)
	if n, err2 := m.CountTokens("hello"); n != len(ids) || n == 0 || err != nil || err2 != nil {
		t.Errorf("%d tokens, want %d; %v", n, len(ids), err2)
	}
}
