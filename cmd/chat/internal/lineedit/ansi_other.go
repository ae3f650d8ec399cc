//go:build !windows

package lineedit

// EnableANSI does nothing: terminals act on escape sequences by themselves.
func EnableANSI(any) {}
