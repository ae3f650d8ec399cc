//go:build unix

package gguf

import "golang.org/x/sys/unix"

// release drops a mapping's pages, which the file can give again. An error only means that they stay.
func release(data []byte) { _ = unix.Madvise(data, unix.MADV_DONTNEED) }
