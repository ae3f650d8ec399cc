//go:build aix || linux || solaris

package lineedit

import "golang.org/x/sys/unix"

// The requests that read and set a terminal's mode at once.
const (
	getTermios = unix.TCGETS
	setTermios = unix.TCSETS
)
