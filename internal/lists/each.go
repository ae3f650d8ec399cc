package lists

import (
	"errors"
	"sync"
	"sync/atomic"
)

// Each calls fn for 0 … n-1, in their order and at most so many at the same time, and returns all their errors joined.
func Each(atOnce, n int, fn func(i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(atOnce, n) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = fn(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
