package quant

import (
	"fmt"

	"github.com/latentgo/latentgo/internal/kernel"
)

// Matrix is a matrix of weights in the bytes of a file. It is immutable, and any number of goroutines may use it.
type Matrix struct {
	m *kernel.Matrix
}

// NewMatrix returns the matrix of type t whose rows lie one after the other in data. data is kept, not copied, and must
// not change. rows and cols are at least 1, cols is a multiple of the type's block, and data may be longer than needed.
// Errors wrap ErrType or ErrShape.
func NewMatrix(t Type, rows, cols int, data []byte) (*Matrix, error) {
	m, err := kernel.NewMatrix(t, rows, cols, data)
	if err != nil {
		return nil, err
	}
	return &Matrix{m}, nil
}

// Type returns the type of the weights.
func (m *Matrix) Type() Type { return m.m.Type }

// Rows returns the number of rows, the length of a product.
func (m *Matrix) Rows() int { return m.m.Rows }

// Cols returns the number of weights in a row, the length of what is multiplied.
func (m *Matrix) Cols() int { return m.m.Cols }

// Row writes the weights of row r as float32 to dst, whose length is at least Cols; the rest of dst is left alone. An
// error wraps ErrShape; then nothing is written.
func (m *Matrix) Row(dst []float32, r int) error {
	if r < 0 || r >= m.Rows() || len(dst) < m.Cols() {
		return fmt.Errorf("row %d of %d rows of %d weights, to %d values: %w", r, m.Rows(), m.Cols(), len(dst), ErrShape)
	}
	m.m.Row(dst, r)
	return nil
}

// MulVec computes dst[r] = Σ_c W[r,c]·x[c] for all rows. It is MulMat of one vector.
func (m *Matrix) MulVec(dst, x []float32) error { return m.MulMat(dst, x, 1) }

// MulMat multiplies n vectors: dst[i*Rows+r] = Σ_c W[r,c]·x[i*Cols+c] for 0 ≤ i < n. x has exactly n·Cols values and
// dst n·Rows; an error wraps ErrShape, and then nothing is written.
//
// Weights in blocks are multiplied in integer arithmetic: x is rounded to 8 bits with a scale per 32 values, 256 for
// the blocks of 256, as llama.cpp does. A vector with NaN or infinity in such a block gives NaN. F32, F16 and BF16
// weights take x as it is. One goroutine does the work; callers who want more split the rows into matrices of their
// own.
func (m *Matrix) MulMat(dst, x []float32, n int) error {
	if n < 0 || len(x) != n*m.Cols() || len(dst) != n*m.Rows() {
		return fmt.Errorf("matrix of %d rows of %d weights times %d vectors, %d values to %d: %w",
			m.Rows(), m.Cols(), n, len(x), len(dst), ErrShape)
	}
	var act kernel.Act
	act.Reset(x, n, m.Cols())
	act.Quantize(m.m.ActType(), 0, n)
	m.m.Mul(dst, m.Rows(), &act, 0, m.Rows())
	return nil
}
