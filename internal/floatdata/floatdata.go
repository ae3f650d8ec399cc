// Package floatdata gives numbers that are computed where they are read as the bytes of a tensor.
package floatdata

import (
	"fmt"
	"io"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/kernel"
)

// piece is how many numbers are asked for at a time.
const piece = 1 << 14

// Reader returns n numbers as the data of a tensor of type F32, F16 or BF16, or of a type with blocks, of which n is a
// multiple. read fills dst with the numbers from at on; where the result is read from several goroutines, so is read.
func Reader(typ gguf.Type, n int, read func(dst []float32, at int) error) io.ReaderAt {
	return &reader{typ, n, read}
}

type reader struct {
	typ  gguf.Type
	n    int
	read func(dst []float32, at int) error
}

// ReadAt implements io.ReaderAt.
func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	per, block := r.typ.Block() // numbers, and the bytes that hold them
	size := int64(block)
	total := int64(r.n/per) * size
	if off < 0 || off+int64(len(p)) > total {
		return 0, fmt.Errorf("bytes %d to %d of %d: %w", off, off+int64(len(p)), total, io.EOF)
	}
	blocks := min(piece/per, len(p)/block+2)
	x, b := make([]float32, blocks*per), make([]byte, blocks*block)
	for n := 0; n < len(p); {
		at := (off + int64(n)) / size
		skip := int(off + int64(n) - at*size)
		k := min(blocks, (skip+len(p)-n+block-1)/block)
		if err := r.read(x[:k*per], int(at)*per); err != nil {
			return n, err
		}
		if err := kernel.Quantize(b[:k*block], r.typ, x[:k*per]); err != nil {
			return n, err
		}
		n += copy(p[n:], b[skip:k*block])
	}
	return len(p), nil
}
