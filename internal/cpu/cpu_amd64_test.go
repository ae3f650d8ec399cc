//go:build amd64 && !purego

package cpu

import (
	"slices"
	"testing"
)

func TestLevelsOf(t *testing.T) {
	for _, c := range []struct {
		avx2, avxvnni, avx512, amx bool
		want                       []Level
	}{
		{false, false, false, false, []Level{Generic}},
		{false, true, true, true, []Level{Generic}},
		{true, false, false, true, []Level{Generic, AVX2}},
		{true, true, false, false, []Level{Generic, AVX2, AVXVNNI}},
		{true, false, true, false, []Level{Generic, AVX2, AVX512}},
		{true, true, true, false, []Level{Generic, AVX2, AVXVNNI, AVX512}},
		{true, true, true, true, []Level{Generic, AVX2, AVXVNNI, AVX512, AMX}},
	} {
		if got := levelsOf(c.avx2, c.avxvnni, c.avx512, c.amx); !slices.Equal(got, c.want) {
			t.Errorf("levelsOf(%v, %v, %v, %v) = %v, want %v", c.avx2, c.avxvnni, c.avx512, c.amx, got, c.want)
		}
	}
}

func TestIsZen4(t *testing.T) {
	for name, c := range map[string]struct {
		signature uint32
		want      bool
	}{
		"Genoa": {0x00a10f11, true}, "Raphael": {0x00a60f12, true}, "Phoenix": {0x00a70f41, true}, "Bergamo": {0x00aa0f02, true},
		"Milan": {0x00a00f11, false}, "Vermeer": {0x00a20f12, false}, "Turin": {0x00b00f21, false}, "Sapphire Rapids": {0x000806f8, false},
	} {
		if isZen4(c.signature) != c.want {
			t.Errorf("%s: %v", name, !c.want)
		}
	}
}
