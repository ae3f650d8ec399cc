//go:build amd64 && !purego

package cpu

import "golang.org/x/sys/cpu"

// detect asks the CPU and, through the XCR0 register, whether the system saves the wide registers.
func detect() Level {
	x := &cpu.X86
	return levelOf(
		x.HasAVX2 && x.HasBMI2 && x.HasFMA && x.HasF16C,
		x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI,
	)
}

// levelOf returns the level of a CPU that has all of what AVX2 needs, and all of what AVX512 needs beyond that.
func levelOf(avx2, avx512 bool) Level {
	switch {
	case !avx2:
		return Generic
	case !avx512:
		return AVX2
	}
	return AVX512
}
