//go:build amd64 && !purego

package cpu

import "testing"

func TestLevelOf(t *testing.T) {
	for _, c := range []struct {
		avx2, avx512 bool
		want         Level
	}{{false, false, Generic}, {false, true, Generic}, {true, false, AVX2}, {true, true, AVX512}} {
		if got := levelOf(c.avx2, c.avx512); got != c.want {
			t.Errorf("levelOf(%v, %v) = %v, want %v", c.avx2, c.avx512, got, c.want)
		}
	}
}
