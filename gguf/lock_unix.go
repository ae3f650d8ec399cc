//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package gguf

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// lock keeps a mapping in memory until it is gone.
func lock(data []byte) error {
	err := unix.Mlock(data)
	if err == nil {
		return nil
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) != nil {
		return err
	}
	return fmt.Errorf("%w: %s", err, memlock(uint64(limit.Cur), uint64(len(data))))
}

// memlock says what the limit of locked memory has to do with a refusal.
func memlock(limit, size uint64) string {
	if limit >= size {
		return fmt.Sprintf("the limit of locked memory, %d kB (ulimit -l), is large enough: the memory may not be", limit>>10)
	}
	return fmt.Sprintf("the limit of locked memory is %d kB (ulimit -l), %d are needed: raise it with ulimit -l, in /etc/security/limits.conf or by LimitMEMLOCK of systemd",
		limit>>10, (size+1023)>>10)
}
