//go:build !purego

package quant

import (
	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/internal/cpu"
)

// dotFloat returns Σ x·y of equal lengths. vek's kernel is fast for multiples of 32 only, and panics on nothing.
func dotFloat(x, y []float32) float32 {
	if len(x) == 0 || len(x)%32 != 0 || cpu.Active() == cpu.Generic {
		return dotFloatGeneric(x, y)
	}
	return vek32.Dot(x, y)
}
