package floatdata

import (
	"bytes"
	"io"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/quant"
)

// TestPieces: numbers have the bytes that they have as a whole, wherever they are read, with and without blocks.
func TestPieces(t *testing.T) {
	x := make([]float32, 3*32)
	for i := range x {
		x[i] = float32(i*i%37) - 11.5
	}
	for _, typ := range []gguf.Type{quant.F32, quant.F16, quant.BF16, quant.Q8_0} {
		want := make([]byte, typ.RowBytes(len(x)))
		if err := quant.Quantize(want, typ, x); err != nil {
			t.Fatal(err)
		}
		r := Reader(typ, len(x), func(dst []float32, at int) error {
			copy(dst, x[at:])
			return nil
		})
		for _, size := range []int{1, 7, 33, len(want)} {
			var got bytes.Buffer
			if _, err := io.CopyBuffer(&got, struct{ io.Reader }{io.NewSectionReader(r, 0, int64(len(want)))}, make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%v in pieces of %d: other bytes", typ, size)
			}
		}
	}
}
