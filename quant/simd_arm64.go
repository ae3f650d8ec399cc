//go:build !purego

package quant

import (
	"unsafe"

	"github.com/latentgo/latentgo/internal/cpu"
)

func init() {
	neon := vectorSets[cpu.Generic]
	neon.f16ToF32, neon.f32ToF16 = convertF16, convertF32
	neon.scores, neon.mix = scoresWith(&scoresNEON, 8), mixWith(&mixNEON, 8)
	vectorSets[cpu.NEON] = neon
}

// The attention kernels for 1 to 4 query rows.
var (
	scoresNEON = dotKernels{scoresF16x1NEON, scoresF16x2NEON, scoresF16x3NEON, twice(scoresF16x2NEON)}
	mixNEON    = mixKernels{mix1NEON, mix2NEON, mix3NEON, mix4NEON}
)

type dotKernel = func(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)

// rowAt returns the place n floats behind p.
func rowAt(p *float32, n int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*n)) }

func convertF16(dst []float32, src []uint16) {
	n := len(src) &^ 7
	if n > 0 {
		f16ToF32NEON(&dst[0], &src[0], n)
	}
	f16ToF32Generic(dst[n:], src[n:])
}

func convertF32(dst []uint16, src []float32) {
	n := len(src) &^ 7
	if n > 0 {
		f32ToF16NEON(&dst[0], &src[0], n)
	}
	f32ToF16Generic(dst[n:], src[n:])
}
