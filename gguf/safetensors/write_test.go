package safetensors

import (
	"bytes"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestWrite: what is written is read again, whole and in pieces of any size, in one file and in several.
func TestWrite(t *testing.T) {
	w := new(Writer)
	data := map[string][]byte{"a.weight": {1, 2, 3, 4, 5, 6}, "empty": {}, "scalar \"quoted\" é": {0, 0, 128, 63}, "b": {7, 8}}
	for _, e := range []struct {
		name  string
		d     DType
		shape []int
	}{{"a.weight", BF16, []int{3, 1}}, {"empty", F32, []int{0, 2}}, {"scalar \"quoted\" é", F32, nil}, {"b", U8, []int{2}}} {
		if err := w.Add(e.name, e.d, e.shape, bytes.NewReader(data[e.name])); err != nil {
			t.Fatal(err)
		}
	}
	for limit, want := range map[int64]int{0: 1, 100: 1, 6: 2, 1: 3} {
		parts := w.Parts(limit)
		if len(parts) != want {
			t.Errorf("limit %d gives %d files, wanted %d", limit, len(parts), want)
		}
		var names []string
		for _, p := range parts {
			names = append(names, p.Names...)
			checkPart(t, p, data)
		}
		if len(names) != 4 || names[0] != "a.weight" || names[3] != "b" {
			t.Errorf("limit %d: tensors %v", limit, names)
		}
		if strings.Contains(parts[0].Name, "-of-") != (want > 1) {
			t.Errorf("limit %d: %s", limit, parts[0].Name)
		}
	}
}

// checkPart reads a file in pieces and its tensors.
func checkPart(t *testing.T, p *Part, data map[string][]byte) {
	t.Helper()
	whole := make([]byte, p.Size)
	if n, err := p.ReadAt(whole, 0); err != nil || n != len(whole) {
		t.Fatal(n, err)
	}
	for size := 1; size < len(whole); size += 3 {
		got, err := io.ReadAll(io.NewSectionReader(onePiece{p, size}, 0, p.Size))
		if err != nil || !bytes.Equal(got, whole) {
			t.Fatalf("pieces of %d: %v", size, err)
		}
	}
	if n, err := p.ReadAt(make([]byte, 4), p.Size-2); n != 2 || err != io.EOF {
		t.Errorf("behind the end: %d, %v", n, err)
	}
	f, err := open(whole)
	if err != nil {
		t.Fatal(err)
	}
	if f.Metadata()["format"] != "pt" || len(f.Tensors()) != len(p.Names) {
		t.Errorf("%v, %d tensors", f.Metadata(), len(f.Tensors()))
	}
	for _, x := range f.Tensors() {
		b := make([]byte, x.Size())
		if _, err := x.ReadAt(b, 0); err != nil || !bytes.Equal(b, data[x.Name]) || !slices.Contains(p.Names, x.Name) {
			t.Errorf("%s: %v, %v", x.Name, b, err)
		}
	}
}

// onePiece reads at most size bytes at a time.
type onePiece struct {
	r    io.ReaderAt
	size int
}

func (o onePiece) ReadAt(b []byte, off int64) (int, error) {
	return o.r.ReadAt(b[:min(len(b), o.size)], off)
}

// TestAddRefused: what no file can have.
func TestAddRefused(t *testing.T) {
	w := new(Writer)
	if err := w.Add("a", F32, []int{1}, nil); err != nil {
		t.Fatal(err)
	}
	for text, err := range map[string]error{
		"taken":       w.Add("a", F32, []int{1}, nil),
		"is taken":    w.Add("__metadata__", F32, nil, nil),
		"not known":   w.Add("b", "F4", nil, nil),
		"overflows":   w.Add("c", F32, []int{math.MaxInt / 2, math.MaxInt / 2}, nil),
		"more than 8": w.Add("d", F32, make([]int, 9), nil),
	} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, wanted %q", err, text)
		}
	}
	short := new(Writer)
	if err := short.Add("a", U8, []int{4}, bytes.NewReader([]byte{1})); err != nil {
		t.Fatal(err)
	}
	p := short.Parts(0)[0]
	if _, err := io.ReadAll(io.NewSectionReader(p, 0, p.Size)); err == nil || !strings.Contains(err.Error(), `tensor "a" at 1`) {
		t.Error(err)
	}
}
