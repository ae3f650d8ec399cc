package huggingface

import "sync"

// once is a value that is computed when it is asked for first, and again after an error.
type once[T any] struct {
	mu   sync.Mutex
	done bool
	v    T
}

// get returns the value.
func (o *once[T]) get(f func() (T, error)) (T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return o.v, nil
	}
	v, err := f()
	if err == nil {
		o.v, o.done = v, true
	}
	return v, err
}
