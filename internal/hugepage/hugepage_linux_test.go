package hugepage

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapped returns a file and its mapping, of which whole huge pages are given.
func mapped(t *testing.T, pages int) (path string, want, data []byte) {
	t.Helper()
	if Size() == 0 {
		t.Skip("SKIPPED, NOT TESTED: the system has no huge pages")
	}
	want = make([]byte, (pages+1)*Size())
	rand.NewChaCha8([32]byte{1}).Read(want)
	path = filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, want, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := unix.Mmap(int(f.Fd()), 0, len(want), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(all) })
	from := int(-uintptr(unsafe.Pointer(&all[0])) & uintptr(Size()-1))
	return path, want[from:][:pages*Size()], all[from:][:pages*Size()]
}

// While a mapping is replaced others read what was there, and afterwards it is memory of the program's own.
func TestReplace(t *testing.T) {
	path, want, data := mapped(t, 3)
	var wg sync.WaitGroup
	var done atomic.Bool
	for range 2 {
		wg.Go(func() {
			for !done.Load() {
				for i := 0; i < len(data); i += 4096 {
					if data[i] != want[i] {
						t.Errorf("byte %d is %d, want %d", i, data[i], want[i])
						return
					}
				}
			}
		})
	}
	for i := 0; i < len(data); i += Size() {
		if err := Replace(data[i:i+Size()], false); err != nil {
			t.Fatal(err)
		}
	}
	done.Store(true)
	wg.Wait()
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, want) {
		t.Error("other data, without the file")
	}
}

// A file that has become shorter faults, and what is there of it stays.
func TestReplaceShrunk(t *testing.T) {
	path, want, data := mapped(t, 2)
	if err := os.Truncate(path, int64(Size())/2); err != nil {
		t.Fatal(err)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no fault")
			}
		}()
		t.Error(Replace(data, false))
	}()
	if data[0] != want[0] {
		t.Error("other data")
	}
}

func TestMake(t *testing.T) {
	for _, n := range []int{0, 1, 100_000, 5_000_000} {
		s := Make[uint16](n)
		if len(s) != n {
			t.Fatalf("%d elements, want %d", len(s), n)
		}
		for i := range s {
			if s[i] != 0 {
				t.Fatal("not zero")
			}
			s[i] = uint16(i)
		}
	}
}
