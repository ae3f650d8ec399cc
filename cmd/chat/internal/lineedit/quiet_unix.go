//go:build aix || darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris

package lineedit

import (
	"os"

	"golang.org/x/sys/unix"
)

// Quiet stops the echo of keys on a terminal until the returned function is called, so that what is typed during an
// answer does not mix with it; it waits for the next ReadLine. Ctrl-C keeps its effect. in may be anything: only a
// terminal is changed.
func Quiet(in any) (restore func()) {
	f, ok := in.(*os.File)
	if !ok {
		return func() {}
	}
	fd := int(f.Fd())
	old, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return func() {}
	}
	quiet := *old
	// Without ICANON the system's own line buffer is off, too: what was typed is there for the editor, not in lines.
	quiet.Lflag &^= unix.ECHO | unix.ICANON
	if unix.IoctlSetTermios(fd, setTermios, &quiet) != nil {
		return func() {}
	}
	return func() { _ = unix.IoctlSetTermios(fd, setTermios, old) }
}
