// Package pool runs one function on a fixed set of workers at once (SPMD), with barriers between its steps.
//
// A forward pass is some hundred small steps. Starting goroutines for each would cost more than many of the steps, so a
// whole pass is one Run: every worker executes the same code, takes its share of each step and meets the others at a
// Barrier that spins for well under a microsecond. Between passes the workers spin for a short while, then park, so that
// an idle program costs nothing.
//
// A worker that panics (a fault in a memory map, say) releases the others: Run returns the recovered value.
package pool

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Task is what a pool runs: Work is called once per worker, at the same time.
type Task interface{ Work(w *Worker) }

// Pool is a fixed set of workers. Run calls must not overlap.
type Pool struct {
	workers []Worker
	task    Task
	seq     atomic.Uint32 // number of the current Run; workers wait for it to change
	done    atomic.Int32  // workers that finished the current Run
	closed  atomic.Bool

	arrived atomic.Int32  // workers at the barrier
	gen     atomic.Uint32 // number of barriers passed
	next    atomic.Int64  // next index of Worker.Take, 0 again after each barrier

	cancel  *atomic.Bool // read once per barrier, by the last worker to arrive
	stopped bool         // what it read: the same for all workers until the next barrier

	failed  atomic.Bool
	failure atomic.Pointer[any]
}

// Worker is one worker's view of a running task.
type Worker struct {
	ID, N  int // 0 ≤ ID < N
	p      *Pool
	parked atomic.Bool
	wake   chan struct{}
}

// abort is what a worker panics with to leave a task that another worker's panic ended.
type abort struct{}

// New starts a pool of n workers (at least 1); the goroutine that calls Run is worker 0.
func New(n int) *Pool {
	p := &Pool{workers: make([]Worker, max(n, 1))}
	for i := range p.workers {
		w := &p.workers[i]
		w.ID, w.N, w.p, w.wake = i, len(p.workers), p, make(chan struct{}, 1)
	}
	for i := range p.workers[1:] {
		go p.workers[i+1].loop()
	}
	return p
}

// Size returns the number of workers.
func (p *Pool) Size() int { return len(p.workers) }

// Close ends the workers' goroutines. No Run may be under way or follow.
func (p *Pool) Close() {
	p.closed.Store(true)
	p.seq.Add(1)
	p.wakeAll()
}

// Run executes t on all workers and returns when all are done. cancel (may be nil) can be set at any time: Worker.Stopped
// reports it after the next barrier. The result is nil, or the value of the first panic in a worker.
func (p *Pool) Run(t Task, cancel *atomic.Bool) any {
	p.task, p.cancel, p.stopped = t, cancel, false
	p.next.Store(0)
	p.done.Store(0)
	p.seq.Add(1)
	p.wakeAll()
	old := debug.SetPanicOnFault(true)
	p.workers[0].work()
	debug.SetPanicOnFault(old)
	for i := 0; int(p.done.Load()) < len(p.workers); i++ {
		relax(i)
	}
	p.task = nil
	if p.failed.Load() {
		return p.recover()
	}
	return nil
}

// recover resets the barrier after a failed Run, when all workers have left it.
func (p *Pool) recover() any {
	p.arrived.Store(0)
	p.failed.Store(false)
	return *p.failure.Swap(nil)
}

func (p *Pool) wakeAll() {
	for i := range p.workers[1:] {
		w := &p.workers[i+1]
		if w.parked.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
}

// loop waits for runs until the pool is closed.
func (w *Worker) loop() {
	debug.SetPanicOnFault(true)
	for seq := uint32(0); ; {
		seq = w.wait(seq)
		if w.p.closed.Load() {
			return
		}
		w.work()
	}
}

// spinTime is how long an idle worker spins before it parks: longer than the sampler needs between two tokens.
const spinTime = 500 * time.Microsecond

// wait returns the number of the next run: spinning first, then parked.
func (w *Worker) wait(seq uint32) uint32 {
	start := time.Now()
	for i := 0; ; i++ {
		if s := w.p.seq.Load(); s != seq {
			return s
		}
		if i%1024 == 1023 {
			if time.Since(start) > spinTime {
				break
			}
			runtime.Gosched()
		}
	}
	w.parked.Store(true)
	if s := w.p.seq.Load(); s != seq && w.parked.CompareAndSwap(true, false) {
		return s
	}
	<-w.wake
	return w.p.seq.Load()
}

// work runs the task and counts itself done, also when the task panics.
func (w *Worker) work() {
	defer func() {
		if r := recover(); r != nil {
			w.fail(r)
		}
		w.p.done.Add(1)
	}()
	w.p.task.Work(w)
}

func (w *Worker) fail(r any) {
	if _, secondary := r.(abort); !secondary {
		w.p.failure.CompareAndSwap(nil, &r)
		w.p.failed.Store(true)
	}
}

// Barrier returns when all workers have called it. Everything written before it is visible to all after it.
func (w *Worker) Barrier() {
	p := w.p
	gen := p.gen.Load()
	if int(p.arrived.Add(1)) == w.N {
		p.arrived.Store(0)
		p.next.Store(0)
		p.stopped = p.cancel != nil && p.cancel.Load()
		p.gen.Add(1)
		return
	}
	for i := 0; p.gen.Load() == gen; i++ {
		if p.failed.Load() {
			panic(abort{})
		}
		relax(i)
	}
}

// Stopped reports whether the run's cancel flag was set when the last barrier was passed: the same answer for every worker.
func (w *Worker) Stopped() bool { return w.p.stopped }

// Take hands out the indexes 0 … total-1 in pieces of at most grain, each to one worker; ok is false when none is left.
// All workers must call it with the same arguments until it fails, once per barrier.
func (w *Worker) Take(total, grain int) (lo, hi int, ok bool) {
	lo = int(w.p.next.Add(int64(grain))) - grain
	if lo >= total {
		return 0, 0, false
	}
	return lo, min(lo+grain, total), true
}

// Share returns this worker's part of 0 … total-1 when it is split evenly.
func (w *Worker) Share(total int) (lo, hi int) {
	return total * w.ID / w.N, total * (w.ID + 1) / w.N
}

// A wait spins spinTurns times, some 50 µs: longer than one worker is behind another when each has a core. After that
// somebody else's work is in the way, and the waiting worker leaves its core to it.
const (
	spinTurns  = 1 << 15
	napTime    = 20 * time.Microsecond
	yieldTurns = 1 << 12 // other goroutines get the processor this often
)

// relax is turn i of a wait.
func relax(i int) {
	switch {
	case i > spinTurns:
		time.Sleep(napTime)
	case i%yieldTurns == yieldTurns-1:
		runtime.Gosched()
	}
}
