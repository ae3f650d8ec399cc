package pool

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

type taskFunc func(w *Worker)

func (f taskFunc) Work(w *Worker) { f(w) }

func TestEveryWorkerRunsOnce(t *testing.T) {
	for _, n := range []int{1, 2, 3, 8} {
		p := New(n)
		var ran [8]atomic.Int32
		for range 100 {
			p.Run(taskFunc(func(w *Worker) { ran[w.ID].Add(1) }), nil)
		}
		p.Close()
		for i := range n {
			if got := ran[i].Load(); got != 100 {
				t.Errorf("%d workers: worker %d ran %d times, want 100", n, i, got)
			}
		}
	}
}

// Each step adds up what all workers wrote in the step before: wrong if one passes the barrier early.
func TestBarrierOrdersSteps(t *testing.T) {
	const n, steps = 3, 2000
	p := New(n)
	defer p.Close()
	var cells [2][n]int
	bad := atomic.Int32{}
	p.Run(taskFunc(func(w *Worker) {
		for s := range steps {
			cells[s&1][w.ID] = s
			w.Barrier()
			for _, c := range cells[s&1] {
				if c != s {
					bad.Add(1)
				}
			}
		}
	}), nil)
	if bad.Load() != 0 {
		t.Errorf("%d stale reads after a barrier", bad.Load())
	}
}

func TestTakeHandsOutEachIndexOnce(t *testing.T) {
	p := New(2)
	defer p.Close()
	var seen [1001]atomic.Int32
	p.Run(taskFunc(func(w *Worker) {
		for range 3 {
			for {
				lo, hi, ok := w.Take(len(seen), 7)
				if !ok {
					break
				}
				for i := lo; i < hi; i++ {
					seen[i].Add(1)
				}
			}
			w.Barrier()
		}
	}), nil)
	for i := range seen {
		if seen[i].Load() != 3 {
			t.Fatalf("index %d was handed out %d times in 3 rounds", i, seen[i].Load())
		}
	}
}

func TestPanicEndsTheRunAndThePoolLives(t *testing.T) {
	p := New(3)
	defer p.Close()
	for round := range 20 {
		got := p.Run(taskFunc(func(w *Worker) {
			w.Barrier()
			if w.ID == round%3 {
				panic("boom")
			}
			w.Barrier()
			w.Barrier()
		}), nil)
		if got != "boom" {
			t.Fatalf("Run returned %v, want boom", got)
		}
		if got := p.Run(taskFunc(func(w *Worker) { w.Barrier() }), nil); got != nil {
			t.Fatalf("the next Run returned %v", got)
		}
	}
}

func TestStoppedIsTheSameForAll(t *testing.T) {
	p := New(2)
	defer p.Close()
	var cancel atomic.Bool
	var left [2]int
	time.AfterFunc(time.Millisecond, func() { cancel.Store(true) })
	p.Run(taskFunc(func(w *Worker) {
		for !w.Stopped() {
			left[w.ID]++
			w.Barrier()
		}
	}), &cancel)
	if left[0] != left[1] {
		t.Errorf("workers stopped after %d and %d steps", left[0], left[1])
	}
}

func TestParkedWorkersWake(t *testing.T) {
	p := New(2)
	defer p.Close()
	for range 5 {
		time.Sleep(5 * time.Millisecond)
		var n atomic.Int32
		p.Run(taskFunc(func(*Worker) { n.Add(1) }), nil)
		if n.Load() != 2 {
			t.Fatalf("%d workers ran", n.Load())
		}
	}
}

func TestRunDoesNotAllocate(t *testing.T) {
	p := New(2)
	defer p.Close()
	var task Task = taskFunc(func(w *Worker) { w.Barrier() })
	if n := testing.AllocsPerRun(100, func() { p.Run(task, nil) }); n != 0 {
		t.Errorf("%v allocations per run", n)
	}
}

// More workers than processors park at a barrier at once: spinning would take the processors from those that are waited
// for.
func TestCrowdedWorkersPark(t *testing.T) {
	const barriers = 200
	p := New(64 * runtime.GOMAXPROCS(0))
	defer p.Close()
	start := time.Now()
	p.Run(taskFunc(func(w *Worker) {
		for range barriers {
			w.Barrier()
		}
	}), nil)
	per := time.Since(start) / time.Duration(barriers*len(p.workers))
	t.Logf("%d workers: %v per worker and barrier", len(p.workers), per)
	if per > 30*time.Microsecond { // one that spins takes 80, one that parks less than 1
		t.Errorf("each barrier costs a worker %v", per)
	}
}

// Pools that nobody holds any more end their goroutines.
func TestDroppedPoolsEnd(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		New(3).Run(taskFunc(func(w *Worker) { w.Barrier() }), nil)
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left", runtime.NumGoroutine()-before)
		}
		runtime.GC()
	}
}

func BenchmarkBarrier(b *testing.B) {
	p := New(2)
	defer p.Close()
	p.Run(taskFunc(func(w *Worker) {
		for range b.N {
			w.Barrier()
		}
	}), nil)
}

func BenchmarkRun(b *testing.B) {
	p := New(2)
	defer p.Close()
	var task Task = taskFunc(func(*Worker) {})
	for range b.N {
		p.Run(task, nil)
	}
}
