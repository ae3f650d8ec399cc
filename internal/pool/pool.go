// Package pool runs one function on a fixed set of workers at once (SPMD), with barriers between its steps.
//
// A forward pass is some hundred small steps. Starting goroutines for each would cost more than many of the steps, so a
// whole pass is one Run: every worker executes the same code, takes its share of each step and meets the others at a
// Barrier, which takes a fraction of a microsecond. A wait spins for a short while, then parks, so that other programs
// get on and an idle one costs nothing.
//
// A worker that panics (a fault in a memory map, say) releases the others: Run returns the recovered value.
package pool

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
)

// Task is what a pool runs: Work is called once per worker, at the same time.
type Task interface{ Work(w *Worker) }

// Pool is a fixed set of workers. Run calls must not overlap. A pool that is dropped without Close ends its workers
// too: their goroutines know the crew alone.
type Pool struct{ *crew }

// crew is what the workers share.
type crew struct {
	workers []Worker
	task    Task
	seq     atomic.Uint32 // number of the current Run; workers wait for it to change
	done    atomic.Int32  // workers that finished the current Run
	closed  atomic.Bool

	arrived atomic.Int32  // workers at the barrier
	gen     atomic.Uint32 // number of barriers passed
	next    atomic.Int64  // next index of Worker.Take, 0 again after each barrier

	crowded atomic.Bool // more workers than processors: nobody spins

	cancel  *atomic.Bool // read once per barrier, by the last worker to arrive
	stopped bool         // what it read: the same for all workers until the next barrier

	failed  atomic.Bool
	failure atomic.Pointer[any]
}

// Worker is one worker's view of a running task.
type Worker struct {
	ID, N  int // 0 ≤ ID < N
	p      *crew
	parked atomic.Bool
	wake   chan struct{}
}

// abort is what a worker panics with to leave a task that another worker's panic ended.
type abort struct{}

// New starts a pool of n workers (at least 1); the goroutine that calls Run is worker 0.
func New(n int) *Pool {
	c := newCrew(max(n, 1))
	p := &Pool{c}
	runtime.AddCleanup(p, (*crew).close, c)
	return p
}

func newCrew(n int) *crew {
	p := &crew{workers: make([]Worker, n)}
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

// Close ends the workers' goroutines. No Run may be under way or follow. Closing twice is allowed.
func (p *Pool) Close() { p.crew.close() }

func (p *crew) close() {
	p.closed.Store(true)
	p.seq.Add(1)
	p.wakeAll()
}

// Run executes t on all workers and returns when all are done. cancel (may be nil) can be set at any time:
// Worker.Stopped reports it after the next barrier. The result is nil, or the value of the first panic in a worker.
func (p *Pool) Run(t Task, cancel *atomic.Bool) any {
	r := p.crew.run(t, cancel)
	runtime.KeepAlive(p) // its cleanup would end the workers
	return r
}

func (p *crew) run(t Task, cancel *atomic.Bool) any {
	p.task, p.cancel, p.stopped = t, cancel, false
	p.crowded.Store(len(p.workers) > runtime.GOMAXPROCS(0))
	p.next.Store(0)
	p.done.Store(0)
	p.seq.Add(1)
	p.wakeAll()
	old := debug.SetPanicOnFault(true)
	w := &p.workers[0]
	w.work()
	debug.SetPanicOnFault(old)
	w.await(barrierSpin, func() bool { return int(p.done.Load()) == len(p.workers) })
	p.task, p.cancel = nil, nil // they may hold much
	if p.failed.Load() {
		return p.recover()
	}
	return nil
}

// recover resets the barrier after a failed Run, when all workers have left it.
func (p *crew) recover() any {
	p.arrived.Store(0)
	p.failed.Store(false)
	return *p.failure.Swap(nil)
}

// wakeAll wakes the workers that have parked.
func (p *crew) wakeAll() {
	for i := range p.workers {
		p.workers[i].unpark()
	}
}

func (w *Worker) unpark() {
	if w.parked.Load() && w.parked.CompareAndSwap(true, false) {
		w.wake <- struct{}{}
	}
}

// A wait spins first. At a barrier longer than one worker is behind another when each has a core: after that somebody
// else's work is in the way, and spinning on would take the core from it or from the worker that is waited for. Between
// runs longer than the sampler needs from one token to the next. With more workers than processors somebody else's work
// is always in the way: they park at once.
const (
	barrierSpin = 1 << 16 // turns; about 100 µs
	idleSpin    = 1 << 18
	yieldTurns  = 1 << 12 // other goroutines get the processor this often
)

// await returns when ready does: spinning first, then parked. Whoever makes ready true calls unpark afterwards.
func (w *Worker) await(spin int, ready func() bool) {
	for i := 0; !ready(); i++ {
		switch {
		case i >= spin || w.p.crowded.Load():
			w.parked.Store(true)
			if !ready() || !w.parked.CompareAndSwap(true, false) {
				<-w.wake
			}
		case i%yieldTurns == yieldTurns-1:
			runtime.Gosched()
		}
	}
}

// loop waits for runs until the pool is closed.
func (w *Worker) loop() {
	debug.SetPanicOnFault(true)
	for seq := uint32(0); ; {
		w.await(idleSpin, func() bool { return w.p.seq.Load() != seq })
		seq = w.p.seq.Load()
		if w.p.closed.Load() {
			return
		}
		w.work()
	}
}

// work runs the task and counts itself done, also when the task panics.
func (w *Worker) work() {
	defer func() {
		if r := recover(); r != nil {
			w.fail(r)
		}
		if int(w.p.done.Add(1)) == w.N {
			w.p.workers[0].unpark()
		}
	}()
	w.p.task.Work(w)
}

func (w *Worker) fail(r any) {
	if _, secondary := r.(abort); !secondary {
		w.p.failure.CompareAndSwap(nil, &r)
		w.p.failed.Store(true)
		w.p.wakeAll()
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
		p.wakeAll()
		return
	}
	w.await(barrierSpin, func() bool { return p.gen.Load() != gen || p.failed.Load() })
	if p.failed.Load() {
		panic(abort{})
	}
}

// Stopped reports whether the run's cancel flag was set when the last barrier was passed: the same answer for every
// worker.
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
