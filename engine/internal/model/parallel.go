package model

import (
	"sync"

	"github.com/latentgo/latentgo/internal/pool"
)

// parallelTask runs a function for each index on all workers of a pool.
type parallelTask struct {
	n  int
	fn func(i int) error

	mu  sync.Mutex
	err error
}

// Work implements pool.Task.
func (t *parallelTask) Work(w *pool.Worker) {
	for {
		i, _, ok := w.Take(t.n, 1)
		if !ok {
			return
		}
		if err := t.fn(i); err != nil {
			t.mu.Lock()
			t.err = err
			t.mu.Unlock()
		}
	}
}

// parallel calls fn for 0 … n-1, on all workers at once, and returns one of the errors.
func (e *executor) parallel(n int, fn func(i int) error) error {
	t := &parallelTask{n: n, fn: fn}
	if p := e.pool.Run(t, nil); p != nil {
		panic(p)
	}
	return t.err
}

// Do runs fn on all workers at once; they may meet at barriers.
func (m *Model) Do(fn func(w *pool.Worker)) {
	if p := m.exec.pool.Run(workFunc(fn), nil); p != nil {
		panic(p)
	}
}

type workFunc func(w *pool.Worker)

// Work implements pool.Task.
func (f workFunc) Work(w *pool.Worker) { f(w) }
