package gguf

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/latentgo/latentgo/internal/hugepage"
	"github.com/latentgo/latentgo/internal/memory"
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
		if err := p.lock(); err != nil {
			return fmt.Errorf("gguf: %s: lock %d bytes: %w", p.name, len(p.data), err)
		}
	}
	return nil
}

// lock keeps the mapping in memory.
func (p *part) lock() error {
	p.pages.Lock()
	defer p.pages.Unlock()
	err := lock(p.data)
	if err == nil {
		p.locked = true
	}
	return err
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

// HugePages moves mapped data into memory of the program's own, in pages of 2 MB instead of the file's of 4 kB, which are
// read faster: models decode 11 to 53 % faster (docs/experiments.md). Slices that Tensor.Bytes gave stay valid and may be
// read meanwhile. The memory is no longer shared with other programs that read the file, and the system can't take it
// back: it is used only where all of it fits into half of what is available. Whatever is moved is safe from changes of
// the file.
//
// ctx ends it, and so does Close. It is nil where there was nothing to do: data that is not mapped, systems without huge
// pages (all but Linux), too little memory. Errors are ctx's and those of Guard.
func (f *File) HugePages(ctx context.Context) error {
	if hugepage.Size() == 0 || f.Size() > memory.Available()/2 {
		return nil
	}
	return f.Guard(func() error {
		for _, p := range f.parts {
			if p.unmap == nil {
				continue
			}
			for piece := range slices.Chunk(wholePages(p.data, hugepage.Size()), max(hugePiece, hugepage.Size())) {
				if err := ctx.Err(); err != nil {
					return err
				}
				if !p.ownPages(piece) {
					return nil
				}
			}
		}
		return nil
	})
}

// hugePiece is how much is moved at a time: another mapping for the system, which allows some 65,000.
const hugePiece = 16 << 20

// wholePages returns what of data lies in whole pages of size bytes.
func wholePages(data []byte, size int) []byte {
	from := int(-address(data) & uintptr(size-1))
	if from >= len(data) {
		return nil
	}
	data = data[from:]
	return data[:len(data)/size*size]
}

// ownPages moves a piece of the mapping into huge pages, and reports whether it could.
func (p *part) ownPages(piece []byte) bool {
	p.pages.Lock()
	defer p.pages.Unlock()
	if p.closed.Load() {
		return false
	}
	touch(piece)
	p.own = true
	return hugepage.Replace(piece, p.locked) == nil
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
