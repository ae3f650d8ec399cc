// Package activation keeps activations of many tokens in few bits: in half precision, or in the 8-bit blocks to which
// products with quantised weights round them anyway.
package activation

import (
	"math"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/internal/kernel"
)

// Store holds rows of activations. Rows may be written and read by several goroutines, each its own.
type Store interface {
	// Load writes rows lo … hi-1 to the same rows of x.
	Load(x []float32, lo, hi int)
	// Save keeps rows lo … hi-1 of x.
	Save(x []float32, lo, hi int)
	// After returns the rows from row n on, not a copy.
	After(n int) Store
}

// New returns room for tokens rows of what m takes in: the smallest store that loses nothing of it.
func New(tokens int, m *kernel.Matrix) Store {
	if m.ActType() == kernel.ActF32 {
		return NewF16(tokens, m.Cols)
	}
	return NewQ8(tokens, m.Cols)
}

// F16 holds rows in half precision, each scaled by a power of two so that its largest value has room and what is a
// hundred million times smaller is still told apart.
type F16 struct {
	width int
	half  []uint16  // [rows, width]
	scale []float32 // [rows] what a row's values are multiplied by
}

// NewF16 returns room for so many rows.
func NewF16(rows, width int) F16 {
	return F16{width, make([]uint16, rows*width), make([]float32, rows)}
}

// Len returns the number of rows.
func (s F16) Len() int { return len(s.scale) }

// Rows returns n rows from row at on, not a copy.
func (s F16) Rows(at, n int) F16 {
	return F16{s.width, s.half[at*s.width : (at+n)*s.width], s.scale[at : at+n]}
}

// After implements Store.
func (s F16) After(n int) Store { return s.Rows(n, s.Len()-n) }

// CopyFrom copies all rows of another store of the same size.
func (s F16) CopyFrom(from F16) {
	copy(s.half, from.half)
	copy(s.scale, from.scale)
}

// Load implements Store.
func (s F16) Load(x []float32, lo, hi int) {
	for t := lo; t < hi; t++ {
		row := x[t*s.width:][:s.width]
		kernel.F16ToF32(row, s.half[t*s.width:][:s.width])
		vek32.MulNumber_Inplace(row, s.scale[t])
	}
}

// Save implements Store.
func (s F16) Save(x []float32, lo, hi int) {
	for t := lo; t < hi; t++ {
		row := x[t*s.width:][:s.width]
		peak := max(vek32.Max(row), -vek32.Min(row))
		_, exp := math.Frexp(float64(peak))
		exp = min(max(exp, -100), 100)
		s.scale[t] = float32(math.Ldexp(1, exp-15))
		vek32.MulNumber_Inplace(row, float32(math.Ldexp(1, 15-exp)))
		kernel.F32ToF16(s.half[t*s.width:][:s.width], row)
		vek32.MulNumber_Inplace(row, s.scale[t])
	}
}

// Q8 holds rows in 8-bit blocks of 32 values.
type Q8 struct {
	rows      kernel.CacheRows
	at, width int
}

// NewQ8 returns room for so many rows.
func NewQ8(rows, width int) Q8 {
	const block = 32
	cols := (width + block - 1) / block * block
	codes, scales := kernel.CacheSize((rows+kernel.PanelRows-1)/kernel.PanelRows*kernel.PanelRows, cols)
	return Q8{kernel.CacheRows{Codes: make([]byte, codes), Scales: make([]uint16, scales), Cols: cols}, 0, width}
}

// From returns the rows from row at on, not a copy.
func (s Q8) From(at int) Q8 { return Q8{s.rows, s.at + at, s.width} }

// After implements Store.
func (s Q8) After(n int) Store { return s.From(n) }

// Load implements Store.
func (s Q8) Load(x []float32, lo, hi int) {
	for t := lo; t < hi; t++ {
		s.rows.Get(x[t*s.width:][:s.width], s.at+t, 0)
	}
}

// Save implements Store.
func (s Q8) Save(x []float32, lo, hi int) {
	for t := lo; t < hi; t++ {
		s.rows.Put(s.at+t, 0, x[t*s.width:][:s.width])
	}
}
