package cpu

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

var getProcessors = windows.NewLazySystemDLL("kernel32.dll").NewProc("GetLogicalProcessorInformationEx")

// physicalCores returns the cores of the highest efficiency class: the others would keep them waiting at every barrier.
func physicalCores() int {
	if getProcessors.Find() != nil {
		return 0
	}
	var size uint32
	_, _, _ = getProcessors.Call(relationProcessorCore, 0, uintptr(unsafe.Pointer(&size))) // fails, and tells the size
	if size == 0 {
		return 0
	}
	list := make([]byte, size)
	ok, _, _ := getProcessors.Call(relationProcessorCore, uintptr(unsafe.Pointer(&list[0])), uintptr(unsafe.Pointer(&size)))
	if ok == 0 {
		return 0
	}
	return fastCores(list[:min(int(size), len(list))])
}
