package kernel

import (
	"fmt"
	"sync/atomic"
)

const (
	q8Block = 32  // activations per scale in ActQ8
	kBlock  = 256 // activations per scale in ActQ8K
	kGroup  = 16  // activations per partial sum in ActQ8K
)

// Act is a batch of activation rows in the types that weights want. The zero value is an empty batch. It keeps its
// memory between batches: after the first use of a size nothing is allocated. It must not be copied after first use.
//
// Layout, for kernels: row t of a type starts at t·(row length of the type), nothing is padded.
type Act struct {
	N, Cols int // rows (tokens) and values per row
	singles int // rows before the batch proper, see Singles; -1 when nobody said

	number uint64    // of the batch, see Number
	x      []float32 // N·Cols, the caller's

	// ActQ8, when Cols is a multiple of 32: x ≈ d·q within a block of 32, s = d·Σq.
	q8 []int8    // N·Cols
	d  []float32 // N·Cols/32
	s  []float32 // N·Cols/32
	z  []float32 // N·Cols/32, Σq; of a batch

	// ActQ8K, when Cols is a multiple of 256: x ≈ kd·k8 within a block of 256, bsums = Σk8 over 16.
	k8    []int8    // N·Cols
	kd    []float32 // N·Cols/256
	bsums []int16   // N·Cols/16
	kz16  []float32 // N·Cols/16, Σk8 over 16; of a batch
	kz32  []float32 // N·Cols/32, Σk8 over 32; of a batch

	done [actTypes]atomic.Int32 // rows quantised since Reset
}

// Number tells batches apart: Reset changes it.
func (a *Act) Number() uint64 { return a.number }

// Reset makes a the batch of n rows of cols values each, row after row in x. It refers to x, which must stay unchanged
// until the last use of the batch, and forgets the quantised rows of the batch before. It panics when x is too short.
// No other method may run at the same time.
func (a *Act) Reset(x []float32, n, cols int) {
	if n < 0 || cols < 0 || len(x) < n*cols {
		panic(fmt.Sprintf("kernel: activations of %d rows of %d values in a slice of %d", n, cols, len(x)))
	}
	a.N, a.Cols, a.x, a.singles = n, cols, x[:n*cols], -1
	a.number++
	if cols%q8Block == 0 {
		a.q8 = sized(a.q8, n*cols)
		a.d = sized(a.d, n*cols/q8Block)
		a.s = sized(a.s, n*cols/q8Block)
		a.z = sized(a.z, n*cols/q8Block)
	}
	if cols%kBlock == 0 {
		a.k8 = sized(a.k8, n*cols)
		a.kd = sized(a.kd, n*cols/kBlock)
		a.bsums = sized(a.bsums, n*cols/kGroup)
		a.kz16 = sized(a.kz16, n*cols/kGroup)
		a.kz32 = sized(a.kz32, n*cols/q8Block)
	}
	for f := range a.done {
		a.done[f].Store(0)
	}
}

// Row returns row t as it was given to Reset, not to be changed.
func (a *Act) Row(t int) []float32 { return a.x[t*a.Cols:][:a.Cols] }

// Singles says, after Reset and before the rows are quantised, that [Matrix.Mul] gives the first n rows the same bits
// as if each were alone, and the others the same bits as in a batch of many, however many there are of both. Otherwise
// a batch of few rows is computed as if each were alone, one of many as it is fastest: sums then differ in the order of
// addition.
func (a *Act) Singles(n int) {
	if n < 0 || n > a.N {
		panic(fmt.Sprintf("kernel: %d of %d rows of activations", n, a.N))
	}
	a.singles = n
}

// alone returns how many rows are multiplied as if each were alone, where batches of from rows and more are not.
func (a *Act) alone(from int) int {
	switch {
	case a.singles >= 0:
		return a.singles
	case a.N < from:
		return a.N
	}
	return 0
}

// Quantize quantises rows lo … hi-1. Calls for different rows may run at the same time; all of them must have returned
// before the first [Matrix.Mul] of a matrix that wants type f. ActF32 needs no call. It panics when the row length is
// not a multiple of the type's block, or a row is out of range.
//
// A block with an infinite or NaN value becomes one that makes every product with it NaN. A block whose largest
// magnitude is below 3.8e-37, where 127 divided by it overflows, becomes zero.
func (a *Act) Quantize(f ActType, lo, hi int) {
	if lo == hi {
		return
	}
	if lo < 0 || hi < lo || hi > a.N || a.Cols%f.Block() != 0 {
		panic(fmt.Sprintf("kernel: quantize rows %d to %d of %d rows of %d activations", lo, hi, a.N, a.Cols))
	}
	a.quantize(f, lo*a.Cols, hi*a.Cols)
	a.done[f].Add(int32(hi - lo))
}

// quantize quantises values lo … hi-1, whole rows.
func (a *Act) quantize(f ActType, lo, hi int) {
	k := active()
	switch f {
	case ActQ8:
		k.quantQ8(a.q8[lo:hi], a.d[lo/q8Block:hi/q8Block], a.s[lo/q8Block:hi/q8Block], a.x[lo:hi])
		if a.summed() {
			k.sums(a.z[lo/q8Block:hi/q8Block], a.q8[lo:hi], q8Block)
		}
	case ActQ8K:
		k.quantQ8K(a.k8[lo:hi], a.kd[lo/kBlock:hi/kBlock], a.bsums[lo/kGroup:hi/kGroup], a.x[lo:hi])
		if a.summed() {
			k.sums(a.kz16[lo/kGroup:hi/kGroup], a.k8[lo:hi], kGroup)
			k.sums(a.kz32[lo/q8Block:hi/q8Block], a.k8[lo:hi], q8Block)
		}
	}
}

// summed reports whether panels may want sums of activations.
func (a *Act) summed() bool { return a.N > 1 || a.singles == 0 }

// ready reports whether every row has type f.
func (a *Act) ready(f ActType) bool { return f == ActF32 || int(a.done[f].Load()) >= a.N }

// sized returns s with length n, newly allocated when its capacity is smaller.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
