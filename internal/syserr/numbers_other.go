//go:build !windows

package syserr

import "syscall"

// The system's numbers.
var (
	diskFull   = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT}
	closedPipe = []syscall.Errno{syscall.EPIPE}
	refused    = []syscall.Errno{syscall.ECONNREFUSED}
	readOnly   = []syscall.Errno{syscall.EROFS}
)
