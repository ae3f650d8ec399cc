package gguf

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Lock keeps the mapped data of all parts in memory until Close, so that no other program can push it out. Data that is
// not there yet is read now. The system may refuse: the error, which names the file, then tells the limit (ulimit -l).
// It wraps ErrUnsupported where data is not mapped (see Mapped), or was given to OpenBytes.
func (f *File) Lock() error {
	for _, p := range f.parts {
		switch {
		case len(p.tensors) == 0:
			continue
		case p.unmap == nil:
			return fmt.Errorf("gguf: %s: lock: the file is not mapped: %w", p.name, ErrUnsupported)
		case p.closed.Load():
			return fmt.Errorf("gguf: %s: lock: %w", p.name, ErrClosed)
		}
		if err := lock(p.data); err != nil {
			return fmt.Errorf("gguf: %s: lock %d bytes: %w", p.name, len(p.data), err)
		}
		p.locked.Store(true)
	}
	return nil
}

// Prefetch reads mapped data from the disk, in large pieces and several at a time, which is faster than the first use
// would be. report, which may be nil, is called with the bytes done so far after each piece, of a total of Size, from
// several goroutines but one at a time; data that the system holds in memory already passes at 10 GB a second. ctx ends
// it. Where nothing is mapped it does nothing. Errors are ctx's and those of Guard. Whoever closes the file waits for it.
func (f *File) Prefetch(ctx context.Context, report func(done int64)) error {
	var mu sync.Mutex
	var done int64
	pieces := f.pieces()
	errs := make([]error, prefetchers)
	var next atomic.Int64
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			errs[i] = f.Guard(func() error {
				for k := next.Add(1) - 1; k < int64(len(pieces)); k = next.Add(1) - 1 {
					if err := ctx.Err(); err != nil {
						return err
					}
					touch(pieces[k])
					mu.Lock()
					if done += int64(len(pieces[k])); report != nil {
						report(done)
					}
					mu.Unlock()
				}
				return nil
			})
			if errs[i] != nil {
				next.Store(int64(len(pieces)))
			}
		})
	}
	wg.Wait()
	return cmp.Or(errs...)
}

// pieces cuts all mapped data.
func (f *File) pieces() (list [][]byte) {
	for _, p := range f.parts {
		if p.unmap != nil && !p.closed.Load() {
			list = slices.AppendSeq(list, slices.Chunk(p.data, prefetchPiece))
		}
	}
	return list
}

const (
	prefetchPiece = 16 << 20 // a multiple of all systems' pages
	prefetchers   = 4
	smallestPage  = 4 << 10
)

// touch makes a piece of a mapping resident.
func touch(piece []byte) {
	announce(piece)
	if populate(piece) {
		return
	}
	var sum byte
	for i := 0; i < len(piece); i += smallestPage {
		sum += piece[i]
	}
	runtime.KeepAlive(sum)
}
