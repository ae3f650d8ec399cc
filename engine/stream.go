package engine

import (
	"math"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/internal/kernel"
)

// stream holds residual streams of many tokens in half precision, each row scaled by a power of two so that its largest value has
// room and what is a hundred million times smaller is still told apart: statistics need no more, and a conversion has two streams.
type stream struct {
	width int
	half  []uint16  // [tokens, width]
	scale []float32 // [tokens] what a row's values are multiplied by
}

func newStream(tokens, width int) stream {
	return stream{width, make([]uint16, tokens*width), make([]float32, tokens)}
}

// rows returns n rows from row at on.
func (s stream) rows(at, n int) stream {
	return stream{s.width, s.half[at*s.width : (at+n)*s.width], s.scale[at : at+n]}
}

// load writes rows lo … hi-1 to the same rows of x.
func (s stream) load(x []float32, lo, hi int) {
	for t := lo; t < hi; t++ {
		row := x[t*s.width:][:s.width]
		kernel.F16ToF32(row, s.half[t*s.width:][:s.width])
		vek32.MulNumber_Inplace(row, s.scale[t])
	}
}

// save keeps rows lo … hi-1 of x.
func (s stream) save(x []float32, lo, hi int) {
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

func (s stream) after(n int) keeper { return s.rows(n, len(s.scale)-n) }

// coarse holds what products with quantised weights take in, of many tokens, in 8-bit blocks as they round it themselves.
type coarse struct {
	rows      kernel.CacheRows
	at, width int
}

func newCoarse(tokens, width int) coarse {
	const block = 32
	cols := (width + block - 1) / block * block
	codes, scales := kernel.CacheSize((tokens+kernel.PanelRows-1)/kernel.PanelRows*kernel.PanelRows, cols)
	return coarse{kernel.CacheRows{Codes: make([]byte, codes), Scales: make([]uint16, scales), Cols: cols}, 0, width}
}

// from returns the rows from row at on.
func (s coarse) from(at int) coarse { return coarse{s.rows, s.at + at, s.width} }

func (s coarse) after(n int) keeper { return s.from(n) }

// load writes rows lo … hi-1 to the same rows of x.
func (s coarse) load(x []float32, lo, hi int) {
	for t := lo; t < hi; t++ {
		s.rows.Get(x[t*s.width:][:s.width], s.at+t, 0)
	}
}

// save keeps rows lo … hi-1 of x.
func (s coarse) save(x []float32, lo, hi int) {
	for t := lo; t < hi; t++ {
		s.rows.Put(s.at+t, 0, x[t*s.width:][:s.width])
	}
}

// keeper is a stream or coarse.
type keeper interface {
	load(x []float32, lo, hi int)
	save(x []float32, lo, hi int)
	after(n int) keeper // the rows from row n on
}

// newKeeper returns the smallest that loses nothing of what m takes in.
func newKeeper(tokens int, m linear) keeper {
	if m.ActType() == kernel.ActF32 {
		return newStream(tokens, m.Cols)
	}
	return newCoarse(tokens, m.Cols)
}
