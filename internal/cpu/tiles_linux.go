//go:build amd64 && !purego

package cpu

import "golang.org/x/sys/unix"

// permitTiles asks Linux to save the tiles of this process' threads, without which their first use is an error: see
// Documentation/arch/x86/xstate.rst of the kernel.
func permitTiles() bool {
	const requestPermission, tileData = 0x1023, 18
	_, _, err := unix.RawSyscall(unix.SYS_ARCH_PRCTL, requestPermission, tileData, 0)
	return err == 0
}
