package gguf

import (
	"fmt"
	"io"
	"sort"
)

// AddTensorAt is AddTensor for data that can be read in pieces, in any order: as many bytes as type and shape have.
// Only tensors that were added so are part of what [Writer.ReaderAt] gives.
func (w *Writer) AddTensorAt(name string, t Type, shape []uint64, data io.ReaderAt) error {
	const piece = 1 << 20
	var size uint64
	err := w.AddTensorStream(name, t, shape, func(out io.Writer) error {
		buf := make([]byte, min(piece, size))
		for at := uint64(0); at < size; at += piece {
			b := buf[:min(piece, size-at)]
			if n, err := data.ReadAt(b, int64(at)); n < len(b) {
				return err
			}
			if _, err := out.Write(b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	added := &w.tensors[len(w.tensors)-1]
	added.at, size = data, added.size
	return nil
}

// ReaderAt returns the file that WriteTo would write, without writing it: what is read of a tensor is asked for then.
// With OpenReaderAt that makes a File of a model that exists in no file. It is an error if a tensor was added by other
// means than AddTensorAt. The Writer must not change any more.
func (w *Writer) ReaderAt() (r io.ReaderAt, size int64, err error) {
	align := w.align()
	h, _ := w.header(align)
	m := &image{header: h}
	at := int64(len(h))
	for i := range w.tensors {
		t := &w.tensors[i]
		if t.at == nil {
			return nil, 0, fmt.Errorf("gguf: tensor %q can't be read in pieces", t.name)
		}
		m.parts = append(m.parts, imagePart{at, int64(t.size), t})
		at += int64(t.size + padding(t.size, align))
	}
	m.size = at
	return m, at, nil
}

// image is a file that is computed where it is read.
type image struct {
	header []byte
	parts  []imagePart
	size   int64
}

// imagePart is where a tensor lies in the file.
type imagePart struct {
	start, size int64
	tensor      *outTensor
}

// ReadAt implements io.ReaderAt.
func (m *image) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 || off > m.size {
		return 0, io.EOF
	}
	clear(p)
	want := p[:min(int64(len(p)), m.size-off)]
	if off < int64(len(m.header)) {
		copy(want, m.header[off:])
	}
	end := off + int64(len(want))
	first := sort.Search(len(m.parts), func(i int) bool { return m.parts[i].start+m.parts[i].size > off })
	for _, t := range m.parts[first:] {
		lo, hi := max(off, t.start), min(end, t.start+t.size)
		if t.start >= end {
			break
		}
		if lo >= hi {
			continue
		}
		b := want[lo-off : hi-off]
		if k, err := t.tensor.at.ReadAt(b, lo-t.start); k < len(b) {
			return int(lo-off) + k, fmt.Errorf("gguf: tensor %q: %w", t.tensor.name, err)
		}
	}
	if len(want) < len(p) {
		return len(want), io.EOF
	}
	return len(want), nil
}
