package gguf

import "golang.org/x/sys/unix"

// populate reads a piece of a mapping, which starts at a page, and reports whether the system could: since Linux 5.14.
// A piece that can't be read is found when it is touched.
func populate(piece []byte) bool { return unix.Madvise(piece, unix.MADV_POPULATE_READ) == nil }

// announce starts to read all of a piece of a mapping, which populate would do in small steps.
func announce(piece []byte) { _ = unix.Madvise(piece, unix.MADV_WILLNEED) }
