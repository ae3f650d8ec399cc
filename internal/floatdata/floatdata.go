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

// Reader returns n numbers as the data of a tensor of type F32, F16 or BF16. read fills dst with the numbers from at
// on; where the result is read from several goroutines, so is read.
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
	size := r.typ.RowBytes(1)
	total := int64(r.n) * int64(size)
	if off < 0 || off+int64(len(p)) > total {
		return 0, fmt.Errorf("bytes %d to %d of %d: %w", off, off+int64(len(p)), total, io.EOF)
	}
	x := make([]float32, min(piece, len(p)/size+2))
	b := make([]byte, len(x)*size)
	for n := 0; n < len(p); {
		at := (off + int64(n)) / int64(size)
		skip := int(off+int64(n)) - int(at)*size
		k := min(len(x), (skip+len(p)-n+size-1)/size)
		if err := r.read(x[:k], int(at)); err != nil {
			return n, err
		}
		if err := kernel.Quantize(b[:k*size], r.typ, x[:k]); err != nil {
			return n, err
		}
		n += copy(p[n:], b[skip:k*size])
	}
	return len(p), nil
}
