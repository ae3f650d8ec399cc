//go:build !purego

package quant

import "github.com/latentgo/latentgo/internal/cpu"

// sets holds the kernels by level.
var sets [cpu.NumLevels]kernelSet

func init() {
	for _, l := range cpu.Levels() {
		sets[l] = kernelsFor(l).withGeneric()
	}
	active = func() *kernelSet { return &sets[cpu.Active()] }
}

// kernelsFor returns what a level does better than plain Go; the rest is nil.
func kernelsFor(l cpu.Level) (k kernelSet) {
	if l >= cpu.AVX2 {
		k.quantQ8, k.quantQ8K = quantQ8SIMD, quantQ8KSIMD
	}
	switch l {
	case cpu.AVX2:
		k.mul = [numTypes]kernel{
			Q4_0: rows32With(rowsQ4_0AVX2), Q4_1: rows32With(rowsQ4_1AVX2),
			Q5_0: rows32With(rowsQ5_0AVX2), Q5_1: rows32With(rowsQ5_1AVX2),
			Q8_0: rows32With(rowsQ8_0AVX2), IQ4_NL: rows32With(rowsIQ4_NLAVX2), MXFP4: rows32With(rowsMXFP4AVX2),
			Q2_K: rowsKWith(rowsQ2_KAVX2), Q3_K: rowsKWith(rowsQ3_KAVX2), Q4_K: rowsKWith(rowsQ4_KAVX2),
			Q5_K: rowsKWith(rowsQ5_KAVX2), Q6_K: rowsKWith(rowsQ6_KAVX2), IQ4_XS: rowsKWith(rowsIQ4_XSAVX2),
			F16: floatsWith(&scoresAVX2, F16, 8), BF16: floatsWith(&dotsBF16AVX2, BF16, 8), F32: floatsWith(&dotsF32AVX2, F32, 8),
		}
	case cpu.AVX512:
		k.mul = [numTypes]kernel{
			Q4_0: rows32With(rowsQ4_0AVX512), Q4_1: rows32With(rowsQ4_1AVX512),
			Q5_0: rows32With(rowsQ5_0AVX512), Q5_1: rows32With(rowsQ5_1AVX512),
			Q8_0: rows32With(rowsQ8_0AVX512), IQ4_NL: rows32With(rowsIQ4_NLAVX512), MXFP4: rows32With(rowsMXFP4AVX512),
			Q2_K: rowsKWith(rowsQ2_KAVX512), Q3_K: rowsKWith(rowsQ3_KAVX512), Q4_K: rowsKWith(rowsQ4_KAVX512),
			Q5_K: rowsKWith(rowsQ5_KAVX512), Q6_K: rowsKWith(rowsQ6_KAVX512), IQ4_XS: rowsKWith(rowsIQ4_XSAVX512),
			F16: floatsWith(&scoresAVX512, F16, 1), BF16: floatsWith(&dotsBF16AVX512, BF16, 1), F32: floatsWith(&dotsF32AVX512, F32, 1),
		}
	}
	return k
}

// rowChunk is how many rows go through all tokens before the next ones: few enough to stay in the first-level cache.
const rowChunk = 32

// rows32With makes a kernel of one that multiplies rows in blocks of 32 by one token.
func rows32With(rows32 func(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)) kernel {
	return func(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
		blocks := a.Cols / q8Block
		chunk := rows
		if a.N > 1 {
			chunk = rowChunk
		}
		for r := 0; r < rows; r += chunk {
			for t := range a.N {
				b := t * blocks
				rows32(&dst[t*ld+r], &w[r*stride], stride, min(chunk, rows-r), &a.q8[b*q8Block], &a.d[b], &a.s[b], blocks)
			}
		}
	}
}

// rowsKWith makes a kernel of one that multiplies rows in blocks of 256 by one token.
func rowsKWith(rowsK func(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)) kernel {
	return func(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
		blocks := a.Cols / kBlock
		chunk := rows
		if a.N > 1 {
			chunk = rowChunk
		}
		for r := 0; r < rows; r += chunk {
			for t := range a.N {
				b := t * blocks
				rowsK(&dst[t*ld+r], &w[r*stride], stride, min(chunk, rows-r), &a.k8[b*kBlock], &a.kd[b], &a.bsums[b*kBlock/kGroup], blocks)
			}
		}
	}
}

func quantQ8SIMD(q []int8, d, s, x []float32) {
	if len(d) > 0 {
		quantQ8AVX2(&q[0], &d[0], &s[0], &x[0], len(d))
	}
}

func quantQ8KSIMD(q []int8, d []float32, bsums []int16, x []float32) {
	if len(d) > 0 {
		quantQ8KAVX2(&q[0], &d[0], &bsums[0], &x[0], len(d))
	}
}

// The kernels of the types whose activations stay float32; those of F16 are attention's.
var (
	dotsBF16AVX2   = dotKernels{scoresBF16x1AVX2, scoresBF16x2AVX2, scoresBF16x3AVX2, scoresBF16x4AVX2}
	dotsBF16AVX512 = dotKernels{scoresBF16x1AVX512, scoresBF16x2AVX512, scoresBF16x3AVX512, scoresBF16x4AVX512}
	dotsF32AVX2    = dotKernels{scoresF32x1AVX2, scoresF32x2AVX2, scoresF32x3AVX2, scoresF32x4AVX2}
	dotsF32AVX512  = dotKernels{scoresF32x1AVX512, scoresF32x2AVX512, scoresF32x3AVX512, scoresF32x4AVX512}
)

// floatsWith makes a kernel for type t, F16, BF16 or F32, of ones that take columns in multiples of step; the others are
// added in Go.
func floatsWith(kernels *dotKernels, t Type, step int) kernel {
	_, size := t.Block()
	return func(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
		head := a.Cols - a.Cols%step
		chunk := rows
		if a.N > len(kernels) {
			chunk = rowChunk
		}
		for r := 0; r < rows; r += chunk {
			for t := 0; t < a.N; t += len(kernels) {
				tokens := kernels[min(a.N-t, len(kernels))-1]
				tokens(&dst[t*ld+r], ld, &a.x[t*a.Cols], a.Cols, &w[r*stride], stride, min(chunk, rows-r), head)
			}
		}
		if head < a.Cols {
			floatTail(t, dst, ld, w[head*size:], stride, rows, a, head)
		}
	}
}

// floatTail adds the products of the columns from head on, fewer than 8; w begins with them.
func floatTail(t Type, dst []float32, ld int, w []byte, stride, rows int, a *Act, head int) {
	_, size := t.Block()
	var buf [8]float32
	tail := buf[:a.Cols-head]
	for r := range rows {
		floats(t, tail, w[r*stride:][:len(tail)*size])
		for t := range a.N {
			dst[t*ld+r] += dotFloats(tail, a.x[t*a.Cols+head:][:len(tail)])
		}
	}
}
