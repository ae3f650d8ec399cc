// Package syserr tells what an error of the operating system means, where that has other numbers than Unix: package
// syscall makes up ENOSPC and the like for Windows, which no call there returns.
package syserr

import (
	"errors"
	"slices"
	"syscall"
)

// DiskFull reports whether err means that a disk, or a user's share of it, is full.
func DiskFull(err error) bool { return is(err, diskFull) }

// ClosedPipe reports whether err means that nobody reads what is written.
func ClosedPipe(err error) bool { return is(err, closedPipe) }

// Refused reports whether err means that nothing listens at a network address.
func Refused(err error) bool { return is(err, refused) }

// ReadOnly reports whether err means that a disk can't be written to.
func ReadOnly(err error) bool { return is(err, readOnly) }

// is reports whether err is one of list.
func is(err error, list []syscall.Errno) bool {
	return slices.ContainsFunc(list, func(n syscall.Errno) bool { return errors.Is(err, n) })
}
