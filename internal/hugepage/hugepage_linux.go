package hugepage

import (
	"bytes"
	"math/bits"
	"os"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

const settings = "/sys/kernel/mm/transparent_hugepage/"

// most is the largest huge page that is used: with base pages of 64 kB it would be 512 MB.
const most = 32 << 20

// Size returns the bytes of a huge page, 0 where there are none to ask for.
var Size = sync.OnceValue(func() int {
	enabled, err := os.ReadFile(settings + "enabled")
	if err != nil || bytes.Contains(enabled, []byte("[never]")) {
		return 0
	}
	text, err := os.ReadFile(settings + "hpage_pmd_size")
	if err != nil {
		return 0
	}
	size, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil || size < os.Getpagesize() || size > most || bits.OnesCount(uint(size)) != 1 {
		return 0
	}
	return size
})

// advise asks for huge pages for all that s touches. What lies around s is Go's heap too, whose arenas are larger and aligned
// to more.
func advise[T any](s []T) {
	if cap(s) == 0 || cap(s)*int(unsafe.Sizeof(s[0])) < fromBytes || Size() == 0 {
		return
	}
	mask := uintptr(Size() - 1)
	p := unsafe.Pointer(unsafe.SliceData(s))
	before := uintptr(p) & mask
	n := (before + uintptr(cap(s))*unsafe.Sizeof(s[0]) + mask) &^ mask
	// Only a hint, and so is its failure.
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(p)-before, n, unix.MADV_HUGEPAGE)
}

// Replace puts a copy of data, in huge pages, in the place of data: at the same addresses, to be read only, so that those who
// read it meanwhile see either, which are the same. data is (part of) a mapping and begins and ends at multiples of Size;
// locked says that it is locked in memory, as the copy then is. The copy no longer depends on what was mapped. A fault while
// data is read is a panic in the caller's hands, as any is. After an error data is what it was.
func Replace(data []byte, locked bool) error {
	size := uintptr(Size())
	if size == 0 {
		return ErrNone
	}
	n, to := uintptr(len(data)), unsafe.Pointer(unsafe.SliceData(data))
	// A mapping begins at a multiple of a base page.
	room, err := unix.MmapPtr(-1, 0, nil, n+size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	before := -uintptr(room) & (size - 1)
	from := unsafe.Add(room, before)
	moved := false
	defer func() {
		if !moved {
			_ = unix.MunmapPtr(room, n+size)
			return
		}
		// What was moved has left a gap, which is not this package's any more.
		if before > 0 {
			_ = unix.MunmapPtr(room, before)
		}
		if size > before {
			_ = unix.MunmapPtr(unsafe.Add(from, n), size-before)
		}
	}()
	piece := unsafe.Slice((*byte)(from), n)
	if err := unix.Madvise(piece, unix.MADV_HUGEPAGE); err != nil {
		return err
	}
	for i := 0; i < len(piece); i += copyStep {
		copy(piece[i:min(i+copyStep, len(piece))], data[i:])
	}
	if err := unix.Mprotect(piece, unix.PROT_READ); err != nil {
		return err
	}
	if locked {
		if err := unix.Mlock(piece); err != nil {
			return err
		}
	}
	_, err = unix.MremapPtr(from, n, to, n, unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED)
	moved = err == nil
	return err
}

// copyStep is how much is copied before other goroutines may have the processor.
const copyStep = 1 << 20
