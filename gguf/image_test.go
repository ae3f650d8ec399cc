package gguf

import (
	"bytes"
	"io"
	"testing"
)

// TestReaderAt: the file that is read in pieces is the file that is written.
func TestReaderAt(t *testing.T) {
	w := new(Writer)
	if err := w.Set("general.architecture", "x"); err != nil {
		t.Fatal(err)
	}
	for i, n := range []uint64{5, 0, 64, 1} {
		data := bytes.Repeat([]byte{byte(i + 1)}, int(4*n))
		if err := w.AddTensorAt(string(rune('a'+i)), 0, []uint64{n}, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	var want bytes.Buffer
	if _, err := w.WriteTo(&want); err != nil {
		t.Fatal(err)
	}
	r, size, err := w.ReaderAt()
	if err != nil || size != int64(want.Len()) {
		t.Fatal(size, want.Len(), err)
	}
	for _, step := range []int{1, 3, 37, 4096} {
		got, buf := []byte{}, make([]byte, step)
		for at := int64(0); ; at += int64(step) {
			n, err := r.ReadAt(buf, at)
			got = append(got, buf[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("in steps of %d it differs", step)
		}
	}
	f, err := OpenReaderAt("image", r, size)
	if err != nil {
		t.Fatal(err)
	}
	x, err := f.Tensor("c")
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 300)
	if n, err := x.ReadAt(p, 250); n != 6 || err != io.EOF || p[0] != 3 {
		t.Error(n, err)
	}
	if err := w.AddTensor("d2", 0, []uint64{1}, func() ([]byte, error) { return make([]byte, 4), nil }); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.ReaderAt(); err == nil {
		t.Error("a tensor that can't be read in pieces was taken")
	}
}
