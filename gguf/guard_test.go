package gguf

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// openTruncated maps a file with 1 MiB of data and truncates it to one page.
func openTruncated(t *testing.T) (*File, []byte) {
	t.Helper()
	path := new(gguftest.Builder).AddTensor("x", ggtype.F32, []uint64{1 << 18}, nil).Write(t)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if !f.Mapped() {
		t.Skip("SKIPPED, NOT TESTED: files are not mapped here")
	}
	data, err := f.Tensors()[0].Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(os.Getpagesize())); err != nil {
		t.Skipf("SKIPPED, NOT TESTED: this system does not truncate mapped files: %v", err)
	}
	return f, data
}

// sink keeps the compiler from dropping loads.
var sink int

// sum touches every byte.
func sum(data []byte) {
	n := 0
	for _, b := range data {
		n += int(b)
	}
	sink += n
}

// A file that shrinks under the map gives an error, from Go code and from assembly, and the program lives on.
func TestShrinkingFile(t *testing.T) {
	f, data := openTruncated(t)
	touch := map[string]func(){
		"loop": func() { sum(data) },
		"copy": func() { copy(make([]byte, len(data)), data) },
		"last": func() { sum(data[len(data)-1:]) },
	}
	for name, fn := range touch {
		for range 3 {
			err := f.Guard(func() error { fn(); return nil })
			if !errors.Is(err, ErrShrunk) || !strings.Contains(err.Error(), "test.gguf: data at offset ") {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
	if err := f.Guard(func() error { sum(data[:64]); return nil }); err != nil {
		t.Errorf("data that is still there: %v", err)
	}
}

// The offset in the message is where the data ended.
func TestShrinkingFileOffset(t *testing.T) {
	f, data := openTruncated(t)
	err := f.Guard(func() error { sum(data); return nil })
	want := fmt.Sprintf("offset %d:", os.Getpagesize())
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A worker that Guard does not cover recovers for itself.
func TestShrinkingFileInWorker(t *testing.T) {
	f, data := openTruncated(t)
	result := make(chan error)
	go func() {
		debug.SetPanicOnFault(true)
		defer func() { result <- f.FaultError(recover()) }()
		sum(data)
	}()
	if err := <-result; !errors.Is(err, ErrShrunk) {
		t.Errorf("got %v", err)
	}
}

func TestGuardPassesErrorsAndPanics(t *testing.T) {
	f := openBytes(t, new(gguftest.Builder))
	want := errors.New("mine")
	if err := f.Guard(func() error { return want }); err != want {
		t.Errorf("got %v", err)
	}
	for name, fn := range map[string]func() error{
		"value": func() error { panic("mine") },
		"nil":   func() error { var p *int; *p = 1; return nil },
		"index": func() error { return []error{}[len(f.Keys())] },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: panic was swallowed", name)
				}
			}()
			f.Guard(fn)
		}()
	}
	if debug.SetPanicOnFault(false) {
		t.Error("Guard left PanicOnFault on")
	}
}

// fault is what the runtime throws for a memory fault.
type fault struct{ addr uintptr }

func (f fault) Addr() uintptr { return f.addr }
func (f fault) Error() string { return "fault" }
func (f fault) RuntimeError() {}

var _ runtime.Error = fault{}

// Only faults inside the mapping are the file's; after Close they are called what they are.
func TestFaultError(t *testing.T) {
	f, err := Open(new(gguftest.Builder).AddTensor("x", ggtype.F32, []uint64{1 << 12}, nil).Write(t))
	if err != nil {
		t.Fatal(err)
	}
	p := f.parts[0]
	if p.data == nil {
		t.Skip("SKIPPED, NOT TESTED: files are not mapped here")
	}
	for _, c := range []struct {
		recovered any
		want      error
	}{
		{nil, nil}, {"text", nil}, {errors.New("error"), nil},
		{fault{addr: 0}, nil}, {fault{addr: p.lo - 1}, nil}, {fault{addr: p.hi}, nil},
		{fault{addr: p.lo}, ErrShrunk}, {fault{addr: p.hi - 1}, ErrShrunk},
	} {
		if err := f.FaultError(c.recovered); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%v: got %v want %v", c.recovered, err, c.want)
		}
	}
	f.Close()
	if err := f.FaultError(fault{addr: p.lo}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	unmapped := openBytes(t, new(gguftest.Builder))
	if err := unmapped.FaultError(fault{addr: 0}); err != nil {
		t.Errorf("a file without mapping: %v", err)
	}
}

// A file that shrinks before it is read without a map gives the same error.
func TestShrinkingFileUnmapped(t *testing.T) {
	b := &gguftest.Builder{BigEndian: true}
	path := b.AddTensor("x", ggtype.F32, []uint64{1 << 12}, nil).Write(t)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(path, 4096); err != nil {
		t.Skipf("SKIPPED, NOT TESTED: %v", err)
	}
	if _, err := f.Tensors()[0].Bytes(); !errors.Is(err, ErrShrunk) {
		t.Errorf("got %v", err)
	}
}
