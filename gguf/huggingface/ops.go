package huggingface

import (
	"errors"
	"math"
	"slices"
	"sync"

	"github.com/x448/float16"

	"github.com/latentgo/latentgo/gguf/safetensors"
)

// reshape is the same elements in another shape.
func (t tensor) reshape(shape ...int) tensor {
	t.shape = shape
	return t
}

// squeeze drops dimensions of 1.
func (t tensor) squeeze() tensor {
	return t.reshape(slices.DeleteFunc(slices.Clone(t.shape), func(d int) bool { return d == 1 })...)
}

// pick is a tensor of n rows, where row i is row from(i) of t: rows along the first dimension.
func (t tensor) pick(n int, from func(i int) int) tensor {
	size, read := t.rowLen(), t.read
	out := t
	out.shape = append([]int{n}, t.shape[1:]...)
	return out.with(func(dst []float32, at int) error {
		for len(dst) > 0 {
			row, skip := at/size, at%size
			src := from(row)
			k := min(len(dst), size-skip)
			// Rows that stand together are read together.
			for next := 1; k < len(dst) && row+next < n && from(row+next) == src+next; next++ {
				k = min(len(dst), k+size)
			}
			if err := read(dst[:k], src*size+skip); err != nil {
				return err
			}
			dst, at = dst[k:], at+k
		}
		return nil
	})
}

// rows is the rows from lo to hi.
func (t tensor) rows(lo, hi int) tensor { return t.pick(hi-lo, func(i int) int { return lo + i }) }

// permuted is the rows in another order.
func (t tensor) permuted(from func(i int) int) tensor { return t.pick(t.shape[0], from) }

// everyOther is the even (0) or odd (1) rows along dimension dim.
func (t tensor) everyOther(dim, odd int) tensor {
	shape := slices.Clone(t.shape)
	n := elements(shape[:dim+1])
	flat := t.reshape(append([]int{n}, shape[dim+1:]...)...)
	shape[dim] /= 2
	return flat.pick(n/2, func(i int) int { return 2*i + odd }).reshape(shape...)
}

// half is the first (0) or second (1) half along dimension dim.
func (t tensor) half(dim, part int) tensor {
	n := t.shape[dim]
	return t.span(dim, part*(n/2), (part+1)*(n/2))
}

// span is the indices from lo to hi along dimension dim.
func (t tensor) span(dim, lo, hi int) tensor {
	shape := slices.Clone(t.shape)
	n, outer, k := shape[dim], elements(shape[:dim]), hi-lo
	flat := t.reshape(append([]int{outer * n}, shape[dim+1:]...)...)
	shape[dim] = k
	return flat.pick(outer*k, func(i int) int { return i/k*n + lo + i%k }).reshape(shape...)
}

// columns is the columns, along the last dimension, in another order.
func (t tensor) columns(from func(i int) int) tensor {
	cols, read := t.shape[len(t.shape)-1], t.read
	return t.with(func(dst []float32, at int) error {
		row := make([]float32, cols)
		for len(dst) > 0 {
			if err := read(row, at/cols*cols); err != nil {
				return err
			}
			k := min(len(dst), cols-at%cols)
			for i := range k {
				dst[i] = row[from(at%cols+i)]
			}
			dst, at = dst[k:], at+k
		}
		return nil
	})
}

// concat is tensors one after the other along the first dimension.
func concat(list ...tensor) tensor {
	out := list[0]
	out.shape = slices.Clone(out.shape)
	for _, t := range list[1:] {
		out.shape[0] += t.shape[0]
	}
	return out.with(func(dst []float32, at int) error {
		for _, t := range list {
			n := elements(t.shape)
			if at >= n {
				at -= n
				continue
			}
			k := min(len(dst), n-at)
			if err := t.read(dst[:k], at); err != nil {
				return err
			}
			if dst, at = dst[k:], 0; len(dst) == 0 {
				break
			}
		}
		return nil
	})
}

