package engine

import (
	"cmp"
	"context"
	"math"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// While one session evaluates a long prompt, another's tokens come between its batches.
func TestPromptsLetOthersIn(t *testing.T) {
	const batch, batches = 64, 100
	m := tinyModel(t, Options{})
	long := newSession(t, m, &SessionOptions{Context: batch * batches, Batch: batch})
	stream := newSession(t, m, &SessionOptions{Context: batch * batches})
	var running, over atomic.Bool // the prompt
	var wg sync.WaitGroup
	first := make(chan bool)
	beside := 0
	wg.Go(func() {
		for steps := 0; !over.Load(); steps++ {
			if steps == 1 {
				close(first)
			}
			if _, err := stream.Eval(t.Context(), []int32{1}); err != nil {
				t.Error(err)
				return
			}
			if err := stream.Truncate(0); err != nil {
				t.Error(err)
				return
			}
			if running.Load() {
				beside++
			}
		}
	})
	<-first
	running.Store(true)
	_, err := long.Eval(t.Context(), gguftest.RandomIDs(batch*batches, 80))
	running.Store(false)
	over.Store(true)
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if t.Logf("%d tokens beside %d batches", beside, batches); beside < batches/4 {
		t.Errorf("%d tokens beside %d batches", beside, batches)
	}
}

// Whoever waits longest for the model gets it first, also before the one who gives it back and wants it again.
func TestTurnsAreInOrder(t *testing.T) {
	m := tinyModel(t, Options{})
	if err := m.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	order := make(chan int, 8)
	for i := range 7 {
		waiting := make(chan bool)
		go func() {
			close(waiting)
			if err := m.lock(context.Background()); err != nil {
				t.Error(err)
			}
			order <- i
			m.unlock()
		}()
		<-waiting
		time.Sleep(5 * time.Millisecond) // it gets in line
	}
	m.unlock()
	if err := m.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	order <- 7
	m.unlock()
	for i := range 8 {
		if got := <-order; got != i {
			t.Errorf("turn %d went to %d", i, got)
		}
	}
}

// The batch size is a limit, not more: any gives the same logits.
func TestBatchSizes(t *testing.T) {
	m := tinyModel(t, Options{})
	ids := gguftest.RandomIDs(300, 80)
	want := lastLogits(t, newSession(t, m, nil), ids)
	for _, n := range []int{1, 7, 64, 511, math.MaxInt32} {
		got := lastLogits(t, newSession(t, m, &SessionOptions{Batch: n}), ids)
		if e := nmse([][]float32{got}, [][]float32{want}); !(e < 1e-3) {
			t.Errorf("batches of %d: logits differ by %.2g", n, e)
		}
		s := newSession(t, m, &SessionOptions{Batch: n})
		if err := s.EvalAll(t.Context(), ids, func(int, []float32) error { return nil }); err != nil {
			t.Error(err)
		}
	}
	if _, err := m.NewSession(&SessionOptions{Batch: -1}); err == nil {
		t.Error("a negative batch is accepted")
	}
}

// BenchmarkBesidePrompt measures the gaps between a streaming session's tokens beside a prompt of 8,000 (LATENTGO_BENCH_PROMPT), as
// multiples of what they are alone just before and after. LATENTGO_BENCH_MODEL is another model than SmolLM2.
func BenchmarkBesidePrompt(b *testing.B) {
	m := benchFile(b)
	opt := &SessionOptions{Context: 8192}
	size, err := strconv.Atoi(cmp.Or(os.Getenv("LATENTGO_BENCH_PROMPT"), "8000"))
	if err != nil {
		b.Fatal(err)
	}
	prompt := gguftest.RandomIDs(size, m.net.Vocab())
	var alone, beside []float64
	var took time.Duration
	for b.Loop() {
		stream, long := newSession(b, m, opt), newSession(b, m, opt)
		lastLogits(b, stream, prompt[:200])
		gaps := func(n int, done *atomic.Bool) (out []float64) {
			for i := 0; i < n && (done == nil || !done.Load()); i++ {
				start := time.Now()
				if _, err := stream.Eval(b.Context(), []int32{prompt[i]}); err != nil {
					b.Fatal(err)
				}
				out = append(out, time.Since(start).Seconds())
			}
			return out
		}
		alone = append(alone, gaps(100, nil)...)
		var done atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			defer done.Store(true)
			start := time.Now()
			if _, err := long.Eval(b.Context(), prompt); err != nil {
				b.Error(err)
			}
			took += time.Since(start)
		})
		beside = append(beside, gaps(size-300, &done)...)
		wg.Wait()
		alone = append(alone, gaps(100, nil)...)
		stream.Close()
		long.Close()
	}
	slices.Sort(alone)
	slices.Sort(beside)
	one := alone[len(alone)/2]
	at := func(list []float64, share float64) float64 { return list[int(share*float64(len(list)-1))] / one }
	b.ReportMetric(one*1e3, "ms-alone")
	b.ReportMetric(at(alone, 0.99), "alone-p99")
	b.ReportMetric(at(beside, 0.5), "beside-median")
	b.ReportMetric(at(beside, 0.9), "beside-p90")
	b.ReportMetric(at(beside, 0.99), "beside-p99")
	b.ReportMetric(float64(size*b.N)/took.Seconds(), "prompt-tokens/s")
}
