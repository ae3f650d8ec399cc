package gguf

import (
	"bytes"
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// large returns an open file with a tensor of so many bytes.
func large(t *testing.T, size int) *File {
	t.Helper()
	f, err := Open(new(gguftest.Builder).AddTensor("x", ggtype.F32, []uint64{uint64(size / 4)}, bytes.Repeat([]byte{7}, size)).Write(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if !f.Mapped() {
		t.Skip("SKIPPED, NOT TESTED: files are not mapped here")
	}
	return f
}

// What is locked counts as locked, or the error names the file and the limit.
func TestLock(t *testing.T) {
	f := large(t, 1<<20)
	if err := f.Lock(); err != nil {
		if !strings.Contains(err.Error(), f.Name()) || runtime.GOOS == "linux" && !strings.Contains(err.Error(), "ulimit -l") {
			t.Error(err)
		}
		t.Skipf("SKIPPED, NOT TESTED: the system refuses: %v", err)
	}
	if status, err := os.ReadFile("/proc/self/status"); err == nil && !bytes.Contains(status, []byte("VmLck:\t    10")) { // 1,0xx kB
		t.Errorf("not locked: %s", status)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Lock(); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	b, err := OpenBytes("b", new(gguftest.Builder).AddTensor("x", ggtype.F32, []uint64{4}, make([]byte, 16)).Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Lock(); !errors.Is(err, ErrUnsupported) {
		t.Errorf("bytes: %v", err)
	}
}

func TestPrefetch(t *testing.T) {
	f := large(t, 40<<20)
	var seen []int64
	if err := f.Prefetch(context.Background(), func(done int64) { seen = append(seen, done) }); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 3 || !slices.IsSorted(seen) || seen[2] != f.Size() {
		t.Errorf("reports %v of %d", seen, f.Size())
	}
	many := large(t, (prefetchers+1)*prefetchPiece) // a piece is left whoever was first
	ctx, cancel := context.WithCancel(context.Background())
	if err := many.Prefetch(ctx, func(int64) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := os.Truncate(f.Name(), 1<<20); err != nil {
		t.Skipf("SKIPPED, NOT TESTED: %v", err) // Windows
	}
	if err := f.Prefetch(context.Background(), nil); !errors.Is(err, ErrShrunk) {
		t.Errorf("a file that shrank: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Prefetch(context.Background(), nil); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

// A file is replaced by what was made of its own tensors, and closed before.
func TestReplaceFile(t *testing.T) {
	f := large(t, 1<<16)
	w := new(Writer)
	if err := errors.Join(w.Set("general.name", "new"), w.AddTensorFrom(f.Tensors()[0])); err != nil {
		t.Fatal(err)
	}
	if err := w.ReplaceFile(context.Background(), f, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Tensors()[0].Bytes(); !errors.Is(err, ErrClosed) {
		t.Errorf("the old file is open: %v", err)
	}
	g, err := Open(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	data, err := g.Tensors()[0].Bytes()
	if err != nil || bytes.Count(data, []byte{7}) != 1<<16 {
		t.Errorf("the data changed: %v", err)
	}
}

// What is moved into huge pages is the same, is read meanwhile, and is not given back to a file that no longer has it.
func TestHugePages(t *testing.T) {
	f := large(t, 40<<20)
	x, err := f.Tensor("x")
	if err != nil {
		t.Fatal(err)
	}
	data, err := x.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	err = f.HugePages(cancelled)
	if err == nil {
		t.Skip("SKIPPED, NOT TESTED: no huge pages, or too little memory")
	}
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- f.HugePages(context.Background()) }()
	for moving := true; moving; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			moving = false
		default:
		}
		if bytes.Count(data, []byte{7}) != len(data) {
			t.Fatal("other data meanwhile")
		}
	}
	if err := os.Truncate(f.Name(), 1<<20); err != nil {
		t.Fatal(err)
	}
	f.Release()
	// Neither the first huge page nor the last need be whole.
	if rest := data[2<<20 : len(data)-4<<20]; bytes.Count(rest, []byte{7}) != len(rest) {
		t.Error("other data without the file")
	}
	if err := f.HugePages(context.Background()); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.HugePages(context.Background()); err != nil {
		t.Errorf("after Close: %v", err)
	}
}
