//go:build !purego

package kernel

import (
	"unsafe"

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

// codeFloats sets dst[i] = d[b]·(q[i]-bias) + m[b] in blocks of 32, which dst is a multiple of; without m, it adds
// nothing. It is no member of vectorSet: what goes through a function value escapes to the heap.
func codeFloats(dst []float32, q []byte, d, m []float32, bias int32) {
	blocks := len(dst) / q8Block
	switch {
	case blocks == 0:
	case cpu.Active() == cpu.Generic:
		codeFloatsGeneric(dst, q, d, m, bias)
	case m == nil:
		floatsAVX2(&dst[0], &q[0], &d[0], int(bias), blocks)
	default:
		floatsMinAVX2(&dst[0], &q[0], &d[0], &m[0], int(bias), blocks)
	}
}

// codeFloatsK sets dst[i] = d[g]·(q[i]-bias) - m[g] in groups of 16, which dst is a multiple of.
func codeFloatsK(dst []float32, q []byte, d, m []float32, bias int32) {
	if len(dst) == 0 || cpu.Active() == cpu.Generic {
		codeFloatsKGeneric(dst, q, d, m, bias)
		return
	}
	floatsKAVX2(&dst[0], &q[0], &d[0], &m[0], int(bias), len(dst)/kGroup)
}

// decodeHalves decodes len(f) half floats from w.
func decodeHalves(f []float32, w []byte) {
	w = w[:2*len(f)]
	n := len(f) &^ 7
	if cpu.Active() == cpu.Generic {
		n = 0
	}
	if n > 0 {
		f16ToF32AVX2(&f[0], (*uint16)(unsafe.Pointer(&w[0])), n)
	}
	decodeHalvesGeneric(f[n:], w[2*n:])
}
