package gguf

import (
	"bytes"
	"errors"
	"io"
	"math"
)

// Hollow returns a file with the metadata and tensors of f whose data is zeros, which all tensors share and which takes
// memory only where it is touched: for what a header alone says of a model, such as how much its sessions take. Nothing
// of it depends on f, which may be closed.
func (f *File) Hollow() (*File, error) {
	most := uint64(0)
	for _, t := range f.tensors {
		most = max(most, t.size)
	}
	if most > math.MaxInt {
		return nil, errors.New("gguf: " + f.name + ": a tensor is larger than this machine's memory can be")
	}
	zeros := make([]byte, max(most, 1))
	var parts []*part
	for _, p := range f.parts {
		h, err := newPart(p.name, io.NewSectionReader(headed{bytes.NewReader(p.raw)}, 0, p.size), p.size)
		if err != nil {
			return nil, err
		}
		h.zeros = zeros
		parts = append(parts, h)
	}
	return newFile(parts)
}

// headed reads zeros behind a header.
type headed struct{ header *bytes.Reader }

// ReadAt implements io.ReaderAt.
func (h headed) ReadAt(p []byte, off int64) (int, error) {
	n, err := h.header.ReadAt(p, off)
	if err != nil && err != io.EOF {
		return n, err
	}
	clear(p[n:])
	return len(p), nil
}
