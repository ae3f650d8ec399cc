package syserr

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// The system's numbers.
var (
	diskFull   = []syscall.Errno{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL}
	closedPipe = []syscall.Errno{windows.ERROR_BROKEN_PIPE, windows.ERROR_NO_DATA}
	refused    = []syscall.Errno{windows.WSAECONNREFUSED}
	readOnly   = []syscall.Errno{windows.ERROR_WRITE_PROTECT}
)
