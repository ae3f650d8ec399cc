package engine

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/latentgo/latentgo/gguf"
)

func tinyModel(t testing.TB, opt Options) *Model {
	t.Helper()
	return loadFile(t, tinyLlama().build().Write(t), opt)
}

// However a text is cut into evaluations, the cache must come out the same.
func TestEvalInPieces(t *testing.T) {
	m := tinyModel(t, Options{})
	ids := randomIDs(300, 80)
	want := allLogits(t, m, ids)
	s := newSession(t, m, nil)
	for at, n := 0, 1; at < len(ids); n = n*2 + 1 {
		end := min(at+n, len(ids))
		got, err := s.Eval(context.Background(), ids[at:end])
		if err != nil {
			t.Fatal(err)
		}
		if e := nmse([][]float32{got}, want[end-1:end]); !(e < 1e-3) {
			t.Errorf("logits after %d tokens differ: %.2g", end, e)
		}
		at = end
	}
	if got := s.Tokens(); len(got) != len(ids) || got[299] != ids[299] {
		t.Errorf("session holds %d tokens", len(got))
	}
}

func TestTruncateForgets(t *testing.T) {
	m := tinyModel(t, Options{})
	ids := randomIDs(40, 80)
	s := newSession(t, m, nil)
	want, err := s.Eval(context.Background(), ids)
	if err != nil {
		t.Fatal(err)
	}
	want = append([]float32(nil), want...)
	if _, err := s.Eval(context.Background(), randomIDs(30, 80)); err != nil {
		t.Fatal(err)
	}
	s.Truncate(30)
	if l, _ := s.Eval(context.Background(), nil); l != nil {
		t.Error("logits of forgotten tokens are still there")
	}
	got, err := s.Eval(context.Background(), ids[30:])
	if err != nil {
		t.Fatal(err)
	}
	if e := nmse([][]float32{got}, [][]float32{want}); !(e < 1e-6) {
		t.Errorf("logits after going back differ: %.2g", e)
	}
}

func TestEvalErrors(t *testing.T) {
	m := tinyModel(t, Options{})
	s := newSession(t, m, &SessionOptions{Context: 10})
	ctx := context.Background()
	if _, err := s.Eval(ctx, []int32{1, 80}); !errors.Is(err, ErrToken) {
		t.Errorf("token outside the vocabulary: %v", err)
	}
	if _, err := s.Eval(ctx, []int32{-1}); !errors.Is(err, ErrToken) {
		t.Errorf("negative token: %v", err)
	}
	if _, err := s.Eval(ctx, make([]int32, 11)); !errors.Is(err, ErrContextFull) || len(s.Tokens()) != 0 {
		t.Errorf("too many tokens: %v, %d kept", err, len(s.Tokens()))
	}
	if _, err := s.Eval(ctx, make([]int32, 10)); err != nil {
		t.Errorf("just enough tokens: %v", err)
	}
	if _, err := s.Eval(ctx, []int32{1}); !errors.Is(err, ErrContextFull) {
		t.Errorf("one token too many: %v", err)
	}
	want := errors.New("enough")
	s.Reset()
	if err := s.EvalAll(ctx, []int32{1, 2}, func(int, []float32) error { return want }); err != want {
		t.Errorf("EvalAll returned %v", err)
	}
	s.Close()
	if _, err := s.Eval(ctx, []int32{1}); !errors.Is(err, ErrClosed) {
		t.Errorf("closed session: %v", err)
	}
	if _, err := m.NewSession(&SessionOptions{Context: -1}); err == nil {
		t.Error("negative context is accepted")
	}
}

func TestClosedModel(t *testing.T) {
	m := tinyModel(t, Options{})
	s := newSession(t, m, nil)
	for range 2 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Eval(context.Background(), []int32{1}); !errors.Is(err, ErrClosed) {
		t.Errorf("closed model: %v", err)
	}
}

