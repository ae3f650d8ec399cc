package kernel

import (
	"os"
	"syscall"
	"testing"
)

// protectedMap returns inner bytes with an inaccessible page before and after them, inside one slice.
func protectedMap(t testing.TB, inner int) ([]byte, bool) {
	t.Helper()
	page := os.Getpagesize()
	mem, err := syscall.Mmap(-1, 0, inner+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	for _, fence := range [][]byte{mem[:page], mem[page+inner:]} {
		if err := syscall.Mprotect(fence, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = syscall.Munmap(mem) })
	return mem, true
}
