package gguf

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// mmap maps the first size bytes of file for reading; size is not 0. The mapping outlives the file.
// While it lasts, Windows refuses to truncate the file.
func mmap(file *os.File, size int) (data []byte, unmap func() error, err error) {
	hi, lo := uint32(uint64(size)>>32), uint32(size)
	section, err := windows.CreateFileMapping(windows.Handle(file.Fd()), nil, windows.PAGE_READONLY, hi, lo, nil)
	if err != nil {
		return nil, nil, err
	}
	defer windows.CloseHandle(section) // the view keeps the section
	addr, err := windows.MapViewOfFile(section, windows.FILE_MAP_READ, 0, 0, uintptr(size))
	if err != nil {
		return nil, nil, err
	}
	// The address comes from the system, not from Go's heap: read it as a pointer instead of converting it.
	data = unsafe.Slice(*(**byte)(unsafe.Pointer(&addr)), size)
	return data, func() error { return windows.UnmapViewOfFile(addr) }, nil
}
