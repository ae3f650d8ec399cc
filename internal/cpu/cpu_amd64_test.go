//go:build amd64 && !purego

package cpu

import "testing"

func TestLevelOf(t *testing.T) {
	for _, c := range []struct {
		avx2, avx512, amx bool
		want              Level
	}{
		{false, false, false, Generic}, {false, true, true, Generic}, {true, false, true, AVX2},
		{true, true, false, AVX512}, {true, true, true, AMX},
	} {
		if got := levelOf(c.avx2, c.avx512, c.amx); got != c.want {
			t.Errorf("levelOf(%v, %v, %v) = %v, want %v", c.avx2, c.avx512, c.amx, got, c.want)
		}
	}
}