// stack is tensors of one shape along a new first dimension.
func stack(list ...tensor) tensor {
	shape := append([]int{len(list)}, list[0].shape...)
	return concat(list...).reshape(shape...)
}

// transpose swaps the last two dimensions. A matrix is kept in memory while parts of it are read one after the other.
func (t tensor) transpose() tensor {
	n := len(t.shape)
	rows, cols, read := t.shape[n-2], t.shape[n-1], t.read
	t.shape = slices.Clone(t.shape)
	t.shape[n-2], t.shape[n-1] = cols, rows
	var (
		mu     sync.Mutex
		kept   []float32
		number = -1
	)
	return t.with(func(dst []float32, at int) error {
		mu.Lock()
		defer mu.Unlock()
		for i := range dst {
			matrix, in := (at+i)/(rows*cols), (at+i)%(rows*cols)
			if matrix != number {
				kept, number = make([]float32, rows*cols), -1
				if err := read(kept, matrix*rows*cols); err != nil {
					return err
				}
				number = matrix
			}
			if dst[i] = kept[in%rows*cols+in/rows]; in == rows*cols-1 {
				kept, number = nil, -1 // it was read to its end
			}
		}
		return nil
	})
}

// apply is f of each element, in the precision that the tensor has.
func (t tensor) apply(f func(x float32) float32) tensor {
	read, half := t.read, t.dtype == safetensors.F16
	return t.with(func(dst []float32, at int) error {
		if err := read(dst, at); err != nil {
			return err
		}
		for i, x := range dst {
			if dst[i] = f(x); half {
				dst[i] = float16.Fromfloat32(dst[i]).Float32()
			}
		}
		return nil
	})
}

// single is the tensor for computations in single precision.
func (t tensor) single() tensor {
	t.dtype = safetensors.F32
	return t
}

// scaled is the tensor multiplied by a number in single precision, as PyTorch does it.
func (t tensor) scaled(k float64) tensor {
	return t.apply(func(x float32) float32 { return x * float32(k) })
}

// plus adds a number in the precision that the tensor has, as PyTorch does it.
func (t tensor) plus(k float32) tensor {
	if t.dtype == safetensors.F16 {
		k = inPrecision(k, t.dtype)
	}
	return t.apply(func(x float32) float32 { return x + k })
}

// plusOne adds 1, for norms whose weights are stored as the difference from it.
func (t tensor) plusOne() tensor { return t.plus(1) }

// equal reports whether two tensors have the same shape and elements.
func (t tensor) equal(u tensor) (bool, error) {
	if !slices.Equal(t.shape, u.shape) {
		return false, nil
	}
	a, b := make([]float32, 1<<16), make([]float32, 1<<16)
	for at, n := 0, elements(t.shape); at < n; at += len(a) {
		k := min(len(a), n-at)
		if err := errors.Join(t.read(a[:k], at), u.read(b[:k], at)); err != nil || !slices.Equal(a[:k], b[:k]) {
			return false, err
		}
	}
	return true, nil
}

// inPrecision is a number in the precision that tensors of a type have.
func inPrecision(x float32, d safetensors.DType) float32 {
	switch d {
	case safetensors.F16:
		return float16.Fromfloat32(x).Float32()
	case safetensors.BF16:
		b := math.Float32bits(x)
		return math.Float32frombits((b + 0x7FFF + b>>16&1) &^ 0xFFFF)
	}
	return x
}

// centred is a vector from which its mean is taken, in the precision that it has.
func (t tensor) centred() tensor {
	var lazy once[[]float32]
	plain := t
	values := func() ([]float32, error) {
		x, err := plain.all()
		sum := 0.0
		for _, v := range x {
			sum += float64(v)
		}
		mean := inPrecision(float32(sum/float64(max(len(x), 1))), plain.dtype)
		for i := range x {
			x[i] = inPrecision(x[i]-mean, plain.dtype)
		}
		return x, err
	}
	return t.with(func(dst []float32, at int) error {
		x, err := lazy.get(values)
		if err == nil {
			copy(dst, x[at:])
		}
		return err
	})
}
