package gguf

import (
	"context"
	"fmt"
	"runtime"
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

// Prefetch reads mapped data from the disk, in order and in large pieces, which is faster than the first use would be.
// report, which may be nil, is called with the bytes done so far after each piece, of a total of Size; data that the
// system holds in memory already passes at several GB a second. ctx ends it. Where nothing is mapped it does nothing.
// Errors are ctx's and those of Guard. Whoever closes the file waits for it.
func (f *File) Prefetch(ctx context.Context, report func(done int64)) error {
	return f.Guard(func() error {
		var done int64
		for _, p := range f.parts {
			if p.unmap == nil || p.closed.Load() {
				continue
			}
			for at := 0; at < len(p.data); at += prefetchPiece {
				if err := ctx.Err(); err != nil {
					return err
				}
				end := min(at+prefetchPiece, len(p.data))
				announce(p.data[end:min(end+prefetchPiece, len(p.data))])
				touch(p.data[at:end])
				if done += int64(end - at); report != nil {
					report(done)
				}
			}
		}
		return nil
	})
}

const (
	prefetchPiece = 16 << 20 // a multiple of all systems' pages
	smallestPage  = 4 << 10
)

// touch makes a piece of a mapping resident.
func touch(piece []byte) {
	if populate(piece) {
		return
	}
	var sum byte
	for i := 0; i < len(piece); i += smallestPage {
		sum += piece[i]
	}
	runtime.KeepAlive(sum)
}
