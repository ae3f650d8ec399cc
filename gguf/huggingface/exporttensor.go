package huggingface

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/x448/float16"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/safetensors"
	"github.com/latentgo/latentgo/quant"
)

// fromFile is a tensor of a GGUF file as numbers, which are multiplied out where they are read. Of whole
// numbers a table of experts by token has some.
func fromFile(t *gguf.Tensor) (tensor, error) {
	out := tensor{dtype: safetensors.F32}
	for i := range t.Shape {
		out.shape = append(out.shape, int(t.Shape[len(t.Shape)-1-i]))
	}
	if t.Type == typeI32 && strings.HasSuffix(t.Name, "_tid2eid.weight") {
		out.read = func(dst []float32, at int) error { return readInts(t, dst, at) }
		return out, nil
	}
	block, _ := t.Type.Block()
	if block == 0 {
		return out, fmt.Errorf("%w: type %v is no type of numbers", ErrUnsupported, t.Type)
	}
	out.read = func(dst []float32, at int) error { return readBlocks(t, dst, at, block) }
	return out, nil
}

// readInts reads whole numbers from at on.
func readInts(t *gguf.Tensor, dst []float32, at int) error {
	raw := make([]byte, 4*len(dst))
	if _, err := t.ReadAt(raw, int64(4*at)); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = float32(int32(binary.LittleEndian.Uint32(raw[4*i:])))
	}
	return nil
}

// readPiece is how many numbers are multiplied out at a time: a multiple of all sizes of blocks.
const readPiece = 1 << 14

// readBlocks reads numbers from at on; blocks have the size given.
func readBlocks(t *gguf.Tensor, dst []float32, at, block int) error {
	var raw []byte
	var x []float32
	for len(dst) > 0 {
		first := at / block * block
		n := min((at+len(dst)-first+block-1)/block*block, readPiece)
		if raw == nil {
			raw, x = make([]byte, t.Type.RowBytes(n)), make([]float32, n)
		}
		b, y := raw[:t.Type.RowBytes(n)], x[:n]
		if _, err := t.ReadAt(b, int64(t.Type.RowBytes(first))); err != nil {
			return err
		}
		if err := quant.Dequantize(y, t.Type, b); err != nil {
			return err
		}
		k := copy(dst, y[at-first:])
		dst, at = dst[k:], at+k
	}
	return nil
}

// held reports whether a type of floats holds values as they are.
func held(typ gguf.Type, values []float32) bool {
	for _, v := range values {
		bits := math.Float32bits(v)
		switch {
		case typ == typeBF16 && bits&0xFFFF != 0:
			return false
		case typ == typeF16 && math.Float32bits(float16.Fromfloat32(v).Float32()) != bits:
			return false
		}
	}
	return true
}

// minusOne undoes plusOne.
func (t tensor) minusOne() tensor { return t.apply(func(x float32) float32 { return x - 1 }) }

// undone is what forth makes the tensor of: what back gives for each element, or a neighbour of that, and of those that
// will do one that BF16 holds.
func (t tensor) undone(forth, back func(float32) float32) tensor {
	return t.apply(func(y float32) float32 {
		plain := back(y)
		for _, c := range []float32{inPrecision(plain, safetensors.BF16), plain, math.Nextafter32(plain, 1),
			math.Nextafter32(plain, -1)} {
			if forth(c) == y {
				return c
			}
		}
		return plain
	})
}

// less is the tensor from which a number is taken that the folder's reader adds again.
func (t tensor) less(k float32) tensor {
	return t.undone(func(x float32) float32 { return x + k }, func(y float32) float32 { return y - k })
}

// over is the tensor divided by a number by which the folder's reader multiplies again.
func (t tensor) over(k float32) tensor {
	return t.undone(func(x float32) float32 { return x * k }, func(y float32) float32 { return y / k })
}

// times is the tensor multiplied by a number.
func (t tensor) times(k float64) tensor {
	if k == 1 {
		return t
	}
	return t.apply(func(x float32) float32 { return float32(float64(x) * k) })
}

// kernel is the kernel of a convolution, which folders have with a dimension of 1 between channels and steps.
func (t tensor) kernel() (tensor, error) {
	if !t.dims(2) {
		return t, fmt.Errorf("%w: shape %v for the kernel of a convolution", ErrFile, t.shape)
	}
	return t.reshape(t.shape[0], 1, t.shape[1]), nil
}

// beside puts the rows of u behind those of t, matrix by matrix, and gives all matrices as one.
func (t tensor) beside(u tensor) tensor {
	var parts []tensor
	for i := range t.shape[0] {
		for _, m := range []tensor{t, u} {
			parts = append(parts, m.rows(i, i+1).reshape(m.shape[1:]...))
		}
	}
	return concat(parts...)
}
