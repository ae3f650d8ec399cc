package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"sync"
	"sync/atomic"

	"github.com/latentgo/latentgo/internal/hugepage"
)

// mapMemory is the system's mmap; tests replace it by one that refuses.
var mapMemory = mmap

// part is one file: the whole model, or one of a split.
type part struct {
	*header
	name   string
	size   int64
	data   []byte      // the file in memory, where tensors can be windows onto it; else nil, and it is read through r
	r      io.ReaderAt // may be nil where data is not
	hollow *hollow     // what tensors have instead of data, see File.Hollow; else nil
	file   io.Closer   // what Close closes besides the mapping; nil for a caller's reader
	mu     sync.Mutex  // held while a tensor is read
	lo, hi uintptr     // addresses of the mapping, also after it is gone; 0 without one
	unmap  func() error
	closed atomic.Bool
	pages  sync.Mutex // held while the mapping is changed
	locked bool       // by File.Lock
	own    bool       // by File.HugePages: pages are not the file's, which could not give them again
}

// openPart opens, checks and maps one file of the operating system. Symbolic links are followed, as caches of models
// are full of them.
func openPart(path string) (*part, error) {
	// Stat first: opening a named pipe would wait for its writer.
	info, err := os.Stat(path)
	if err := checkRegular(path, info, err); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	return filePart(path, file)
}

// openFSPart opens and checks one file of fsys; see OpenFS.
func openFSPart(fsys fs.FS, name string) (*part, error) {
	info, err := fs.Stat(fsys, name)
	if err := checkRegular(name, info, err); err != nil {
		return nil, err
	}
	file, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	switch f := file.(type) {
	case *os.File:
		return filePart(name, f)
	case io.ReaderAt:
		p, err := readerPart(name, f, info.Size())
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		p.file = file
		return p, nil
	}
	data, err := readStream(name, file, info.Size())
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return bytesPart(name, data)
}

// checkRegular passes on err, and refuses all but regular files: size and content of anything else (a pipe, a device, a
// folder) mean something different.
func checkRegular(name string, info fs.FileInfo, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("gguf: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("gguf: %s: %w: not a regular file", name, ErrFormat)
	}
	return nil
}

// filePart checks and maps an open file, which it takes over.
func filePart(name string, file *os.File) (*part, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("gguf: %w", err), file.Close())
	}
	p, err := newPart(name, file, info.Size())
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	p.file = file
	p.mapFile(file)
	if p.data != nil || len(p.tensors) == 0 {
		// The mapping stands by itself, and metadata has been copied: nothing is read from the file any more.
		p.r, p.file = nil, nil
		return p, file.Close()
	}
	return p, nil
}

// readerPart checks a file that is read through r. Its last byte is read, so that a wrong size does not wait to be
// found.
func readerPart(name string, r io.ReaderAt, size int64) (*part, error) {
	p, err := newPart(name, r, size)
	if err != nil {
		return nil, err
	}
	if n, err := r.ReadAt(make([]byte, 1), size-1); n < 1 {
		return nil, fmt.Errorf("gguf: %s: read the last of %d bytes: %w", name, size, shrunk(err))
	}
	return p, nil
}

// bytesPart checks a file in memory. Big-endian data is copied and swapped, as if it were read.
func bytesPart(name string, data []byte) (*part, error) {
	p, err := newPart(name, bytes.NewReader(data), int64(len(data)))
	if err == nil && !p.bigEndian() {
		p.data, p.r = data, nil
	}
	return p, err
}

// newPart reads and checks the header of a file of size bytes.
func newPart(name string, r io.ReaderAt, size int64) (*part, error) {
	h, err := readHeader(name, r, size)
	if err != nil {
		return nil, err
	}
	p := &part{header: h, name: name, size: size, r: r}
	for _, t := range p.tensors {
		t.part = p
	}
	return p, nil
}

// readStream reads a file of size bytes into memory. Memory is taken as bytes arrive: size is what an archive claims.
func readStream(name string, r io.Reader, size int64) ([]byte, error) {
	if size > math.MaxInt {
		return nil, fmt.Errorf("gguf: %s: %w: %d bytes do not fit into this machine's memory", name, ErrUnsupported, size)
	}
	data := make([]byte, min(max(size, 0), firstRead))
	for have := 0; ; {
		n, err := io.ReadFull(r, data[have:])
		if err != nil {
			return nil, fmt.Errorf("gguf: %s: read %d bytes at offset %d: %w", name, len(data)-have, have, shrunk(err))
		}
		if have += n; int64(have) >= size {
			return data, nil
		}
		grown := hugepage.Make[byte](int(min(size, 2*int64(have))))
		copy(grown, data)
		data = grown
	}
}

// shrunk returns ErrShrunk for the error of a reader that ended too early.
func shrunk(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrShrunk
	}
	return err
}

// mapFile maps a file whose data can be used as it is. Big-endian data is copied and swapped anyway, a file without
// tensors has no data, and a 32-bit machine cannot map what does not fit into an int. A system that refuses (some
// network file systems do) is no error: tensors are read on demand then.
func (p *part) mapFile(file *os.File) {
	if p.bigEndian() || len(p.tensors) == 0 || int64(int(p.size)) != p.size {
		return
	}
	data, unmap, err := mapMemory(file, int(p.size))
	if err != nil {
		return
	}
	p.data, p.unmap = data, unmap
	p.lo = address(data)
	p.hi = p.lo + uintptr(len(data))
}

// bigEndian reports whether tensor data has to be swapped. It does not ask for the machine's own order: Bytes gives
// little-endian data everywhere.
func (p *part) bigEndian() bool { return p.order == binary.ByteOrder(binary.BigEndian) }

// release drops the mapping's pages, where the file has them.
func (p *part) release() {
	p.pages.Lock()
	defer p.pages.Unlock()
	if !p.closed.Load() && !p.locked && !p.own {
		release(p.data)
	}
}

// close releases mapping and file; further calls do nothing.
func (p *part) close() error {
	p.pages.Lock()
	defer p.pages.Unlock()
	if p.closed.Swap(true) {
		return nil
	}
	var errs []error
	if p.unmap != nil {
		errs = append(errs, p.unmap())
	}
	if p.file != nil {
		errs = append(errs, p.file.Close())
	}
	return errors.Join(errs...)
}
