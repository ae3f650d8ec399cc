package engine

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// A fork goes on as the session that it comes from would, which does not notice, whatever order the two go on in.
func TestFork(t *testing.T) {
	for name, b := range gguftest.Convertible() {
		path := b.Write(t)
		for form, opt := range cacheForms(name) {
			for _, cache := range cachesOf(name) {
				t.Run(fmt.Sprintf("%s/%s/%v", name, form, cache), func(t *testing.T) {
					forkInTwo(t, loadForCache(t, path, opt, cache), cache)
				})
			}
		}
	}
}

func forkInTwo(t *testing.T, m *Model, cache CacheType) {
	ids := gguftest.RandomIDs(400, 80)
	logitsOf := func(s *Session, ids []int32) []float32 {
		t.Helper()
		l, err := s.Eval(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(l)
	}
	alone := func(tail []int32) []float32 {
		s := newSession(t, m, &SessionOptions{Cache: cache})
		defer s.Close()
		logitsOf(s, ids[:300])
		return logitsOf(s, tail)
	}
	a, b := ids[300:340], ids[350:395]
	wantA, wantB := alone(a), alone(b)
	s := newSession(t, m, &SessionOptions{Cache: cache})
	logitsOf(s, ids[:300])
	f, err := s.Fork()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(logitsOf(f, nil), logitsOf(s, nil)) {
		t.Error("the logits at the fork differ")
	}
	if !slices.Equal(logitsOf(f, a), wantA) || !slices.Equal(logitsOf(s, b), wantB) {
		t.Error("a fork or what it comes from goes on otherwise than alone")
	}
	f.Close()
	s.Truncate(300)
	if s.seq.Restart() == 300 && !slices.Equal(logitsOf(s, a), wantA) {
		t.Error("after the fork was closed the session goes on otherwise")
	}
	s.Close()
	if n := m.CacheBytes(); n != 0 {
		t.Errorf("%d bytes are left", n)
	}
}

// Eight questions on one document hold its cache once.
func TestForksShareTheCache(t *testing.T) {
	m := tinyModel(t, Options{})
	s := newSession(t, m, &SessionOptions{Context: 8192})
	if _, err := s.Eval(t.Context(), gguftest.RandomIDs(4000, 80)); err != nil {
		t.Fatal(err)
	}
	document := m.CacheBytes()
	if document != int64(s.CacheBytes()) {
		t.Errorf("%d bytes, the session has %d", document, s.CacheBytes())
	}
	var forks []*Session
	for i := range 8 {
		f, err := s.Fork()
		if err != nil {
			t.Fatal(err)
		}
		forks = append(forks, f)
		if _, err := f.Eval(t.Context(), gguftest.RandomIDs(50+i, 80)); err != nil {
			t.Fatal(err)
		}
	}
	chunk := int64(256 * s.TokenBytes())
	if n := m.CacheBytes(); n > document+8*chunk {
		t.Errorf("eight forks and the document take %d bytes, the document %d, a chunk %d", n, document, chunk)
	}
	for _, f := range forks {
		f.Close()
	}
	if n := m.CacheBytes(); n != document {
		t.Errorf("%d bytes after the forks were closed, want %d", n, document)
	}
}

func TestLimits(t *testing.T) {
	m := tinyModel(t, Options{MaxSessions: 2, MaxCalls: 1, MaxCacheBytes: 1 << 18})
	a, b := newSession(t, m, nil), newSession(t, m, &SessionOptions{Context: 8192})
	if _, err := m.NewSession(nil); !errors.Is(err, ErrLimit) {
		t.Errorf("a third session: %v", err)
	}
	if _, err := a.Fork(); !errors.Is(err, ErrLimit) {
		t.Errorf("a fork: %v", err)
	}
	for range a.Generate(t.Context(), []int32{1, 2}, &GenerateOptions{MaxTokens: 2, IgnoreEOG: true}) {
		if _, err := b.Eval(t.Context(), []int32{1}); !errors.Is(err, ErrLimit) {
			t.Errorf("a call beside another: %v", err)
		}
	}
	if _, err := b.Eval(t.Context(), gguftest.RandomIDs(4000, 80)); !errors.Is(err, ErrLimit) {
		t.Errorf("4,000 tokens: %v", err)
	}
	b.Close()
	if _, err := a.Eval(t.Context(), []int32{3}); err != nil {
		t.Errorf("after the other was closed: %v", err)
	}
	c, err := m.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	func() { _ = newSession(t, m, nil) }() // dropped
	for i := 0; m.open.Load() > 1; i++ {
		if i == 100 {
			t.Fatal("a dropped session still counts")
		}
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
}
