package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// File is an open model: one file, or all files of a split. All methods may be called from several goroutines; Close
// must not run while others still use slices from Tensor.Bytes.
type File struct {
	name    string
	parts   []*part
	tensors []*Tensor
	byName  map[string]*Tensor
}

// newFile makes one list of the parts' tensors, whose names must differ over all parts; on error it closes the parts.
func newFile(parts []*part) (*File, error) {
	f := &File{name: parts[0].name, parts: parts, byName: make(map[string]*Tensor, len(parts[0].tensors))}
	for i, p := range parts {
		for _, t := range p.tensors {
			if other, ok := f.byName[t.Name]; ok {
				err := fmt.Errorf("gguf: %s: %w: tensor %q is in %s too", p.name, ErrSplit, t.Name, other.part.name)
				return nil, errors.Join(err, f.Close())
			}
			t.Part = i
			f.byName[t.Name] = t
			f.tensors = append(f.tensors, t)
		}
	}
	return f, nil
}

// Close releases mapping and files, but not what OpenReaderAt and OpenBytes were given. Slices that Tensor.Bytes gave
// must not be touched afterwards; metadata stays readable. Closing twice does nothing.
func (f *File) Close() error {
	var errs []error
	for _, p := range f.parts {
		errs = append(errs, p.close())
	}
	return errors.Join(errs...)
}

// Release lets the system take back the memory in which mapped data lies, as far as this process is what keeps it
// there. Data stays valid: what is touched again comes back, from the system's cache where it is still there. For those
// who go through a file once. Where nothing is mapped, or what is mapped is locked or in HugePages, it does nothing.
func (f *File) Release() {
	for _, p := range f.parts {
		if p.unmap != nil {
			p.release()
		}
	}
}

// Name returns the path or name given to Open; for a split model the path of its first part.
func (f *File) Name() string { return f.name }

// Paths returns the names of all files of the model, in order: one, or one per part of a split. The slice is new.
func (f *File) Paths() []string {
	names := make([]string, len(f.parts))
	for i, p := range f.parts {
		names[i] = p.name
	}
	return names
}

// Header returns what stands in front of the tensor data of part i, 0 for most models, as it is in the file but
// checked, and the size of that file in bytes. The slice is shared and read-only. For those who decode it by other
// means.
func (f *File) Header(i int) (header []byte, size int64) { return f.parts[i].raw, f.parts[i].size }

// Version returns the format's version, 2 or 3.
func (f *File) Version() int { return int(f.parts[0].version) }

// ByteOrder returns the order of the file, binary.LittleEndian or binary.BigEndian. Nothing that the getters or
// Tensor.Bytes return depends on it.
func (f *File) ByteOrder() binary.ByteOrder { return f.parts[0].order }

// Alignment returns the alignment of tensor data in bytes, general.alignment or 32.
func (f *File) Alignment() int { return int(f.parts[0].alignment) }

// Parts returns how many files the model is split over, 1 for most.
func (f *File) Parts() int { return len(f.parts) }

// Size returns the bytes of all files together.
func (f *File) Size() int64 {
	var n int64
	for _, p := range f.parts {
		n += p.size
	}
	return n
}

// Mapped reports whether all tensor data lies in memory as it is wanted, mapped or given to OpenBytes, so that
// Tensor.Bytes copies nothing.
func (f *File) Mapped() bool {
	for _, p := range f.parts {
		if p.data == nil && len(p.tensors) > 0 {
			return false
		}
	}
	return true
}

// Tensors returns all tensors, in file order, the parts of a split one after the other. The slice must not be changed.
func (f *File) Tensors() []*Tensor { return f.tensors }

// Tensor returns the tensor of a name, or an error that matches ErrNoTensor.
func (f *File) Tensor(name string) (*Tensor, error) {
	if t, ok := f.byName[name]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("gguf: %s: tensor %q: %w", f.name, name, ErrNoTensor)
}
