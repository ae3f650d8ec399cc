package kernel

import (
	"fmt"
	"math"

	"github.com/viterin/vek/vek32"
)

// GPTQ rounds weights so that the error of products stays small, not that of the weights: with the metric H of the
// inputs, ‖x·(w-ŵ)‖² averages (w-ŵ)ᵀ H (w-ŵ). It goes from the last column to the first and lets each weight make good
// for the rounding of those behind it (GPTQ, arXiv 2210.17323; written with the Cholesky factor of H itself, it is
// Babai's nearest plane). Where a block's grid is too small for what its weights owe, as with a metric that is next to
// singular, plain rounding can be better: each row takes what is. Immutable, for any number of goroutines.
type GPTQ struct {
	n      int
	weight []float64   // L_jj²
	ratio  [][]float32 // row j: L_kj/L_jj for k > j, H = L Lᵀ
}

// NewGPTQ takes the lower Cholesky factor of H, [n, n]; factor returns its element.
func NewGPTQ(n int, factor func(row, col int) float64) *GPTQ {
	f := &GPTQ{n: n, weight: make([]float64, n), ratio: make([][]float32, n)}
	for j := range n {
		f.weight[j] = factor(j, j) * factor(j, j)
		f.ratio[j] = make([]float32, n-1-j)
		for k := j + 1; k < n; k++ {
			f.ratio[j][k-j-1] = float32(factor(k, j) / factor(j, j))
		}
	}
	return f
}

// Quantize encodes one row of n weights as type t to dst, which needs t.RowBytes(n) bytes. Types are those of the
// package's Quantize; floats are only rounded. Errors are those of Quantize.
func (f *GPTQ) Quantize(dst []byte, t Type, row []float32) error {
	grid := grids(t)
	if grid == nil {
		return Quantize(dst, t, row)
	}
	elems, _ := t.Block()
	if len(row) != f.n || f.n%elems != 0 || len(dst) < t.RowBytes(f.n) {
		return fmt.Errorf("quantize %d weights to type %v in %d bytes with feedback for %d: %w", len(row), t, len(dst), f.n, ErrShape)
	}
	if err := Quantize(dst, t, row); err != nil {
		return err
	}
	plain, err := f.plain(dst, t, row)
	if err != nil {
		return err
	}
	out := make([]byte, t.RowBytes(f.n))
	if fed, ok := f.feed(out, t, grid, row); ok && fed <= plain {
		copy(dst, out)
	}
	return nil
}

// feed encodes a row with feedback and returns eᵀ H e; false when what is owed grows beyond all numbers.
func (f *GPTQ) feed(dst []byte, t Type, grid func(b []byte) grid, row []float32) (float64, bool) {
	elems, size := t.Block()
	errs := make([]float32, f.n)
	var want [q8Block]float32
	sum := 0.0
	for lo := f.n - elems; lo >= 0; lo -= elems {
		block := dst[lo/elems*size:][:size]
		for j := range want {
			want[j] = row[lo+j] + f.pending(errs, lo+j, lo+elems)
		}
		if Quantize(block, t, want[:]) != nil {
			return 0, false
		}
		sum += f.block(grid(block), block, t, row, errs, &want, lo)
	}
	return sum, true
}

// plain returns eᵀ H e = Σ L_jj² (e_j + Σ_k>j L_kj/L_jj e_k)² of a row as it is encoded.
func (f *GPTQ) plain(b []byte, t Type, row []float32) (float64, error) {
	errs := make([]float32, f.n)
	if err := Dequantize(errs, t, b[:t.RowBytes(f.n)]); err != nil {
		return 0, err
	}
	sum := 0.0
	for j, v := range errs {
		errs[j] = row[j] - v
	}
	for j, e := range errs {
		d := float64(e + f.pending(errs, j, j+1))
		sum += f.weight[j] * d * d
	}
	return sum, nil
}

// pending returns what column j owes to the errors of columns from on.
func (f *GPTQ) pending(errs []float32, j, from int) float32 {
	if from >= f.n {
		return 0
	}
	return vek32.Dot(f.ratio[j][from-j-1:], errs[from:])
}

// block rounds the weights of one block on its grid, with feedback within the block, and returns what it adds to eᵀ H
// e. want holds the targets without it.
func (f *GPTQ) block(g grid, block []byte, t Type, row, errs []float32, want *[q8Block]float32, lo int) float64 {
	sum := 0.0
	var q [q8Block]byte
	for j := q8Block - 1; j >= 0; j-- {
		x := want[j]
		for k := j + 1; k < q8Block; k++ {
			x += f.ratio[lo+j][k-j-1] * errs[lo+k]
		}
		q[j] = g.round(x)
		v := g.value(q[j])
		errs[lo+j] = row[lo+j] - v
		sum += f.weight[lo+j] * float64(x-v) * float64(x-v)
	}
	putCodes(block, t, &q)
	return sum
}

// grid is the set of values d·q + m, q = 0 … top, that a block can hold.
type grid struct {
	d, m float32
	top  float32
}

func (g grid) round(x float32) byte {
	if g.d == 0 {
		return 0
	}
	q := float32(math.RoundToEven(float64((x - g.m) / g.d)))
	return byte(max(0, min(g.top, q)))
}

func (g grid) value(q byte) float32 { return g.d*float32(q) + g.m }

// grids returns how to read the grid of an encoded block of t, nil for types that are not rounded on one.
func grids(t Type) func(b []byte) grid {
	switch t {
	case Q4_0:
		return func(b []byte) grid { d := half(b); return grid{d, -8 * d, 15} }
	case Q4_1:
		return func(b []byte) grid { return grid{half(b), half(b[2:]), 15} }
	case Q5_0:
		return func(b []byte) grid { d := half(b); return grid{d, -16 * d, 31} }
	case Q5_1:
		return func(b []byte) grid { return grid{half(b), half(b[2:]), 31} }
	case Q8_0:
		return func(b []byte) grid { d := half(b); return grid{d, -128 * d, 255} }
	}
	return nil
}

// putCodes replaces the codes of an encoded block.
func putCodes(b []byte, t Type, q *[q8Block]byte) {
	switch t {
	case Q4_0:
		putNibbles(b[2:], q)
	case Q4_1:
		putNibbles(b[4:], q)
	case Q5_0:
		putFifths(b[2:], q)
		putNibbles(b[6:], q)
	case Q5_1:
		putFifths(b[4:], q)
		putNibbles(b[8:], q)
	case Q8_0:
		for j, v := range q {
			b[2+j] = v - 128
		}
	}
}
