package engine

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// soakOps is how many random operations each architecture sees; LATENTGO_SOAK sets another number.
func soakOps() int {
	if n, err := strconv.Atoi(os.Getenv("LATENTGO_SOAK")); err == nil {
		return n
	}
	if testing.Short() {
		return 120
	}
	return 400
}

// Whatever several goroutines do with a model's sessions, nothing panics, hangs or leaks, and every error is one that
// the operation can have.
func TestSoak(t *testing.T) {
	files := gguftest.Convertible()
	for name, d := range gguftest.DeepVariants() {
		files["deepseek2 "+name] = d.Build()
		break
	}
	for name, b := range files {
		t.Run(name, func(t *testing.T) {
			path := b.Write(t)
			before := runtime.NumGoroutine()
			opt := Options{Threads: 2, MaxSessions: 24, MaxCacheBytes: 1 << 21, PrefixCache: 1 << 19}
			m, err := Load(path, &opt)
			if err != nil {
				t.Fatal(err)
			}
			s := &soak{t: t, m: m}
			var wg sync.WaitGroup
			for i := range 4 {
				wg.Go(func() { s.run(rand.New(rand.NewPCG(uint64(i), 5)), soakOps()/4) })
			}
			wg.Wait()
			for _, x := range s.sessions {
				x.Close()
			}
			for m.pool.Drop() {
			}
			if n, open := m.CacheBytes(), m.open.Load(); n != 0 || open != 0 || m.passes.Waiting() != 0 {
				t.Errorf("%d bytes, %d sessions and %d waiting are left", n, open, m.passes.Waiting())
			}
			m.Close()
			for i := 0; runtime.NumGoroutine() > before; i++ {
				if i == 200 {
					t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
}

// soak is a model and its sessions, which any goroutine may use at any time.
type soak struct {
	t        *testing.T
	m        *Model
	mu       sync.Mutex
	sessions []*Session
}

func (k *soak) run(r *rand.Rand, ops int) {
	for range ops {
		s := k.pick(r)
		if s == nil {
			continue
		}
		ctx, cancel := context.WithCancel(k.t.Context())
		if r.IntN(4) == 0 {
			time.AfterFunc(time.Duration(r.IntN(2000))*time.Microsecond, cancel)
		}
		k.expect(k.op(ctx, r, s))
		cancel()
	}
}

// pick returns a session, now and then a new one.
func (k *soak) pick(r *rand.Rand) *Session {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := len(k.sessions); n > 0 && (n > 8 || r.IntN(3) > 0) {
		return k.sessions[r.IntN(n)]
	}
	context := 40 + r.IntN(500)
	s, err := k.m.NewSession(&SessionOptions{Context: context, Cache: CacheType(r.IntN(2)), Batch: r.IntN(3) * 40, DropMiddle: r.IntN(2) == 0})
	k.expect(err)
	return k.keep(s)
}

// keep is called with the lock.
func (k *soak) keep(s *Session) *Session {
	if s != nil {
		k.sessions = append(k.sessions, s)
	}
	return s
}

func (k *soak) op(ctx context.Context, r *rand.Rand, s *Session) error {
	ids := gguftest.RandomIDs(1+r.IntN(90), k.m.net.Vocab())
	switch r.IntN(9) {
	case 0:
		_, err := s.Eval(ctx, ids)
		return err
	case 1:
		return s.EvalAll(ctx, ids, func(int, []float32) error { return nil })
	case 2:
		return s.Truncate(r.IntN(200))
	case 3:
		f, err := s.Fork()
		k.mu.Lock()
		defer k.mu.Unlock()
		k.keep(f)
		return err
	case 4:
		_, err := s.Score(ctx, ids, [][]int32{ids[:1], ids})
		return err
	case 5:
		return k.saved(s)
	case 6:
		k.mu.Lock()
		defer k.mu.Unlock()
		if i := r.IntN(len(k.sessions)); r.IntN(2) == 0 {
			k.sessions[i].Close()
			k.sessions = append(k.sessions[:i], k.sessions[i+1:]...)
		}
		return nil
	}
	if r.IntN(3) == 0 {
		ids = nil // go on
	}
	left := r.IntN(40)
	opt := &GenerateOptions{MaxTokens: 1 + r.IntN(30), TopLogProbs: r.IntN(3)}
	opt.Speculate = k.m.net.Shareable() && r.IntN(3) == 0
	if opt.Speculate && r.IntN(2) == 0 {
		opt.Draft = k.m
	}
	for _, err := range s.Generate(ctx, ids, opt) {
		if err != nil {
			return err
		}
		if left--; left < 0 {
			return nil
		}
	}
	return nil
}

// saved saves a session and loads what it has saved.
func (k *soak) saved(s *Session) error {
	var b bytes.Buffer
	if err := s.Save(&b); err != nil {
		return err
	}
	l, err := k.m.LoadSession(bytes.NewReader(b.Bytes()), int64(b.Len()), nil)
	if err == nil {
		err = l.Close()
	}
	return err
}

func (k *soak) expect(err error) {
	for _, may := range []error{nil, ErrBusy, ErrClosed, ErrContextFull, ErrLimit, context.Canceled, errNoPrompt} {
		if errors.Is(err, may) {
			return
		}
	}
	k.t.Errorf("unexpected: %v", err)
}