func TestCancelledEvaluationLeavesTheSessionUsable(t *testing.T) {
	big := tinyLlama()
	big.layers, big.embed, big.ff = 96, 256, 512
	m := loadFile(t, big.build().Write(t), Options{})
	s := newSession(t, m, nil)
	ids := randomIDs(480, 80)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(2*time.Millisecond, cancel)
	if _, err := s.Eval(ctx, ids); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled evaluation: %v", err)
	}
	if n := len(s.Tokens()); n != 0 {
		t.Errorf("%d tokens of the cancelled batch are in the session", n)
	}
	got, err := s.Eval(context.Background(), ids[:20])
	if err != nil {
		t.Fatal(err)
	}
	if e := nmse([][]float32{got}, allLogits(t, m, ids[:20])[19:]); !(e < 1e-6) {
		t.Errorf("logits after a cancelled evaluation differ: %.2g", e)
	}
}

func TestWaitingForTheModelIsCancelled(t *testing.T) {
	m := tinyModel(t, Options{})
	s := newSession(t, m, nil)
	<-m.turn // another session is busy
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	if _, err := s.Eval(ctx, []int32{1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting evaluation: %v", err)
	}
	m.unlock()
}

// Sessions on one model in several goroutines: each must get what it gets alone.
func TestConcurrentSessions(t *testing.T) {
	m := tinyModel(t, Options{})
	ids := randomIDs(120, 80)
	want := allLogits(t, m, ids)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			s := newSession(t, m, nil)
			for at := 0; at < len(ids); at += 10 + g {
				end := min(at+10+g, len(ids))
				got, err := s.Eval(context.Background(), ids[at:end])
				if err != nil {
					t.Error(err)
					return
				}
				if e := nmse([][]float32{got}, want[end-1:end]); !(e < 1e-3) {
					t.Errorf("goroutine %d, token %d: logits differ by %.2g", g, end, e)
				}
			}
		})
	}
	wg.Wait()
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	m := tinyModel(t, Options{})
	s := newSession(t, m, nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if _, err := s.Eval(ctx, randomIDs(20, 80)); err != nil {
		t.Fatal(err)
	}
	id := []int32{7}
	if n := testing.AllocsPerRun(50, func() {
		if _, err := s.Eval(ctx, id); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per token", n)
	}
}

// A file that is cut off while it is mapped gives an error, and the program lives.
func TestFileShrinks(t *testing.T) {
	big := tinyLlama()
	big.embed, big.ff, big.layers = 256, 1024, 8
	path := big.build().Write(t)
	m := loadFile(t, path, Options{})
	if !m.File().Mapped() {
		t.Skip("the file is not mapped on this system")
	}
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file can't be truncated here")
	}
	s := newSession(t, m, nil)
	if err := os.Truncate(path, 20_000); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := s.Eval(context.Background(), randomIDs(40, 80)); !errors.Is(err, gguf.ErrShrunk) {
			t.Fatalf("evaluation of a file that shrank: %v", err)
		}
		if _, err := s.Eval(context.Background(), []int32{1}); !errors.Is(err, gguf.ErrShrunk) {
			t.Fatalf("decode of a file that shrank: %v", err)
		}
	}
}

func TestInfo(t *testing.T) {
	for _, form := range bothForms {
		in := tinyModel(t, Options{MLA: form}).Info()
		// 2 layers × 2 heads × (16 + 16) values × 2 bytes
		if in.CacheBytes != 256 || in.Layers != 2 || in.Heads != 6 || in.KVHeads != 2 || in.HeadSize != 16 || in.Vocab != 80 {
			t.Errorf("%v: %+v", form, in)
		}
		r, l := 32, 32
		if form == MLAOff {
			r, l = 0, 0
		}
		if in.RopeSize != r || in.LatentSize != l || in.MLA != form.String() || in.FileType != "Q8_0" {
			t.Errorf("%v: %+v", form, in)
		}
	}
}
