package kernel

import (
	"fmt"

	"github.com/latentgo/latentgo/internal/cpu"
)

// rowAlign is the granularity at which the kernels like their rows: AVX-512 takes 32 at a time when there are several
// tokens.
const rowAlign = 32

// Matrix is a matrix of weights in the bytes of a file: Rows rows of Cols weights of a type. It is immutable and any
// number of goroutines may use it.
type Matrix struct {
	Type
	Rows, Cols int

	data    []byte
	stride  int     // bytes per row
	actType ActType // of the activations
}

// NewMatrix returns the matrix of type t with its rows one after the other in data, which is kept, not copied, and must
// not change. Rows and cols are at least 1, cols is a multiple of the type's block, and data may be longer than needed.
// Errors wrap ErrType or ErrShape.
func NewMatrix(t Type, rows, cols int, data []byte) (*Matrix, error) {
	actType, ok := ActTypeOf(t)
	if !ok {
		return nil, fmt.Errorf("matrix of type %v: %w", t, ErrType)
	}
	elems, bytes := t.Block()
	if rows < 1 || cols < 1 || cols%elems != 0 {
		return nil, fmt.Errorf("matrix of %d rows of %d weights of type %v: %w", rows, cols, t, ErrShape)
	}
	if rows > len(data)/bytes/(cols/elems) {
		return nil, fmt.Errorf("matrix of %d rows of %d weights of type %v in %d bytes: %w", rows, cols, t, len(data), ErrShape)
	}
	stride := t.RowBytes(cols)
	return &Matrix{Type: t, Rows: rows, Cols: cols, data: data[:rows*stride], stride: stride, actType: actType}, nil
}

// ActType returns the type in which Mul wants the activations.
func (m *Matrix) ActType() ActType { return m.actType }

// Bytes returns the rows as they are in the file, not to be changed.
func (m *Matrix) Bytes() []byte { return m.data }

// Align returns the multiple of rows at which work is best split between workers; it is a hint, any split is correct.
func (m *Matrix) Align() int { return rowAlign }

// Piece returns the multiple of Align up to which a worker best takes rows at once where there are many tokens, if there are
// rows enough for all workers; it is a hint too. Tiles read activations so fast that they should stay in the worker's own
// cache for several panels of rows.
func (m *Matrix) Piece() int {
	if cpu.Active() == cpu.AMX {
		return 8 * rowAlign
	}
	return rowAlign
}

// Row writes row r as float32 to dst[:Cols]. It panics when r is out of range or dst is shorter.
func (m *Matrix) Row(dst []float32, r int) {
	m.Part(dst[:m.Cols], r, 0)
}

// Part writes len(dst) weights of row r from column c on as float32: both multiples of the type's block. It panics when
// they are not, or out of range.
func (m *Matrix) Part(dst []float32, r, c int) {
	elems, bytes := m.Type.Block()
	if c%elems != 0 || len(dst)%elems != 0 || c < 0 || c+len(dst) > m.Cols {
		panic(fmt.Sprintf("kernel: columns %d to %d of [%d,%d], in blocks of %d", c, c+len(dst), m.Rows, m.Cols, elems))
	}
	dequantize(dst, m.Type, m.data[r*m.stride:][:m.stride][c/elems*bytes:][:len(dst)/elems*bytes])
}

// Mul computes dst[t*ld+r] = Σ_c W[r,c]·x[t,c] for the rows r0 ≤ r < r1 and all rows t of the batch, and touches no
// other element of dst. ld is the distance between the results of two tokens, usually Rows. Calls for disjoint rows may
// run at the same time. Nothing is allocated. It panics when the batch has another row length or was not quantised to
// ActType, when the rows are out of range or dst is too short.
func (m *Matrix) Mul(dst []float32, ld int, a *Act, r0, r1 int) {
	if r0 == r1 || a.N == 0 {
		return
	}
	if r0 < 0 || r1 < r0 || r1 > m.Rows || a.Cols != m.Cols || ld < r1 || len(dst) < (a.N-1)*ld+r1 {
		panic(fmt.Sprintf("kernel: rows %d to %d of [%d,%d] times %d activations of %d to %d results at distance %d",
			r0, r1, m.Rows, m.Cols, a.N, a.Cols, len(dst), ld))
	}
	if !a.ready(m.actType) {
		panic("kernel: activations are not quantised")
	}
	active().mul[m.Type](dst[r0:], ld, m.data[r0*m.stride:r1*m.stride], m.stride, r1-r0, a)
}
