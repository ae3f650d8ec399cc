package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

// mapMemory is the system's mmap; tests replace it by one that refuses.
var mapMemory = mmap

// part is one file: the whole model, or one of a split.
type part struct {
	*header
	name   string
	size   int64
	r      io.ReaderAt
	file   io.Closer // what Close closes besides the mapping; nil for a caller's reader
	data   []byte    // the mapped file; nil when it is read through r
	lo, hi uintptr   // addresses of the mapping, also after it is gone
	closed atomic.Bool
	unmap  func() error
}

// openPart opens, checks and maps one file. Only regular files are taken: size and content of anything else (a pipe, a
// device, a folder) mean something different. Symbolic links are followed, as caches of models are full of them.
func openPart(path string) (*part, error) {
	// Stat first: opening a named pipe would wait for its writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("gguf: %s: %w: not a regular file", path, ErrFormat)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	if info, err = file.Stat(); err != nil {
		file.Close()
		return nil, fmt.Errorf("gguf: %w", err)
	}
	p := &part{name: path, size: info.Size(), r: file, file: file}
	if p.header, err = readHeader(path, file, p.size); err != nil {
		file.Close()
		return nil, err
	}
	p.adopt()
	p.mapFile(file)
	if p.data != nil || len(p.tensors) == 0 {
		// The mapping stands by itself, and metadata has been copied: nothing is read from the file any more.
		p.r, p.file = nil, nil
		return p, file.Close()
	}
	return p, nil
}

// adopt makes p the owner of its header's tensors.
func (p *part) adopt() {
	for _, t := range p.tensors {
		t.part = p
	}
}

// mapFile maps a file whose data can be used as it is. Big-endian data is copied and swapped anyway, a file without
// tensors has no data, and a 32-bit machine cannot map what does not fit into an int. A system that refuses (some network
// file systems do) is no error: tensors are read on demand then.
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

// close releases mapping and file; further calls do nothing.
func (p *part) close() error {
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
