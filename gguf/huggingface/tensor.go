package huggingface

import (
	"io"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/safetensors"
)

// tensor is a tensor that is computed where it is read.
type tensor struct {
	shape []int // slowest dimension first
	dtype safetensors.DType
	// read fills dst with the elements from number at on, in the order in which they lie in memory.
	read func(dst []float32, at int) error
	// plain is the file's tensor where that is what read gives, nil for one that was changed.
	plain *safetensors.Tensor
	// block is the type of data that stays as it is, in the bytes that raw reads; 0 for numbers.
	block gguf.Type
	raw   io.ReaderAt
	// typed says that the tensor gets the type fixed in the file, and not the one that its name and shape have.
	typed bool
	fixed gguf.Type
}

// as is the tensor in a type of its own in the file, whatever its name is.
func (t tensor) as(typ gguf.Type) tensor {
	t.typed, t.fixed = true, typ
	return t
}

// load is a tensor of a file. What is no float becomes one.
func load(t *safetensors.Tensor) tensor {
	shape := t.Shape
	if len(shape) == 0 {
		shape = []int{1} // a scalar
	}
	return tensor{shape: shape, dtype: t.DType, plain: t, read: func(dst []float32, at int) error { return t.Floats(dst, int64(at)) }}
}

// with is the tensor with other elements.
func (t tensor) with(read func(dst []float32, at int) error) tensor {
	t.read, t.plain = read, nil
	return t
}

// constant is a tensor of one dimension with given values.
func constant(values []float32) tensor {
	return tensor{shape: []int{len(values)}, dtype: safetensors.F32, read: func(dst []float32, at int) error {
		copy(dst, values[at:])
		return nil
	}}
}

// zeros is a matrix of zeros.
func zeros(rows, cols int) tensor {
	return tensor{shape: []int{rows, cols}, dtype: safetensors.F32, read: func(dst []float32, _ int) error {
		clear(dst)
		return nil
	}}
}

// elements returns the product of a shape.
func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// rowLen returns how many elements stand behind one index of the first dimension.
func (t tensor) rowLen() int { return elements(t.shape[1:]) }

// dims reports whether the tensor has n dimensions, all of them at least 1.
func (t tensor) dims(n int) bool { return len(t.shape) == n && elements(t.shape) > 0 }

// all reads the whole tensor.
func (t tensor) all() ([]float32, error) {
	x := make([]float32, elements(t.shape))
	return x, t.read(x, 0)
}
