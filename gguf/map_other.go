//go:build !unix && !windows

package gguf

import (
	"errors"
	"os"
)

// mmap always fails here: tensors are read on demand.
func mmap(*os.File, int) (data []byte, unmap func() error, err error) {
	return nil, nil, errors.ErrUnsupported
}
