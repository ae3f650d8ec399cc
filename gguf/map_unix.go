//go:build unix

package gguf

import (
	"os"

	"golang.org/x/sys/unix"
)

// mmap maps the first size bytes of file for reading; size is not 0. The mapping outlives the file.
func mmap(file *os.File, size int) (data []byte, unmap func() error, err error) {
	data, err = unix.Mmap(int(file.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return data, func() error { return unix.Munmap(data) }, nil
}
