//go:build amd64 && !purego

package cpu

import "golang.org/x/sys/cpu"

// detect asks the CPU and, through the XCR0 register, whether the system saves the wide registers.
func detect() Level {
	x := &cpu.X86
	return levelOf(
		x.HasAVX2 && x.HasBMI2 && x.HasFMA && x.HasF16C,
		x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI,
		x.HasAMXTile && x.HasAMXBF16 && permitTiles(),
	)
}

// levelOf returns the level of a CPU that has all of what AVX2 needs, and all of what AVX512 and AMX need beyond that.
func levelOf(avx2, avx512, amx bool) Level {
	switch {
	case !avx2:
		return Generic
	case !avx512:
		return AVX2
	case !amx:
		return AVX512
	}
	return AMX
}
