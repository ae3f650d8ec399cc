//go:build !purego

package kernel

import "github.com/latentgo/latentgo/internal/cpu"

// sets holds the kernels by level.
var sets [cpu.NumLevels]kernelSet

func init() {
	sets[cpu.Generic] = generic
	for level, panels := range map[cpu.Level]*panelKernels{cpu.NEON: &panelsNEON, cpu.I8MM: &panelsI8MM} {
		sets[level] = kernelSet{
			mul: products(panels), quantQ8: quantQ8SIMD, quantQ8K: quantQ8KSIMD, sums: groupSumsSIMD,
		}.withGeneric()
	}
	active = func() *kernelSet { return &sets[cpu.Active()] }
}

// products returns the products by panels and by one token.
func products(panels *panelKernels) (mul [numTypes]kernel) {
	for _, p := range []*panelType{
		{typ: Q4_0, block: 32, group: 32, few: rows32With(rowsQ4_0NEON)},
		{typ: Q4_1, block: 32, group: 32, few: rows32With(rowsQ4_1NEON)},
		{typ: Q5_0, block: 32, group: 32, few: rows32With(rowsQ5_0NEON)},
		{typ: Q5_1, block: 32, group: 32, few: rows32With(rowsQ5_1NEON)},
		{typ: Q8_0, block: 32, group: 32, few: rows32With(rowsQ8_0NEON)},
		{typ: IQ4_NL, block: 32, group: 32, few: rows32With(rowsIQ4_NLNEON)},
		{typ: MXFP4, block: 32, group: 32, few: rows32With(rowsMXFP4NEON)},
		{typ: Q1_0, block: 32, group: 32, few: rows32With(rowsQ1_0NEON)},
		{typ: Q2_0, block: 32, group: 32, few: rows32With(rowsQ2_0NEON)},
		{typ: Q2_K, block: 256, group: 16, few: rowsKWith(rowsQ2_KNEON)},
		{typ: Q3_K, block: 256, group: 16, few: rowsKWith(rowsQ3_KNEON)},
		{typ: Q4_K, block: 256, group: 32, few: rowsKWith(rowsQ4_KNEON)},
		{typ: Q5_K, block: 256, group: 32, few: rowsKWith(rowsQ5_KNEON)},
		{typ: Q6_K, block: 256, group: 16, few: rowsKWith(rowsQ6_KNEON)},
		{typ: IQ4_XS, block: 256, group: 32, few: rowsKWith(rowsIQ4_XSNEON)},
		{typ: IQ1_S, block: 256, group: 32, few: rowsKWith(rowsIQ1_SNEON)},
		{typ: IQ1_M, block: 256, group: 16, few: rowsKWith(rowsIQ1_MNEON)},
		{typ: IQ2_XXS, block: 256, group: 32, few: rowsKWith(rowsIQ2_XXSNEON)},
		{typ: IQ2_XS, block: 256, group: 16, few: rowsKWith(rowsIQ2_XSNEON)},
		{typ: IQ2_S, block: 256, group: 16, few: rowsKWith(rowsIQ2_SNEON)},
		{typ: IQ3_XXS, block: 256, group: 32, few: rowsKWith(rowsIQ3_XXSNEON)},
		{typ: IQ3_S, block: 256, group: 32, few: rowsKWith(rowsIQ3_SNEON)},
		{typ: TQ1_0, block: 256, group: 32, few: rowsKWith(rowsTQ1_0NEON)},
		{typ: TQ2_0, block: 256, group: 32, few: rowsKWith(rowsTQ2_0NEON)},
	} {
		p.panelKernels = panels
		mul[p.typ] = p.mul
	}
	mul[F16], mul[BF16], mul[F32] = floatsWith(scoresNEON, F16, 8), floatsWith(dotsBF16NEON, BF16, 8), floatsWith(dotsF32NEON, F32, 8)
	return mul
}

func quantQ8SIMD(q []int8, d, s, x []float32) {
	if len(d) > 0 {
		quantQ8NEON(&q[0], &d[0], &s[0], &x[0], len(d))
	}
}

func quantQ8KSIMD(q []int8, d []float32, bsums []int16, x []float32) {
	if len(d) > 0 {
		quantQ8KNEON(&q[0], &d[0], &bsums[0], &x[0], len(d))
	}
}

func groupSumsSIMD(z []float32, q []int8, group int) {
	switch {
	case len(q) == 0:
	case group == q8Block:
		sums32NEON(&z[0], &q[0], len(z))
	default:
		sums16NEON(&z[0], &q[0], len(z))
	}
}

// The kernels of the types whose activations stay float32; those of F16 are attention's.
var (
	dotsBF16NEON = dotKernels{scoresBF16x1NEON, scoresBF16x2NEON, scoresBF16x3NEON, twice(scoresBF16x2NEON)}
	dotsF32NEON  = dotKernels{scoresF32x1NEON, scoresF32x2NEON, scoresF32x3NEON, twice(scoresF32x2NEON)}
)

// twice makes a kernel for four rows of floats of one for two.
func twice(two dotKernel) dotKernel {
	return func(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int) {
		two(dst, ldd, q, ldq, k, stride, n, d)
		two(rowAt(dst, 2*ldd), ldd, rowAt(q, 2*ldq), ldq, k, stride, n, d)
	}
}
