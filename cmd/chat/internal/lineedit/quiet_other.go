//go:build !(aix || darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris)

package lineedit

// Quiet does nothing on this system.
func Quiet(any) (restore func()) { return func() {} }
