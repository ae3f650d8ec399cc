package lists

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
)

func TestEach(t *testing.T) {
	odd := errors.New("odd")
	for _, n := range []int{0, 1, 3, 100} {
		for _, atOnce := range []int{1, 4, 200} {
			calls, now := make([]int, n), atomic.Int32{}
			err := Each(atOnce, n, func(i int) error {
				if k := now.Add(1); int(k) > atOnce {
					t.Errorf("%d calls at a time", k)
				}
				defer now.Add(-1)
				if calls[i]++; i%2 == 1 {
					return fmt.Errorf("%d: %w", i, odd)
				}
				return nil
			})
			if slices.ContainsFunc(calls, func(k int) bool { return k != 1 }) {
				t.Errorf("%d at once: calls %v", atOnce, calls)
			}
			if errors.Is(err, odd) != (n > 1) {
				t.Errorf("%d indexes: %v", n, err)
			}
		}
	}
}
