package gguf

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// Type is a tensor's element type: ggml's number, name and block layout.
type Type = ggtype.Type

// Tensor describes one tensor and gives access to its data. Fields are read-only.
type Tensor struct {
	Name   string
	Type   Type
	Shape  []uint64 // 1 to 4 dimensions, fastest first: {columns, rows, …}; none is 0
	Offset uint64   // of the data in its file, in bytes
	Part   int      // index of the file of a split model, 0 otherwise

	elements, size uint64
	part           *part
}

// Elements returns the number of weights.
func (t *Tensor) Elements() uint64 { return t.elements }

// Size returns the number of bytes that the weights take.
func (t *Tensor) Size() uint64 { return t.size }

// Bytes returns the tensor's data, Size bytes in little-endian order, rows one after the other without padding.
//
// The data of a mapped file is not copied: the slice is a window onto the file, shared and read-only (writing is a memory
// fault), to be touched inside [File.Guard] and not after Close. It starts at a multiple of general.alignment.
// Otherwise (no mapping, or a big-endian file) each call reads a fresh copy, which belongs to the caller.
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
	if p.closed.Load() {
		return nil, ErrClosed
	}
	if p.data != nil {
		end := t.Offset + t.size
		return p.data[t.Offset:end:end], nil
	}
	if t.size > math.MaxInt {
		return nil, fmt.Errorf("%w: %d bytes do not fit into this machine's memory", ErrUnsupported, t.size)
	}
	return t.load()
}

// load reads a copy and turns it into little-endian order.
func (t *Tensor) load() ([]byte, error) {
	b := make([]byte, t.size)
	if n, err := t.part.r.ReadAt(b, int64(t.Offset)); n < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = ErrShrunk
		}
		return nil, err
	}
	if t.part.bigEndian() && !t.Type.SwapBytes(b) {
		return nil, fmt.Errorf("%w: type %v has no big-endian form", ErrUnsupported, t.Type)
	}
	return b, nil
}
