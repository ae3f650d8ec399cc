package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/testenv"
)

// said is what a session computes: the tokens of an answer and their log-probabilities, then logits of some more.
type said struct {
	tokens []int32
	probs  []float32
	logits []float32
}

// speak evaluates a prompt, generates n tokens and evaluates a few more.
func speak(ctx context.Context, s *Session, prompt []int32, n int) (out said, err error) {
	opt := GenerateOptions{MaxTokens: n, IgnoreEOG: true, LogProbs: true, Sampling: &Sampling{Temperature: 0.8, TopK: 40, Seed: 7}}
	for p, err := range s.Generate(ctx, prompt, &opt) {
		if err != nil {
			return out, err
		}
		if p.Token >= 0 {
			out.tokens, out.probs = append(out.tokens, p.Token), append(out.probs, p.LogProb)
		}
	}
	err = s.EvalAll(ctx, prompt[:min(len(prompt), 9)], func(_ int, l []float32) error {
		out.logits = append(out.logits, l...)
		return nil
	})
	return out, err
}

func (a said) equal(b said) bool {
	return slices.Equal(a.tokens, b.tokens) && slices.Equal(a.probs, b.probs) && slices.Equal(a.logits, b.logits)
}

// What a session says does not depend on who else is there, to the bit, on any architecture and form of the cache.
func TestSessionsDoNotDependOnOthers(t *testing.T) {
	for name, b := range gguftest.Convertible() {
		path := b.Write(t)
		for form, opt := range cacheForms(name) {
			for _, cache := range cachesOf(name) {
				t.Run(fmt.Sprintf("%s/%s/%v", name, form, cache), func(t *testing.T) {
					doNotDepend(t, loadForCache(t, path, opt, cache), cache, []int{2, 300, 1, 45, 600}, 12)
				})
			}
		}
	}
}

// The same on a real model, whose passes take long enough to be shared by all.
func TestRealSessionsDoNotDependOnOthers(t *testing.T) {
	m := loadFile(t, testenv.Model(t), Options{})
	if testing.Short() {
		doNotDepend(t, m, CacheF16, []int{2, 150, 30, 1, 8}, 8)
		return
	}
	doNotDepend(t, m, CacheF16, []int{2, 700, 30, 1, 8}, 20)
}

func doNotDepend(t *testing.T, m *Model, cache CacheType, prompts []int, n int) {
	ids := func(i int) []int32 { return gguftest.RandomIDs(prompts[i]+i, m.net.Vocab())[i:] }
	want := make([]said, len(prompts))
	for i := range prompts {
		s := newSession(t, m, &SessionOptions{Context: 1024, Cache: cache})
		var err error
		if want[i], err = speak(t.Context(), s, ids(i), n); err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	var wg sync.WaitGroup
	for i := range prompts {
		wg.Go(func() {
			s := newSession(t, m, &SessionOptions{Context: 1024, Cache: cache})
			defer s.Close()
			got, err := speak(t.Context(), s, ids(i), n)
			if err != nil || !got.equal(want[i]) {
				t.Errorf("session %d of %d tokens says %v beside others, %v alone; %v", i, prompts[i], got.tokens, want[i].tokens, err)
			}
		})
	}
	wg.Wait()
}

// A session that is cancelled leaves the passes of others alone, and its place in the line to them.
func TestCancelledSessionLeavesItsPlace(t *testing.T) {
	m := tinyModel(t, Options{})
	long, other := newSession(t, m, &SessionOptions{Context: 1 << 15}), newSession(t, m, &SessionOptions{Context: 1 << 15})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := long.Eval(ctx, gguftest.RandomIDs(1<<14, 80)); err != context.Canceled {
			t.Errorf("%v", err)
		}
	})
	// Room for a third batch of the long prompt says that its first has been evaluated; the other session has a chunk of 256.
	chunk := long.TokenBytes() * 256
	for m.CacheBytes() < int64(chunk*(2*long.batch/256+2)) && t.Context().Err() == nil {
		if _, err := speak(t.Context(), other, []int32{1, 2, 3}, 30); err != nil {
			t.Error(err)
			break
		}
	}
	cancel()
	if _, err := speak(t.Context(), other, []int32{1, 2, 3}, 30); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if n := len(long.Tokens()); n == 0 || n == 1<<14 || n != long.seq.Len() {
		t.Errorf("%d tokens, %d in the cache", n, long.seq.Len())
	}
	if _, err := speak(t.Context(), long, []int32{1, 2, 3}, 3); err != nil {
		t.Error(err)
	}
}

// One session generates 128 tokens, then eight do at the same time.
func BenchmarkSessions(b *testing.B) {
	m := loadFile(b, testenv.Model(b), Options{})
	for _, n := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				var wg sync.WaitGroup
				for i := range n {
					wg.Go(func() {
						s := newSession(b, m, nil)
						defer s.Close()
						opt := GenerateOptions{MaxTokens: 128, IgnoreEOG: true}
						for _, err := range s.Generate(b.Context(), []int32{1, int32(i + 2)}, &opt) {
							if err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
			}
			b.ReportMetric(float64(128*n*b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
