package model

import (
	"slices"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/hugepage"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Linear is a matrix whose products are multiplied by a scale, 1 in most files.
type Linear struct {
	*kernel.Matrix
	Scale float32
	sums  *InputSums // what it is multiplied by is added there; nil in most models
	low   *lowRank   // what adapters add; nil in most models
}

// Mul is kernel.Matrix.Mul with the scale applied.
func (l Linear) Mul(dst []float32, ld int, a *kernel.Act, r0, r1 int) {
	l.Matrix.Mul(dst, ld, a, r0, r1)
	if l.sums != nil && r0 == 0 { // whoever has the first row
		l.sums.add(a)
	}
	if l.Scale != 1 {
		for t := range a.N {
			scale(dst[t*ld:][r0:r1], l.Scale)
		}
	}
	if l.low != nil {
		l.low.add(dst, ld, a, r0, r1)
	}
}

// Floats returns the weights with their scale, [rows, cols].
func (l Linear) Floats() []float32 {
	out := make([]float32, l.Rows*l.Cols)
	for r := range l.Rows {
		row := out[r*l.Cols:][:l.Cols]
		l.Row(row, r)
		scale(row, l.Scale)
	}
	return out
}

// actTypes returns the distinct types in which matrices, of which some may be nil, want their input.
func actTypes(ms ...Linear) []kernel.ActType {
	var out []kernel.ActType
	for _, m := range ms {
		if m.Matrix != nil {
			out = append(out, m.ActType())
		}
	}
	return distinct(out)
}

// distinct returns each of types once.
func distinct(types []kernel.ActType) []kernel.ActType {
	var out []kernel.ActType
	for _, t := range types {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// rows returns n rows of l from row r on, without copying.
func (l Linear) rows(r, n int) Linear {
	return Linear{rowsOf(l.Matrix, r, n), l.Scale, l.sums, l.low.span(r, n)}
}

// rowsOf returns n rows of m from row r on, without copying.
func rowsOf(m *kernel.Matrix, r, n int) *kernel.Matrix {
	size := m.RowBytes(m.Cols)
	out, err := kernel.NewMatrix(m.Type, n, m.Cols, m.Bytes()[r*size:])
	if err != nil {
		panic(err) // the rows are m's
	}
	return out
}

// transposed returns rows from … from+n-1 of m as the columns of a matrix in half precision.
func transposed(m *kernel.Matrix, from, n int) *kernel.Matrix {
	row := make([]float32, m.Cols)
	t := make([]float32, n*m.Cols)
	for r := range n {
		m.Row(row, from+r)
		for c, v := range row {
			t[c*n+r] = v
		}
	}
	data := hugepage.Make[byte](2 * len(t))
	if err := kernel.Quantize(data, ggtype.F16, t); err != nil {
		panic(err) // the sizes are right by construction
	}
	out, err := kernel.NewMatrix(ggtype.F16, m.Cols, n, data)
	if err != nil {
		panic(err)
	}
	return out
}

// transposedAll returns the transposed matrices.
func transposedAll(ms []*kernel.Matrix) []*kernel.Matrix {
	out := make([]*kernel.Matrix, len(ms))
	for i, m := range ms {
		out[i] = transposed(m, 0, m.Rows)
	}
	return out
}

// matrixBytes sums up the sizes of matrices, of which some may be nil.
func matrixBytes(ms ...*kernel.Matrix) int {
	n := 0
	for _, m := range ms {
		if m != nil {
			n += len(m.Bytes())
		}
	}
	return n
}

func scale(x []float32, f float32) {
	for i := range x {
		x[i] *= f
	}
}
