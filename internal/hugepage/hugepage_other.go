//go:build !linux

package hugepage

// Size returns the bytes of a huge page, 0 where there are none to ask for.
func Size() int { return 0 }

func advise[T any]([]T) {}

// Replace would put data into huge pages at the same addresses; here it returns ErrNone.
func Replace([]byte, bool) error { return ErrNone }
