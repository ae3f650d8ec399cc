package gguf

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// release drops a mapping's pages, which the file can give again: that is what unlocking pages does that are not
// locked, and its error then says so.
func release(data []byte) {
	_ = windows.VirtualUnlock(uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)))
}
