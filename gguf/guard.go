package gguf

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Guard runs fn and turns a memory fault inside the file's mapping, which is what touching data of a truncated file
// gives, into an error that matches ErrShrunk (ErrClosed after Close). Other panics pass through.
//
// It covers the calling goroutine only. Other goroutines that touch tensor data call debug.SetPanicOnFault(true) at
// their start and hand what they recover to FaultError.
func (f *File) Guard(fn func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if r := recover(); r != nil {
			if err = f.FaultError(r); err == nil {
				panic(r)
			}
		}
	}()
	return fn()
}

// FaultError returns an error if recovered, a value that recover() gave, is a memory fault inside the mapping of the
// file (or where that was before Close), and nil for everything else. The error names the file and the offset.
func (f *File) FaultError(recovered any) error {
	e, ok := recovered.(interface {
		runtime.Error
		Addr() uintptr
	})
	if !ok {
		return nil
	}
	addr := e.Addr()
	for _, p := range f.parts {
		if addr < p.lo || addr >= p.hi {
			continue
		}
		err := ErrShrunk
		if p.closed.Load() {
			err = ErrClosed
		}
		return fmt.Errorf("gguf: %s: data at offset %d: %w", p.name, addr-p.lo, err)
	}
	return nil
}
