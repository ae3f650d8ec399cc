package gguf_test

import (
	"bytes"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// A hollow file has everything but the data, also once the file that it was made of is closed.
func TestHollow(t *testing.T) {
	f, err := gguf.Open(gguftest.TinyLlama().Build().Write(t))
	if err != nil {
		t.Fatal(err)
	}
	h, err := f.Hollow()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if len(h.Tensors()) != len(f.Tensors()) || len(h.Keys()) != len(f.Keys()) || h.Size() != f.Size() {
		t.Errorf("%d tensors, %d keys, %d bytes; want %d, %d, %d", len(h.Tensors()), len(h.Keys()), h.Size(), len(f.Tensors()), len(f.Keys()), f.Size())
	}
	for i, x := range h.Tensors() {
		if want := f.Tensors()[i]; x.Name != want.Name || x.Type != want.Type || x.Size() != want.Size() {
			t.Errorf("tensor %d is %q, %v, %d bytes; want %q, %v, %d", i, x.Name, x.Type, x.Size(), want.Name, want.Type, want.Size())
		}
		b, err := x.Bytes()
		one := []byte{0, 0, 0x80, 0x3f}
		if err != nil || uint64(len(b)) != x.Size() || !bytes.Equal(b, bytes.Repeat(one, len(b)/4)) && len(bytes.Trim(b, "\x00")) != 0 {
			t.Errorf("tensor %q: %d bytes, %v; want %d, of zeros or ones", x.Name, len(b), err, x.Size())
		}
	}
}
