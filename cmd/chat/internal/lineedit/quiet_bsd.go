//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package lineedit

import "golang.org/x/sys/unix"

// The requests that read and set a terminal's mode at once.
const (
	getTermios = unix.TIOCGETA
	setTermios = unix.TIOCSETA
)
