package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// allTypes are the types that can be computed with.
var allTypes = []Type{F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_XS,
	IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, TQ1_0, TQ2_0, Q1_0, Q2_0}

// vector reads a file of testdata and splits it into n pairs of parts of a and b bytes: all first parts, then all
// second.
func vector(t *testing.T, name string, a, b int) (first, second []byte) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	n := len(data) / (a + b)
	if n == 0 || len(data) != n*(a+b) {
		t.Fatalf("%s: %d bytes are not pairs of %d and %d", name, len(data), a, b)
	}
	return data[:n*a], data[n*a:]
}

// floatsOf decodes little-endian floats.
func floatsOf(b []byte) []float32 {
	f := make([]float32, len(b)/4)
	for i := range f {
		f[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return f
}

// sameBits reports whether a and b have the same bits, or are both NaN.
func sameBits(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

func TestDequantizeVectors(t *testing.T) { forLevels(t, testDequantizeVectors) }

func testDequantizeVectors(t *testing.T) {
	for _, typ := range allTypes[3:] {
		t.Run(typ.String(), func(t *testing.T) {
			elems, size := typ.Block()
			blocks, want := vector(t, typ.String()+".dequant.bin", size, 4*elems)
			got := make([]float32, len(want)/4)
			if err := Dequantize(got, typ, blocks); err != nil {
				t.Fatal(err)
			}
			for i, w := range floatsOf(want) {
				if !sameBits(got[i], w) {
					t.Fatalf("block %d weight %d: got %v (%#x), gguf has %v (%#x)", i/elems, i%elems,
						got[i], math.Float32bits(got[i]), w, math.Float32bits(w))
				}
			}
		})
	}
}

func TestQuantizeVectors(t *testing.T) {
	for _, typ := range []Type{F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0} {
		t.Run(typ.String(), func(t *testing.T) {
			elems, size := typ.Block()
			weights, want := vector(t, typ.String()+".quant.bin", 4*elems, size)
			got := make([]byte, len(want))
			if err := Quantize(got, typ, floatsOf(weights)); err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(want); i += size {
				if !bytes.Equal(got[i:i+size], want[i:i+size]) {
					t.Errorf("block %d of %v:\ngot  %x\ngguf %x", i/size, floatsOf(weights)[i/size*elems:][:elems], got[i:i+size], want[i:i+size])
				}
			}
		})
	}
}

func TestDequantizeErrors(t *testing.T) {
	dst := []float32{7}
	for typ := range ggtype.Type(50) {
		if _, ok := ActTypeOf(typ); ok {
			continue
		}
		if err := Dequantize(dst, typ, make([]byte, 1000)); !errors.Is(err, ErrType) {
			t.Errorf("%v: %v", typ, err)
		}
	}
	for _, typ := range allTypes {
		elems, size := typ.Block()
		if elems > 1 {
			if err := Dequantize(make([]float32, elems-1), typ, make([]byte, size)); !errors.Is(err, ErrShape) {
				t.Errorf("%v, part of a block: %v", typ, err)
			}
		}
		if err := Dequantize(make([]float32, 2*elems), typ, make([]byte, 2*size-1)); !errors.Is(err, ErrShape) {
			t.Errorf("%v, short source: %v", typ, err)
		}
		if err := Dequantize(nil, typ, nil); err != nil {
			t.Errorf("%v, nothing: %v", typ, err)
		}
	}
}

func TestQuantizeErrors(t *testing.T) {
	buf := make([]byte, 1000)
	if err := Quantize(buf, Q4_K, make([]float32, 256)); !errors.Is(err, ErrType) {
		t.Errorf("Q4_K: %v", err)
	}
	for _, typ := range []Type{Q4_0, Q4_1, Q5_0, Q5_1, Q8_0} {
		if err := Quantize(buf, typ, make([]float32, 33)); !errors.Is(err, ErrShape) {
			t.Errorf("%v, part of a block: %v", typ, err)
		}
		if err := Quantize(buf[:17], typ, make([]float32, 32)); !errors.Is(err, ErrShape) {
			t.Errorf("%v, short destination: %v", typ, err)
		}
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			x := make([]float32, 64)
			x[50] = float32(bad)
			if err := Quantize(buf, typ, x); !errors.Is(err, ErrValue) {
				t.Errorf("%v with %v: %v", typ, bad, err)
			}
		}
	}
}
