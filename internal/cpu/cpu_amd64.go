//go:build amd64 && !purego

package cpu

import "golang.org/x/sys/cpu"

// detect asks the CPU and, through the XCR0 register, whether the system saves the wide registers.
func detect() []Level {
	x := &cpu.X86
	return levelsOf(
		x.HasAVX2 && x.HasBMI2 && x.HasFMA && x.HasF16C,
		x.HasAVXVNNI,
		x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI,
		x.HasAMXTile && x.HasAMXInt8 && x.HasAMXBF16 && permitTiles(),
	)
}

// levelsOf returns the levels of a CPU that has all of what AVX2 needs, and all of what the others need beyond that.
func levelsOf(avx2, avxvnni, avx512, amx bool) []Level {
	have := []Level{Generic}
	if !avx2 {
		return have
	}
	have = append(have, AVX2)
	if avxvnni {
		have = append(have, AVXVNNI)
	}
	if avx512 {
		have = append(have, AVX512)
	}
	if avx512 && amx {
		have = append(have, AMX)
	}
	return have
}
