package gguf

import (
	"fmt"
	"io"
	"math"
	"weak"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/hugepage"
)

// Type is a tensor's element type: ggml's number, name and block layout.
type Type = ggtype.Type

// Tensor describes one tensor and gives access to its data. Fields are read-only.
type Tensor struct {
	Name   string
	Type   Type
	Shape  []uint64 // 1 to 4 dimensions, fastest first: {columns, rows, …}; a 0 makes an empty tensor
	Offset uint64   // of the data in its file, in bytes
	Part   int      // index of the file of a split model, 0 otherwise

	elements, size uint64
	part           *part
	loaded         weak.Pointer[byte] // the first byte of data that was read and is still in use somewhere
}

// Elements returns the number of weights.
func (t *Tensor) Elements() uint64 { return t.elements }

// Size returns the number of bytes that the weights take.
func (t *Tensor) Size() uint64 { return t.size }

// Bytes returns the tensor's data, Size bytes in little-endian order, rows one after the other without padding. The
// slice is shared and read-only.
//
// The data of a mapped file is not copied: the slice is a window onto the file (writing is a memory fault), to be
// touched inside [File.Guard] and not after Close. It starts at a multiple of general.alignment. What OpenBytes was
// given is not copied either.
//
// Otherwise (no mapping, or a big-endian file) the data is read into memory, where it stays, the same for every caller,
// as long as anyone holds the slice.
//
// Errors: ErrClosed, ErrShrunk, ErrUnsupported (a type without a big-endian form), or what reading gave.
func (t *Tensor) Bytes() ([]byte, error) {
	b, err := t.bytes()
	if err != nil {
		return nil, fmt.Errorf("gguf: %s: tensor %q at offset %d: %w", t.part.name, t.Name, t.Offset, err)
	}
	return b, nil
}

// bytes is Bytes without the names in its errors.
func (t *Tensor) bytes() ([]byte, error) {
	p := t.part
	switch {
	case p.closed.Load():
		return nil, ErrClosed
	case p.hollow != nil:
		return p.hollow.data(t), nil
	case p.data != nil:
		end := t.Offset + t.size
		return p.data[t.Offset:end:end], nil
	case t.size > math.MaxInt:
		return nil, fmt.Errorf("%w: %d bytes do not fit into this machine's memory", ErrUnsupported, t.size)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if first := t.loaded.Value(); first != nil {
		return from(first, int(t.size)), nil
	}
	b, err := t.load()
	if len(b) > 0 {
		t.loaded = weak.Make(&b[0])
	}
	return b, err
}

// WriteTo writes the tensor's data to w, as Bytes gives it. Data that does not lie in memory is read in pieces. The
// errors are those of Bytes, and w's. It implements io.WriterTo.
func (t *Tensor) WriteTo(w io.Writer) (n int64, err error) {
	const piece = 1 << 20
	for at := uint64(0); at < t.size; at += piece {
		b, err := t.section(at, min(piece, t.size-at))
		if err != nil {
			return n, err
		}
		k, err := w.Write(b)
		if n += int64(k); err != nil {
			return n, err
		}
	}
	return n, nil
}

// load reads the data and turns it into little-endian order.
func (t *Tensor) load() ([]byte, error) {
	b, err := t.readAt(0, t.size)
	if err == nil && t.part.bigEndian() && !t.Type.SwapBytes(b) {
		return nil, fmt.Errorf("%w: type %v has no big-endian form", ErrUnsupported, t.Type)
	}
	return b, err
}

// readAt reads n bytes of the data, from byte at, as they are in the file.
func (t *Tensor) readAt(at, n uint64) ([]byte, error) {
	b := hugepage.Make[byte](int(n))
	if n, err := t.part.r.ReadAt(b, int64(t.Offset+at)); n < len(b) {
		return nil, shrunk(err)
	}
	return b, nil
}

// section returns n bytes of Bytes, from byte at, without reading the others where that can be avoided.
func (t *Tensor) section(at, n uint64) ([]byte, error) {
	if p := t.part; p.data == nil && p.hollow == nil && !p.bigEndian() && !p.closed.Load() {
		b, err := t.readAt(at, n)
		if err != nil {
			return nil, fmt.Errorf("gguf: %s: tensor %q at offset %d: %w", p.name, t.Name, t.Offset, err)
		}
		return b, nil
	}
	b, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	return b[at:][:n], nil
}

// ReadAt reads len(p) bytes of the data, from byte off, as Bytes gives it, without keeping it. It implements
// io.ReaderAt; the errors are those of Bytes, or io.EOF behind the data.
func (t *Tensor) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || uint64(off) >= t.size && len(p) > 0 {
		return 0, io.EOF
	}
	n := min(uint64(len(p)), t.size-uint64(off))
	b, err := t.section(uint64(off), n)
	if err != nil {
		return 0, err
	}
	copy(p, b)
	if n < uint64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}
