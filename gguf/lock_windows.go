package gguf

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// lock keeps a mapping in memory until it is gone. Windows locks no more than the smallest working set of the process,
// less a few pages, which is therefore enlarged.
func lock(data []byte) error {
	const spare = 1 << 20
	process := windows.CurrentProcess()
	var least, most uintptr
	var flags uint32
	windows.GetProcessWorkingSetSizeEx(process, &least, &most, &flags)
	need := uintptr(len(data)) + spare
	if err := windows.SetProcessWorkingSetSizeEx(process, least+need, max(most, least+need)+need, flags); err != nil {
		return fmt.Errorf("enlarge the working set by %d bytes: %w", need, err)
	}
	return windows.VirtualLock(uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)))
}
