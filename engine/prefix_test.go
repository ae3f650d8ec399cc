package engine

import (
	"slices"
	"sync"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// ask evaluates a prompt in a new session, closes it, and returns the tokens of an answer and the number of tokens that
// were cached.
func ask(t testing.TB, m *Model, cache CacheType, prompt []int32) (ids []int32, cached int) {
	t.Helper()
	s, err := m.NewSession(&SessionOptions{Context: 700, Cache: cache})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for p, err := range s.Generate(t.Context(), prompt, &GenerateOptions{MaxTokens: 4, IgnoreEOG: true, Sampling: &Sampling{}}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, p.Token)
	}
	return ids, s.Stats().CachedTokens
}

// A new session takes over what a closed one has of its prompt, and says the same as one that evaluates all of it.
func TestPrefixCache(t *testing.T) {
	for name, b := range gguftest.Convertible() {
		for form, opt := range cacheForms(name) {
			if form == "compressed" && name != "llama" {
				continue
			}
			for _, cache := range []CacheType{CacheF16, CacheQ8} {
				t.Run(name+"/"+form+"/"+cache.String(), func(t *testing.T) {
					path := b.Write(t)
					pooled := opt
					pooled.PrefixCache = 1 << 30
					plain, m := loadFile(t, path, opt), loadFile(t, path, pooled)
					text := gguftest.RandomIDs(330, 80)
					ask(t, m, cache, text)
					other := append(slices.Clone(text[:300]), gguftest.RandomIDs(40, 70)...)
					for _, prompt := range [][]int32{text, other, text[:200], other} {
						want, none := ask(t, plain, cache, prompt)
						got, cached := ask(t, m, cache, prompt)
						// Rows of 8 bits are rounded otherwise for a step than for a prompt's last token, which is what a
						// random model's choices are near to: which ones depends on the CPU.
						rows := form == "compressed" || form == "llama.cpp"
						same := slices.Equal(got, want) || rows && cache == CacheQ8
						if !same || none != 0 {
							t.Errorf("%d tokens, %d cached: %v, want %v", len(prompt), cached, got, want)
						}
						if m.net.Shareable() && cached < len(prompt)-40 {
							t.Errorf("%d of %d tokens were cached", cached, len(prompt))
						}
					}
				})
			}
		}
	}
}

// States of fixed size go back to the end of a closed session's prompt, or are made anew.
func TestPrefixCacheOfHybrids(t *testing.T) {
	for name, h := range gguftest.HybridVariants() {
		t.Run(name, func(t *testing.T) {
			path := h.Build().Write(t)
			plain, m := loadFile(t, path, Options{}), loadFile(t, path, Options{PrefixCache: 1 << 30})
			text := gguftest.RandomIDs(60, gguftest.HybridVocab)
			ask(t, m, CacheF16, text)
			for _, prompt := range [][]int32{append(slices.Clone(text), 1, 2, 3), text[:40]} {
				want, _ := ask(t, plain, CacheF16, prompt)
				if got, cached := ask(t, m, CacheF16, prompt); !slices.Equal(got, want) {
					t.Errorf("%d tokens, %d cached: %v, want %v", len(prompt), cached, got, want)
				}
			}
		})
	}
}

// The pool stays within its bytes, gives way to MaxCacheBytes, and is gone with the model.
func TestPrefixCacheIsBounded(t *testing.T) {
	path := gguftest.TinyLlama().Build().Write(t)
	m := loadFile(t, path, Options{PrefixCache: 1 << 30})
	ask(t, m, CacheF16, gguftest.RandomIDs(300, 80))
	one := m.CacheBytes()
	if one == 0 {
		t.Fatal("nothing is kept")
	}
	m.Close()
	if n := m.CacheBytes(); n != 0 {
		t.Errorf("%d bytes are left of a closed model", n)
	}
	m = loadFile(t, path, Options{PrefixCache: 3 * one, MaxCacheBytes: 4 * one})
	for i := range 6 {
		ask(t, m, CacheF16, append([]int32{int32(i)}, gguftest.RandomIDs(300, 80)...))
		if n := m.CacheBytes(); n > 3*one || n != one*int64(min(i+1, 3)) {
			t.Errorf("%d bytes are kept of %d sessions, %d each", n, i+1, one)
		}
	}
	var open []*Session
	for i := range 4 {
		s := newSession(t, m, &SessionOptions{Context: 700})
		open = append(open, s)
		if _, err := s.Eval(t.Context(), gguftest.RandomIDs(300+i, 80)); err != nil {
			t.Errorf("session %d: %v", i, err)
		}
	}
	for _, s := range open {
		s.Close()
		s.Close()
	}
	if n := m.CacheBytes(); n > 3*one {
		t.Errorf("%d bytes are kept, at most %d", n, 3*one)
	}
	if _, err := Load(path, &Options{PrefixCache: -1}); err == nil {
		t.Error("a negative size is accepted")
	}
}

// Sessions come and go at the same time.
func TestPrefixCacheBesideOthers(t *testing.T) {
	m := loadFile(t, gguftest.TinyLlama().Build().Write(t), Options{PrefixCache: 1 << 17})
	text := gguftest.RandomIDs(280, 80)
	want, _ := ask(t, m, CacheF16, text)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for k := range 6 {
				ask(t, m, CacheF16, append(slices.Clone(text[:260]), int32(i), int32(k)))
				if got, _ := ask(t, m, CacheF16, text); !slices.Equal(got, want) {
					t.Errorf("%v, want %v", got, want)
				}
			}
		})
	}
	wg.Wait()
}
