package cpu

import "golang.org/x/sys/unix"

// physicalCores returns the performance cores: the slower ones would keep them waiting at every barrier.
func physicalCores() int {
	if n, err := unix.SysctlUint32("hw.perflevel0.physicalcpu"); err == nil {
		return int(n)
	}
	n, err := unix.SysctlUint32("hw.physicalcpu")
	if err != nil {
		return 0
	}
	return int(n)
}
