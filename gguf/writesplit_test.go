package gguf

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// sixTensors is a writer with tensors of 96 bytes each, padding included.
func sixTensors(t testing.TB) *Writer {
	t.Helper()
	w := new(Writer)
	for _, kv := range everyValue {
		if err := w.Set(kv.key, kv.value); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		addZeros(t, w, name, 0, 20)
	}
	return w
}

// A model that is split, by number or by size, reads as one and merges to the same bytes as without the split.
func TestWriteSplit(t *testing.T) {
	whole := written(t, sixTensors(t))
	for name, c := range map[string]struct {
		opt   SplitOptions
		parts []int // tensors in each
	}{
		"number":     {SplitOptions{MaxTensors: 4}, []int{4, 2}},
		"size":       {SplitOptions{MaxBytes: 200}, []int{2, 2, 2}},
		"both":       {SplitOptions{MaxBytes: 300, MaxTensors: 2}, []int{2, 2, 2}},
		"tiny":       {SplitOptions{MaxBytes: 1}, []int{1, 1, 1, 1, 1, 1}},
		"large":      {SplitOptions{MaxBytes: 1 << 40}, []int{6}},
		"every byte": {SplitOptions{MaxBytes: 576}, []int{6}},
	} {
		t.Run(name, func(t *testing.T) {
			prefix := filepath.Join(t.TempDir(), "m")
			var last [2]int64
			paths, err := sixTensors(t).WriteSplit(context.Background(), prefix, c.opt, func(done, total int64) { last = [2]int64{done, total} })
			if err != nil || len(paths) != len(c.parts) || last != [2]int64{480, 480} {
				t.Fatalf("%q, %v, progress %v", paths, err, last)
			}
			planned, err := sixTensors(t).SplitPaths(prefix, c.opt)
			if err != nil || !slices.Equal(planned, paths) {
				t.Errorf("planned %q: %v", planned, err)
			}
			f, err := Open(paths[len(paths)-1])
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got := make([]int, len(c.parts))
			for _, x := range f.Tensors() {
				got[x.Part]++
			}
			if len(c.parts) > 1 && !slices.Equal(got, c.parts) {
				t.Errorf("tensors in parts %v, want %v", got, c.parts)
			}
			merged := new(Writer)
			if err := merged.AddFile(f); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(written(t, merged), whole) {
				t.Error("the merged model has other bytes")
			}
		})
	}
}

// Nothing appears when any part fails, and what was there stays.
func TestWriteSplitFails(t *testing.T) {
	dir := t.TempDir()
	prefix := filepath.Join(dir, "m")
	broken := errors.New("broken")
	w := sixTensors(t)
	if err := w.AddTensorStream("last", 0, []uint64{4}, func(io.Writer) error { return broken }); err != nil {
		t.Fatal(err)
	}
	opt := SplitOptions{MaxTensors: 2}
	if _, err := w.WriteSplit(context.Background(), prefix, opt, nil); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := sixTensors(t).WriteSplit(ctx, prefix, opt, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
	second := splitPath(prefix, 1, 3)
	if err := os.WriteFile(second, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := sixTensors(t).WriteSplit(context.Background(), prefix, opt, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v", err)
	}
	if b, _ := os.ReadFile(second); string(b) != "mine" {
		t.Errorf("%q was written over", b)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	opt.Overwrite = true
	if _, err := sixTensors(t).WriteSplit(context.Background(), prefix, opt, nil); err != nil {
		t.Errorf("%v", err)
	}
	if _, err := sixTensors(t).WriteSplit(context.Background(), prefix, SplitOptions{}, nil); err == nil {
		t.Error("a split without a limit")
	}
}

// A header is replaced in place where it has the same size, and data stays as it was.
func TestWriteHeader(t *testing.T) {
	b := smallFile(gguftest.Builder{Version: 3})
	path := b.Write(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	change := func(key string, value any) *Writer {
		w := new(Writer)
		if err := w.AddFile(f); err != nil {
			t.Fatal(err)
		}
		if err := w.Set(key, value); err != nil {
			t.Fatal(err)
		}
		return w
	}
	if ok, err := change("a.u", uint64(7)).WriteHeader(f); !ok || err != nil {
		t.Fatalf("the same value: %v, %v", ok, err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("writing what was there changed the file")
	}
	if ok, err := change("a.u", uint64(8)).WriteHeader(f); !ok || err != nil {
		t.Fatalf("another value: %v, %v", ok, err)
	}
	g, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if n, err := g.Uint("a.u"); n != 8 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	data := f.Tensors()[0].Offset
	if after, _ := os.ReadFile(path); len(after) != len(before) || !bytes.Equal(after[data:], before[data:]) {
		t.Error("data changed")
	}
	for name, w := range map[string]*Writer{
		"larger":    change("a.text", string(make([]byte, 100))),
		"alignment": change(alignmentKey, uint32(64)),
	} {
		if ok, err := w.WriteHeader(f); ok || err != nil {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	w := change("a.u", uint64(9))
	w.tensors = w.tensors[:1]
	if ok, err := w.WriteHeader(f); ok || err != nil {
		t.Errorf("fewer tensors: %v, %v", ok, err)
	}
}

// Keys after one that is deleted keep their order, and can be set.
func TestDelete(t *testing.T) {
	w := new(Writer)
	for i, key := range []string{"a", "b", "general.alignment", "c"} {
		if err := w.Set(key, uint32(1<<i)); err != nil {
			t.Fatal(err)
		}
	}
	w.Delete("b")
	w.Delete("general.alignment")
	w.Delete("none")
	if err := w.Set("c", uint32(5)); err != nil {
		t.Fatal(err)
	}
	f := reopened(t, written(t, w))
	if n, _ := f.Uint("c"); !slices.Equal(f.Keys(), []string{"a", "c"}) || n != 5 || f.Alignment() != 32 {
		t.Errorf("%q, %d, alignment %d", f.Keys(), n, f.Alignment())
	}
}

// A tensor is written in pieces, in any way that a file is opened, as Bytes gives it.
func TestTensorWriteTo(t *testing.T) {
	for _, form := range forms {
		b := new(gguftest.Builder)
		*b = form
		addEveryType(b, b.BigEndian)
		f := reopened(t, b.Bytes())
		for _, x := range f.Tensors() {
			want, err := x.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if n, err := x.WriteTo(&got); err != nil || n != int64(len(want)) || !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s: %d bytes, want %d: %v", x.Name, n, len(want), err)
			}
		}
	}
}
