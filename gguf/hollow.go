package gguf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// hollow is what tensors of a hollow file have instead of data. Only what is touched takes memory.
type hollow struct {
	zeros, ones []byte // as long as the largest tensor, and the largest of F32
	whole       map[string][]byte
}

// onesBytes is how many bytes of an F32 tensor are ones: as many as scales, norms and the like take.
const onesBytes = 1 << 20

// Hollow returns a file with the metadata and tensors of f, but without weights, in next to no memory: for what a header
// alone says of a model, such as how much its sessions take. Integers are those of f; other data is zeros, which all
// tensors share, or in tensors of type F32 ones at the beginning. Nothing of it depends on f, which may be closed.
func (f *File) Hollow() (*File, error) {
	h := &hollow{whole: map[string][]byte{}}
	var most, mostF32 uint64
	for _, t := range f.tensors {
		switch t.Type {
		case ggtype.I8, ggtype.I16, ggtype.I32, ggtype.I64:
			b, err := t.Bytes()
			if err != nil {
				return nil, err
			}
			h.whole[t.Name] = bytes.Clone(b)
		case ggtype.F32:
			mostF32 = max(mostF32, t.size)
		default:
			most = max(most, t.size)
		}
	}
	if max(most, mostF32) > math.MaxInt {
		return nil, fmt.Errorf("gguf: %s: %w: a tensor does not fit into this machine's memory", f.name, ErrUnsupported)
	}
	h.zeros, h.ones = make([]byte, most), make([]byte, mostF32)
	for b := h.ones[:min(len(h.ones), onesBytes)/4*4]; len(b) > 0; b = b[4:] {
		binary.LittleEndian.PutUint32(b, math.Float32bits(1))
	}
	var parts []*part
	for _, p := range f.parts {
		q, err := newPart(p.name, headed{bytes.NewReader(p.raw)}, p.size)
		if err != nil {
			return nil, err
		}
		q.hollow = h
		parts = append(parts, q)
	}
	return newFile(parts)
}

// data returns a tensor's.
func (h *hollow) data(t *Tensor) []byte {
	if b, ok := h.whole[t.Name]; ok {
		return b
	}
	b := h.zeros
	if t.Type == ggtype.F32 {
		b = h.ones
	}
	return b[:t.size:t.size]
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
