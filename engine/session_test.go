package engine

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/latentgo/latentgo/internal/gguftest"

	"github.com/latentgo/latentgo/gguf"
)

func tinyModel(t testing.TB, opt Options) *Model {
	t.Helper()
	return loadFile(t, gguftest.TinyLlama().Build().Write(t), opt)
}

// However a text is cut into evaluations, the cache must come out the same.
func TestEvalInPieces(t *testing.T) {
	m := tinyModel(t, Options{})
	ids := gguftest.RandomIDs(300, 80)
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
	ids := gguftest.RandomIDs(40, 80)
	s := newSession(t, m, nil)
	want, err := s.Eval(context.Background(), ids)
	if err != nil {
		t.Fatal(err)
	}
	want = append([]float32(nil), want...)
	if _, err := s.Eval(context.Background(), gguftest.RandomIDs(30, 80)); err != nil {
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
	big := gguftest.TinyLlama()
	big.Layers, big.Width, big.FFN = 96, 256, 512
	m := loadFile(t, big.Build().Write(t), Options{})
	s := newSession(t, m, nil)
	ids := gguftest.RandomIDs(480, 80)
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
	if err := m.lock(t.Context()); err != nil { // another session is busy
		t.Fatal(err)
	}
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
	ids := gguftest.RandomIDs(120, 80)
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
	if _, err := s.Eval(ctx, gguftest.RandomIDs(20, 80)); err != nil {
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
	big := gguftest.TinyLlama()
	big.Width, big.FFN, big.Layers = 256, 1024, 8
	path := big.Build().Write(t)
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
	if err := s.Save(io.Discard); !errors.Is(err, gguf.ErrShrunk) {
		t.Fatalf("saving a session of a file that shrank: %v", err)
	}
	for range 3 {
		if _, err := s.Eval(context.Background(), gguftest.RandomIDs(40, 80)); !errors.Is(err, gguf.ErrShrunk) {
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

// goOn evaluates the next n of ids and compares the logits with those wanted after each of ids.
func goOn(t *testing.T, s *Session, ids []int32, n int, want [][]float32, limit float64) {
	t.Helper()
	at := len(s.Tokens())
	got, err := s.Eval(t.Context(), ids[at:at+n])
	if err != nil {
		t.Fatal(err)
	}
	if e := nmse([][]float32{got}, want[at+n-1:at+n]); !(e < limit) {
		t.Errorf("%d tokens after %d: logits differ by %.2g", n, at, e)
	}
}

// goBack truncates a session and says from where on it should evaluate tokens again.
func goBack(t *testing.T, s *Session, to, from int) {
	t.Helper()
	s.Truncate(to)
	if got := s.seq.Restart(); got != from {
		t.Errorf("back to %d: evaluates from %d on, want %d", to, got, from)
	}
}

// Going back in a compressed model gives what a new session gives: a little or to the end of a prompt at once,
// elsewhere by reading again what is left.
func TestTruncateCompressed(t *testing.T) {
	m := compressedModel(t)
	ids := gguftest.RandomIDs(300, 90)
	want := allLogits(t, m, ids)
	s := newSession(t, m, nil)
	eval := func(n int) { t.Helper(); goOn(t, s, ids, n, want, 5e-5) }
	steps := func(end int) {
		t.Helper()
		for len(s.Tokens()) < end {
			eval(1)
		}
	}
	back := func(to, from int) { t.Helper(); goBack(t, s, to, from) }
	eval(200)
	steps(290)
	back(258, 258) // a little
	steps(290)
	back(200, 200) // the prompt
	eval(1)
	steps(290)
	back(199, 199) // its last token
	eval(1)
	steps(290)
	back(230, 199) // a token of the prompt was evaluated again since
	steps(290)
	back(150, 0)
	steps(152)
	eval(1)
	back(120, 120)
	s.Truncate(0)
	eval(100)
	if _, err := s.Eval(t.Context(), gguftest.RandomIDs(100, 80)); err != nil { // others than below
		t.Fatal(err)
	}
	s.Truncate(100)
	steps(290)
	back(201, 0) // the prompt's end is not of these tokens

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Eval(ctx, ids[201:210]); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled while reading again: %v", err)
	}
	if !slices.Equal(s.Tokens(), ids[:201]) {
		t.Errorf("the session has %d tokens after that", len(s.Tokens()))
	}
	eval(9)
}
