//go:build !purego

package cpu

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

// detect asks the system, which knows what the CPU has; every Apple CPU that macOS runs on has the dot product, and the
// first versions of macOS on arm64 did not say so.
func detect() []Level {
	switch {
	case cpu.ARM64.HasASIMDDP && cpu.ARM64.HasI8MM:
		return []Level{Generic, NEON, I8MM}
	case runtime.GOOS == "darwin" || cpu.ARM64.HasASIMDDP:
		return []Level{Generic, NEON}
	}
	return []Level{Generic}
}
