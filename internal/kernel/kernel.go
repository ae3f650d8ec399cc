package kernel

import "github.com/latentgo/latentgo/internal/ggtype"

// panelFrom is from how many rows on a batch is one of many, see [Act.Singles]: from there panels pay.
const panelFrom = 4

// numTypes is the length of a table indexed by Type.
const numTypes = int(ggtype.Q2_0) + 1

// kernel multiplies a tile of weight rows by a whole batch: dst[t*ld+i] = Σ_c W[i,c]·x[t,c] for 0 ≤ i < rows and 0 ≤ t
// < a.N. Row i of the weights starts at w[i*stride]; w ends with the last row's last block, which may be the last byte
// of a file mapping: nothing behind it may be read. The batch has a.Cols columns in the ActType that the weights want,
// quantised. rows and a.N are at least 1. A kernel allocates nothing.
type kernel func(dst []float32, ld int, w []byte, stride, rows int, a *Act)

// kernelSet is all that one level of CPU features runs.
type kernelSet struct {
	mul [numTypes]kernel // by Type; nil where the type cannot be computed with

	// quantQ8 quantises len(x)/32 blocks: q as long as x, d and s one per block.
	quantQ8 func(q []int8, d, s, x []float32)
	// quantQ8K quantises len(x)/256 blocks: q as long as x, d one per block, bsums 16 per block.
	quantQ8K func(q []int8, d []float32, bsums []int16, x []float32)
	// sums sets z[i] = Σq over group values each, 16 or 32; q has a multiple of 32.
	sums func(z []float32, q []int8, group int)
}

// generic is the pure-Go set: complete, and the reference implementation that every other set is tested against.
var generic = kernelSet{
	mul: [numTypes]kernel{
		F32: mulF32, F16: mulF16, BF16: mulBF16,
		Q4_0: mulQ4_0, Q4_1: mulQ4_1, Q5_0: mulQ5_0, Q5_1: mulQ5_1, Q8_0: mulQ8_0, IQ4_NL: mulIQ4_NL, MXFP4: mulMXFP4,
		Q2_K: mulQ2_K, Q3_K: mulQ3_K, Q4_K: mulQ4_K, Q5_K: mulQ5_K, Q6_K: mulQ6_K, IQ4_XS: mulIQ4_XS,
		IQ1_S: mulIQ1_S, IQ1_M: mulIQ1_M, IQ2_XXS: mulIQ2_XXS, IQ2_XS: mulIQ2_XS, IQ2_S: mulIQ2_S,
		IQ3_XXS: mulIQ3_XXS, IQ3_S: mulIQ3_S, TQ1_0: mulTQ1_0, TQ2_0: mulTQ2_0, Q1_0: mulQ1_0, Q2_0: mulQ2_0,
	},
	quantQ8:  quantQ8,
	quantQ8K: quantQ8K,
	sums:     groupSumsGeneric,
}

// active returns the set in use. A platform with SIMD kernels replaces it at init by a function that follows
// cpu.Active:
//
//	func kernelsFor(level cpu.Level) kernelSet        // only what the level does better; the rest nil
//	sets[level] = kernelsFor(level).withGeneric()
//	active = func() *kernelSet { return &sets[cpu.Active()] }
var active = func() *kernelSet { return &generic }

// withGeneric returns k with the generic kernels where k has none.
func (k kernelSet) withGeneric() kernelSet {
	for t, f := range k.mul {
		if f == nil {
			k.mul[t] = generic.mul[t]
		}
	}
	if k.quantQ8 == nil {
		k.quantQ8 = generic.quantQ8
	}
	if k.quantQ8K == nil {
		k.quantQ8K = generic.quantQ8K
	}
	if k.sums == nil {
		k.sums = generic.sums
	}
	return k
}
