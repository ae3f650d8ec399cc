package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Limits of a header.
const (
	maxHeader = 100_000_000 // the reference implementation's
	maxDims   = 8
)

// entry is a tensor in the JSON.
type entry struct {
	DType   string  `json:"dtype"`
	Shape   []int64 `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// bad is an error that wraps ErrFormat.
func bad(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, a...))
}

// readHeader reads and checks the header of a file of size bytes.
func (f *File) readHeader(size int64) error {
	var length [8]byte
	if size < 8 {
		return bad("%d bytes are no header", size)
	}
	if _, err := f.r.ReadAt(length[:], 0); err != nil && err != io.EOF {
		return err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || int64(n) > size-8 {
		return bad("offset 0: a header of %d bytes, in a file of %d; at most %d are accepted", n, size, maxHeader)
	}
	raw := make([]byte, n)
	if k, err := f.r.ReadAt(raw, 8); k < len(raw) {
		return errors.Join(io.ErrUnexpectedEOF, err)
	}
	if err := f.parse(raw, 8+int64(n)); err != nil {
		return err
	}
	return f.place(8+int64(n), size)
}

// parse reads the JSON; the data begins at byte data of the file.
func (f *File) parse(raw []byte, data int64) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return bad("offset 8: the header is no JSON object")
	}
	f.byName = map[string]*Tensor{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return bad("offset %d: %v", 8+d.InputOffset(), err)
		}
		name, _ := key.(string)
		if name == "__metadata__" {
			if err := d.Decode(&f.metadata); err != nil {
				return bad("offset %d: __metadata__: %v", 8+d.InputOffset(), err)
			}
			continue
		}
		var e entry
		if err := d.Decode(&e); err != nil {
			return bad("offset %d: tensor %.100q: %v", 8+d.InputOffset(), name, err)
		}
		if err := f.add(name, e, data); err != nil {
			return bad("offset %d: tensor %.100q: %v", 8+d.InputOffset(), name, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return bad("offset %d: the header ends within the JSON", 8+d.InputOffset())
	}
	if rest := bytes.TrimRight(raw[d.InputOffset():], " \t\r\n\x00"); len(rest) > 0 {
		return bad("offset %d: %d bytes behind the JSON of the header", 8+d.InputOffset(), len(rest))
	}
	slices.SortFunc(f.tensors, func(a, b *Tensor) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

// add checks an entry by itself.
func (f *File) add(name string, e entry, data int64) error {
	t := &Tensor{Name: name, DType: DType(e.DType), Offset: 0, elements: 1, file: f}
	size := t.DType.Size()
	switch {
	case f.byName[name] != nil:
		return errors.New("a second one of that name")
	case size == 0:
		return fmt.Errorf("dtype %.40q is not known", e.DType)
	case len(e.Shape) > maxDims:
		return fmt.Errorf("%d dimensions, more than %d", len(e.Shape), maxDims)
	case len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1] > math.MaxInt64-data:
		return fmt.Errorf("data_offsets %v are not where something begins and ends", e.Offsets)
	}
	for _, d := range e.Shape {
		if d < 0 || d > math.MaxInt32 || d > 0 && t.elements > math.MaxInt64/8/d {
			return fmt.Errorf("shape %v overflows", e.Shape)
		}
		t.elements *= d
		t.Shape = append(t.Shape, int(d))
	}
	t.size, t.Offset = t.elements*size, data+e.Offsets[0]
	if t.size != e.Offsets[1]-e.Offsets[0] {
		return fmt.Errorf("%s of shape %v has %d bytes, data_offsets %v have %d", e.DType, e.Shape, t.size, e.Offsets, e.Offsets[1]-e.Offsets[0])
	}
	f.byName[name] = t
	f.tensors = append(f.tensors, t)
	return nil
}

// place checks that the tensors cover the bytes from data to size, without gaps and apart.
func (f *File) place(data, size int64) error {
	sorted := slices.Clone(f.tensors)
	slices.SortFunc(sorted, func(a, b *Tensor) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.size, b.size))
	})
	at := data
	for _, t := range sorted {
		if t.Offset != at {
			return bad("tensor %.100q begins at byte %d of the file, the one before it ends at %d", t.Name, t.Offset, at)
		}
		at += t.size
	}
	if at != size {
		return bad("the tensors end at byte %d, the file at %d (truncated?)", at, size)
	}
	return nil
}
