//go:build !purego

package kernel

import (
	"slices"

	"github.com/latentgo/latentgo/internal/cpu"
)

// sets holds the kernels by level.
var sets [cpu.NumLevels]kernelSet

// rowAhead is how many bytes before their use the assembly asks for weights in blocks of 256. Zen 4 reads memory faster when it is
// asked less far ahead: docs/experiments.md, "Zen 4".
//
//lint:ignore U1000 read by assembly
var rowAhead = 8192

func init() {
	if cpu.IsZen4() {
		rowAhead = 4096
	}
	for _, l := range cpu.Levels() {
		sets[l] = kernelsFor(l).withGeneric()
	}
	active = func() *kernelSet { return &sets[cpu.Active()] }
}

// The kernels of amd64, by what the CPU has:
//
//	one to three tokens   rows_amd64.go    weight rows as they lie in the file
//	more tokens           panel_amd64.go   rows unpacked and rearranged, 32 at a time
//	16 tokens, with AMX   tiles_amd64.go   the same, with the same results
//	activations           quantQ8, quantQ8K, sums, below
//
// types_amd64.go says which assembly serves which type. The assembly itself is written by the program in _asm.

// kernelsFor returns what a level does better than plain Go; the rest is nil.
func kernelsFor(l cpu.Level) (k kernelSet) {
	if l >= cpu.AVX2 {
		k.quantQ8, k.quantQ8K, k.sums = quantQ8SIMD, quantQ8KSIMD, groupSumsSIMD
	}
	switch l {
	case cpu.AVX2:
		k.mul = panelAVX2.kernels(slices.Concat(panelTypesAVX2, panelTypesLattice))
	case cpu.AVXVNNI:
		k.mul = panelAVX2.kernels(panelTypesVNNI)
	case cpu.AVX512:
		k.mul = panelAVX512.kernels(panelTypesAVX512)
	case cpu.AMX:
		types := slices.Clone(panelTypesAVX512)
		for i := range types {
			types[i].tiles = tilePanels[types[i].gemm]
		}
		k.mul = panelAVX512.kernels(types)
	}
	return k
}

// quantQ8SIMD is kernelSet.quantQ8.
func quantQ8SIMD(q []int8, d, s, x []float32) {
	if len(d) > 0 {
		quantQ8AVX2(&q[0], &d[0], &s[0], &x[0], len(d))
	}
}

// quantQ8KSIMD is kernelSet.quantQ8K.
func quantQ8KSIMD(q []int8, d []float32, bsums []int16, x []float32) {
	if len(d) > 0 {
		quantQ8KAVX2(&q[0], &d[0], &bsums[0], &x[0], len(d))
	}
}

// groupSumsSIMD is kernelSet.sums.
func groupSumsSIMD(z []float32, q []int8, group int) {
	switch {
	case len(q) == 0:
	case group == q8Block:
		sums32AVX2(&z[0], &q[0], len(q))
	default:
		sums16AVX2(&z[0], &q[0], len(q))
	}
}
