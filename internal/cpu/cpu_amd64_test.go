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
