package gguf

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/testenv"
)

// Tensors without elements load, wherever they lie, and the others' data is what it is without them.
func TestEmptyTensors(t *testing.T) {
	for form, b := range forms {
		b.AddTensor("a", ggtype.F32, dims(0), nil).AddTensor("b", ggtype.I8, dims(3), []byte{1, 2, 3})
		b.AddTensor("c", ggtype.Q8_0, dims(32, 0, 5), nil).AddTensor("d", ggtype.Q4_K, dims(0, 7), nil)
		b.AddTensor("e", ggtype.I8, dims(2), []byte{4, 5}).AddTensor("f", ggtype.F32, dims(0, 0, 0, 0), nil)
		for source, open := range map[string]func() (*File, error){
			"path":   func() (*File, error) { return Open(b.Write(t)) },
			"reader": func() (*File, error) { return OpenReaderAt("x", bytes.NewReader(b.Bytes()), int64(len(b.Bytes()))) },
			"bytes":  func() (*File, error) { return OpenBytes("x", b.Bytes()) },
		} {
			f, err := open()
			if err != nil {
				t.Fatalf("%s, %s: %v", form, source, err)
			}
			for _, x := range f.Tensors() {
				want := map[string][]byte{"b": {1, 2, 3}, "e": {4, 5}}[x.Name]
				if got, err := x.Bytes(); err != nil || !bytes.Equal(got, want) || x.Elements() != uint64(len(want)) || x.Size() != uint64(len(want)) {
					t.Errorf("%s, %s: %s %v: %v, %v", form, source, x.Name, x.Shape, got, err)
				}
			}
			w := new(Writer)
			for _, x := range f.Tensors() {
				if err := w.AddTensorFrom(x); err != nil {
					t.Fatal(err)
				}
			}
			again := reopened(t, written(t, w))
			for i, x := range again.Tensors() {
				if !slices.Equal(x.Shape, f.Tensors()[i].Shape) || x.Size() != f.Tensors()[i].Size() {
					t.Errorf("%s, %s: %s was written as %v", form, source, x.Name, x.Shape)
				}
			}
			if _, err := f.Fingerprint(); err != nil {
				t.Error(err)
			}
			f.Close()
		}
	}
}

// A tensor without dimensions is a scalar, of shape {1}: converters write single numbers so.
func TestScalar(t *testing.T) {
	file := oneTensor("t", uint32(0), f32, uint64(0))
	f, err := OpenBytes("x", file)
	if err != nil {
		t.Fatal(err)
	}
	x := f.Tensors()[0]
	if b, err := x.Bytes(); err != nil || len(b) != 4 || !slices.Equal(x.Shape, dims(1)) || x.Elements() != 1 {
		t.Errorf("%v, %d bytes, %v", x.Shape, len(b), err)
	}
}

// The shared file with an empty tensor.
func TestEmptyTensorVector(t *testing.T) {
	path := testenv.Shared(t, "cases/zero-dim-tensor.gguf")
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if x := f.Tensors()[0]; x.Elements() != 0 || x.Size() != 0 {
		t.Errorf("%s %v has %d bytes", x.Name, x.Shape, x.Size())
	}
	if raw, err := os.ReadFile(path); err != nil || int64(len(raw)) != f.Size() {
		t.Errorf("%d bytes, %v", f.Size(), err)
	}
}
