package model

import (
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Tensor is a tensor of a file, or one that a conversion made.
type Tensor struct {
	Name  string
	Type  kernel.Type
	Shape []uint64 // fastest dimension first
	Bytes func() ([]byte, error)
}

// NewTensor returns a tensor whose data is in memory; dims are fastest first.
func NewTensor(name string, typ kernel.Type, data []byte, dims ...int) *Tensor {
	t := &Tensor{Name: name, Type: typ, Bytes: func() ([]byte, error) { return data, nil }}
	for _, n := range dims {
		t.Shape = append(t.Shape, uint64(n))
	}
	return t
}

// FileTensor returns a tensor of a file.
func FileTensor(t *gguf.Tensor) *Tensor { return &Tensor{t.Name, t.Type, t.Shape, t.Bytes} }

// Elements returns the number of weights.
func (t *Tensor) Elements() uint64 {
	n := uint64(1)
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Size returns the bytes that they take.
func (t *Tensor) Size() uint64 {
	n, size := t.Type.Block()
	return t.Elements() / uint64(n) * uint64(size)
}

// sameShape compares shapes; trailing ones don't matter.
func sameShape(shape []uint64, dims []int) bool {
	for i := range max(len(shape), len(dims)) {
		a, b := uint64(1), uint64(1)
		if i < len(shape) {
			a = shape[i]
		}
		if i < len(dims) {
			b = uint64(dims[i])
		}
		if a != b {
			return false
		}
	}
	return true
}

// Total is the sum of some tensors.
type Total struct {
	Elements, Bytes int64
	Type            string // the one with most elements
}

// Count sums up what a model consists of: made, or the file's tensors when that is nil.
func Count(f *gguf.File, made []*Tensor) (sum Total) {
	if made == nil {
		for _, t := range f.Tensors() {
			made = append(made, FileTensor(t))
		}
	}
	count := map[gguf.Type]uint64{}
	most := uint64(0)
	for _, t := range made {
		n := t.Elements()
		sum.Elements += int64(n)
		sum.Bytes += int64(t.Size())
		count[t.Type] += n
		if count[t.Type] > most {
			most, sum.Type = count[t.Type], t.Type.String()
		}
	}
	return sum
}
