package engine

import (
	"encoding/binary"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/quant"
)

// solver solves A x = y for many y by A's Cholesky factor L, in single precision. The factor is cut into blocks of columns:
// what a block's values are worth to the others is a product of matrices, which takes nearly all of the time.
type solver struct {
	n      int
	blocks []solverBlock
}

// solverBlock are rows, and columns, lo … hi-1.
type solverBlock struct {
	lo, hi   int
	diagonal []float32     // L's rows and columns of the block
	below    *quant.Matrix // L[hi…n, lo…hi], nil for the last block
	left     *quant.Matrix // L[lo…hi, 0…lo] transposed, nil for the first
}

const solverSize = 64 // columns of a block

func newSolver(c *mat.Cholesky) *solver {
	l := lower(c)
	n := c.SymmetricDim()
	s := &solver{n: n}
	for lo := 0; lo < n; lo += solverSize {
		b := solverBlock{lo: lo, hi: min(lo+solverSize, n)}
		for r := lo; r < b.hi; r++ {
			for c := lo; c < b.hi; c++ {
				b.diagonal = append(b.diagonal, float32(l(r, c)))
			}
		}
		b.below = floatMatrix(n-b.hi, b.hi-lo, func(r, c int) float64 { return l(b.hi+r, lo+c) })
		b.left = floatMatrix(lo, b.hi-lo, func(r, c int) float64 { return l(lo+c, r) })
		s.blocks = append(s.blocks, b)
	}
	return s
}

// lower returns the element function of a Cholesky factor, without a copy.
func lower(c *mat.Cholesky) func(row, col int) float64 {
	u := c.RawU()
	return func(row, col int) float64 { return u.At(col, row) }
}

// floatMatrix returns a matrix in single precision, nil without rows.
func floatMatrix(rows, cols int, at func(r, c int) float64) *quant.Matrix {
	if rows == 0 {
		return nil
	}
	data := make([]byte, 0, 4*rows*cols)
	for r := range rows {
		for c := range cols {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(at(r, c))))
		}
	}
	m, err := quant.NewMatrix(ggtype.F32, rows, cols, data)
	if err != nil {
		panic(err) // the shape is right by construction
	}
	return m
}

// solve replaces each of the rows of n values in y by its x.
func (s *solver) solve(y []float32) {
	w := solverScratch{rows: len(y) / s.n}
	for i := range s.blocks { // L z = y
		b := &s.blocks[i]
		for t := range w.rows {
			b.down(y[t*s.n+b.lo : t*s.n+b.hi])
		}
		w.subtract(y, s.n, b, b.below, b.hi)
	}
	for i := len(s.blocks) - 1; i >= 0; i-- { // Lᵀ x = z
		b := &s.blocks[i]
		for t := range w.rows {
			b.up(y[t*s.n+b.lo : t*s.n+b.hi])
		}
		w.subtract(y, s.n, b, b.left, 0)
	}
}

// down solves with the block's own rows of L, up with those of Lᵀ.
func (b *solverBlock) down(x []float32) {
	n := len(x)
	for r := range n {
		row, v := b.diagonal[r*n:][:n], x[r]
		for c, f := range row[:r] {
			v -= f * x[c]
		}
		x[r] = v / row[r]
	}
}

func (b *solverBlock) up(x []float32) {
	n := len(x)
	for r := n - 1; r >= 0; r-- {
		row := b.diagonal[r*n:][:n]
		x[r] /= row[r]
		for c, f := range row[:r] {
			x[c] -= f * x[r]
		}
	}
}

// solverScratch is what one solve computes with.
type solverScratch struct {
	rows    int
	act     quant.Act
	in, out []float32
}

// subtract takes m times the block's values from those that begin at column at.
func (w *solverScratch) subtract(y []float32, n int, b *solverBlock, m *quant.Matrix, at int) {
	if m == nil {
		return
	}
	size := b.hi - b.lo
	w.in, w.out = resized(w.in, w.rows*size), resized(w.out, w.rows*m.Rows)
	for t := range w.rows {
		copy(w.in[t*size:][:size], y[t*n+b.lo:])
	}
	w.act.Reset(w.in, w.rows, size)
	m.Mul(w.out, m.Rows, &w.act, 0, m.Rows)
	for t := range w.rows {
		to := y[t*n+at:][:m.Rows]
		for i, v := range w.out[t*m.Rows:][:m.Rows] {
			to[i] -= v
		}
	}
}
