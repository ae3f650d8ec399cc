package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// ErrFormat is wrapped by errors about a file that is no safetensors file, or a damaged one.
var ErrFormat = errors.New("not a valid safetensors file")

// File is the checked header of a file. It does not change; its tensors may be read from several goroutines.
type File struct {
	name     string
	r        io.ReaderAt
	metadata map[string]string
	tensors  []*Tensor
	byName   map[string]*Tensor
}

// Tensor is a tensor of a file. Fields are read-only.
type Tensor struct {
	Name   string
	DType  DType
	Shape  []int // slowest dimension first; none is a scalar
	Offset int64 // of the data in the file, in bytes

	elements, size int64
	file           *File
}

// Open reads the header of a file of size bytes through r, which must stay usable as long as tensors are read. name is
// for error messages. Errors wrap ErrFormat, or are r's.
func Open(name string, r io.ReaderAt, size int64) (*File, error) {
	f := &File{name: name, r: r}
	if err := f.readHeader(size); err != nil {
		return nil, fmt.Errorf("safetensors: %s: %w", name, err)
	}
	return f, nil
}

// Name returns the name given to Open.
func (f *File) Name() string { return f.name }

// Metadata returns the texts that the file says about itself, such as "format". The map must not be changed.
func (f *File) Metadata() map[string]string { return f.metadata }

// Tensors returns all tensors, sorted by name. The slice must not be changed.
func (f *File) Tensors() []*Tensor { return f.tensors }

// Tensor returns the tensor of a name, nil if there is none.
func (f *File) Tensor(name string) *Tensor { return f.byName[name] }

// Elements returns the number of elements.
func (t *Tensor) Elements() int64 { return t.elements }

// Size returns the number of bytes.
func (t *Tensor) Size() int64 { return t.size }

// ReadAt reads len(p) bytes of the data, from byte off, as they are in the file. It implements io.ReaderAt.
func (t *Tensor) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > t.size || int64(len(p)) > t.size-off {
		return 0, fmt.Errorf("safetensors: %s: tensor %q: bytes %d to %d of %d: %w", t.file.name, t.Name, off, off+int64(len(p)), t.size, io.EOF)
	}
	n, err := t.file.r.ReadAt(p, t.Offset+off)
	if n == len(p) {
		return n, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, fmt.Errorf("safetensors: %s: tensor %q at %d: %w", t.file.name, t.Name, t.Offset+off+int64(n), err)
}

// Floats reads len(dst) elements, from element at, as float32.
func (t *Tensor) Floats(dst []float32, at int64) error {
	const piece = 1 << 14
	size := t.DType.Size()
	buf := make([]byte, min(piece, len(dst))*int(size))
	decode := dtypes[t.DType].decode
	for len(dst) > 0 {
		n := min(piece, len(dst))
		b := buf[:n*int(size)]
		if _, err := t.ReadAt(b, at*size); err != nil {
			return err
		}
		switch t.DType { // most weights, without a call for each
		case BF16:
			for i := range n {
				dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[2*i:])) << 16)
			}
		case F32:
			for i := range n {
				dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			}
		default:
			for i := range n {
				dst[i] = decode(b[i*int(size):])
			}
		}
		dst, at = dst[n:], at+int64(n)
	}
	return nil
}
