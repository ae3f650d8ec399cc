package engine

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/latentgo/latentgo/tokenizer"
)

// busyCalls are all calls that use a session.
func busyCalls(t *testing.T, s *Session) map[string]func() error {
	return map[string]func() error{
		"Eval":     func() error { _, err := s.Eval(t.Context(), []int32{1}); return err },
		"EvalAll":  func() error { return s.EvalAll(t.Context(), []int32{1}, func(int, []float32) error { return nil }) },
		"Truncate": func() error { return s.Truncate(1) },
		"Reset":    s.Reset,
		"Generate": func() error { return generate(t.Context(), s, []int32{1}, GenerateOptions{MaxTokens: 1}, 0).err },
		"GenerateText": func() (last error) {
			for _, err := range s.GenerateText(t.Context(), "abc", &GenerateOptions{MaxTokens: 1}) {
				last = err
			}
			return last
		},
	}
}

// A session that a call uses refuses others, wherever they come from, and is none the worse for it.
func TestSessionInUse(t *testing.T) {
	m := byteModel(t, Options{})
	want := generate(t.Context(), newSession(t, m, nil), start, GenerateOptions{MaxTokens: 12}, 0)
	s := newSession(t, m, nil)
	try := func(from string) {
		t.Helper()
		for name, call := range busyCalls(t, s) {
			if err := call(); !errors.Is(err, ErrBusy) {
				t.Errorf("%s within %s: %v", name, from, err)
			}
		}
	}
	var got []int32
	for p, err := range s.Generate(t.Context(), start, &GenerateOptions{MaxTokens: 12, Sampling: biased(), IgnoreEOG: true}) {
		if err != nil {
			t.Fatal(err)
		}
		try("its loop")
		done := make(chan bool)
		go func() { try("another goroutine"); close(done) }()
		<-done
		if p.Token >= 0 {
			got = append(got, p.Token)
		}
		if n := len(s.Tokens()); n != len(start)+len(got) {
			t.Errorf("%d tokens within the loop, %d were drawn", n, len(got))
		}
	}
	if !slices.Equal(got, want.ids) || s.Stats().Tokens != 12 || s.Stats().Reason != ReasonMaxTokens {
		t.Errorf("drew %v, want %v, %+v", got, want.ids, s.Stats())
	}
	if err := s.EvalAll(t.Context(), []int32{5}, func(int, []float32) error { try("EvalAll"); return nil }); err != nil {
		t.Error(err)
	}
	for name, call := range busyCalls(t, s) {
		if err := call(); err != nil {
			t.Errorf("%s afterwards: %v", name, err)
		}
	}
}

// A session whose user panics is free again.
func TestPanicFreesTheSession(t *testing.T) {
	m := byteModel(t, Options{})
	s := newSession(t, m, nil)
	func() {
		defer func() { _ = recover() }()
		for range s.Generate(t.Context(), start, nil) {
			panic("the consumer's own")
		}
	}()
	func() {
		defer func() { _ = recover() }()
		_ = s.EvalAll(t.Context(), []int32{1}, func(int, []float32) error { panic("the function's own") })
	}()
	if _, err := s.Eval(t.Context(), []int32{1}); err != nil {
		t.Error(err)
	}
	if _, err := newSession(t, m, nil).Eval(t.Context(), []int32{1}); err != nil {
		t.Error(err)
	}
}

// Goroutines that fight for one session get whole answers or ErrBusy.
func TestManyGoroutinesOneSession(t *testing.T) {
	m := byteModel(t, Options{})
	s := newSession(t, m, nil)
	want := generate(t.Context(), newSession(t, m, nil), start, GenerateOptions{MaxTokens: 8}, 0)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				got := generate(t.Context(), s, start, GenerateOptions{MaxTokens: 8}, 0)
				if got.err != nil && !errors.Is(got.err, ErrBusy) {
					t.Error(got.err)
				}
				if got.err == nil && len(got.ids) != len(want.ids) {
					t.Errorf("drew %v, want %v", got.ids, want.ids)
				}
			}
		})
	}
	wg.Wait()
}

// Close while others use the session, and within its own loop.
func TestCloseInUse(t *testing.T) {
	m := byteModel(t, Options{})
	for _, within := range []bool{true, false} {
		s := newSession(t, m, nil)
		var last error
		n := 0
		for _, err := range s.Generate(t.Context(), start, &GenerateOptions{IgnoreEOG: true}) {
			if last = err; n == 3 {
				done := make(chan bool)
				closing := func() { s.Close(); close(done) }
				if within {
					closing()
				} else {
					go closing()
				}
				<-done
			}
			n++
		}
		if !errors.Is(last, ErrClosed) || n != 5 {
			t.Errorf("closed: %v after %d pieces", last, n)
		}
		if s.Close() != nil || s.Tokens() != nil || s.CacheBytes() != 0 {
			t.Errorf("a closed session holds %d tokens and %d bytes", len(s.Tokens()), s.CacheBytes())
		}
	}
	s := newSession(t, m, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				generate(t.Context(), s, start, GenerateOptions{MaxTokens: 2}, 0)
			}
		})
	}
	s.Close()
	wg.Wait()
}

// Whatever is misused gives an error.
func TestMisuse(t *testing.T) {
	m := byteModel(t, Options{})
	for _, s := range []*Session{nil, {}} {
		for name, call := range busyCalls(t, s) {
			if err := call(); !errors.Is(err, ErrClosed) {
				t.Errorf("%s of a session not made: %v", name, err)
			}
		}
		for _, err := range s.Chat(t.Context(), tokenizer.Conversation{}, nil) {
			if !errors.Is(err, ErrClosed) {
				t.Errorf("Chat of a session not made: %v", err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := newSession(t, m, nil).EvalAll(t.Context(), []int32{1}, nil); err == nil {
		t.Error("EvalAll takes no function")
	}
	m.Close()
	if _, err := m.NewSession(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("session of a closed model: %v", err)
	}
	for _, m := range []*Model{nil, {}} {
		if _, err := m.NewSession(nil); !errors.Is(err, ErrClosed) || m.Close() != nil {
			t.Errorf("session of a model not loaded: %v", err)
		}
	}
}
