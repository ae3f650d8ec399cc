package regression

import (
	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/latentgo/latentgo/internal/pool"
)

// NormalEquations are AᵀA and AᵀB of a regression of B on A, summed over batches of rows of A [n, a] and B [n, b].
// Factors are cut into pieces of some rows and panels of some columns, so that what a kernel has at hand stays in the
// caches; sums of pieces are added up, which keeps what rounding adds small.
type NormalEquations struct {
	a, b int
	aa   []float32 // [a, a], of which the lower triangle counts
	ab   []float32 // [a, b]
	*Scratch

	// Short batches wait here until they are worth adding to the sums.
	waiting      int // rows
	waitA, waitB []float32
}

// Scratch is what normal equations compute with, one after the other. The zero value is ready.
type Scratch struct {
	n           int       // rows
	at          []float32 // Aᵀ [pieces, a, pieceStride]
	left, right []float32 // A and B, [panels, n, panelCols]
}

const (
	batchRows   = 256 // rows that are worth adding
	pieceRows   = 128 // rows of a piece
	pieceStride = 144 // from a row of a piece of Aᵀ to the next: no power of two, or rows would contend for places in a cache
	panelCols   = 32  // columns of a panel
	tileRows    = 90  // rows of a product that are computed at a time; kernels take six or nine together
)

// New returns normal equations of no rows; b is 0 when there is no B. Equations that share a Scratch take turns.
func New(a, b int, s *Scratch) *NormalEquations {
	return &NormalEquations{a: a, b: b, aa: make([]float32, a*a), ab: make([]float32, a*b), Scratch: s}
}

// Row returns row r of AᵀA up to the diagonal.
func (e *NormalEquations) Row(r int) []float32 { return e.aa[r*e.a:][:r+1] }

// Block returns n rows and columns of AᵀA from index at on.
func (e *NormalEquations) Block(at, n int) *mat.SymDense {
	s := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			s.SetSym(i, j, float64(e.Row(at + i)[at+j]))
		}
	}
	return s
}

// Right returns row r of AᵀB.
func (e *NormalEquations) Right(r int) []float32 { return e.ab[r*e.b:][:e.b] }

// Add takes n rows of A and B; b is nil when there is no B. All workers of a pool call it; it ends with a barrier. The
// last rows are added by Flush.
func (e *NormalEquations) Add(w *pool.Worker, a, b []float32, n int) {
	if n >= batchRows {
		e.sum(w, a, b, n)
		return
	}
	full := e.waiting+n > batchRows
	w.Barrier() // all have seen what waits, and written their rows
	if full {
		e.Flush(w)
	}
	if w.ID == 0 {
		e.waitA = append(e.waitA[:e.waiting*e.a], a[:n*e.a]...)
		if b != nil {
			e.waitB = append(e.waitB[:e.waiting*e.b], b[:n*e.b]...)
		}
		e.waiting += n
	}
	w.Barrier()
}

// Flush adds the rows that wait. All workers call it; it ends with a barrier.
func (e *NormalEquations) Flush(w *pool.Worker) {
	n := e.waiting
	if n == 0 {
		return
	}
	e.sum(w, e.waitA, e.waitB, n)
	if w.ID == 0 {
		e.waiting = 0
	}
	w.Barrier()
}

// sum adds the products of n rows.
func (e *NormalEquations) sum(w *pool.Worker, a, b []float32, n int) {
	if w.ID == 0 {
		e.prepare(n)
	}
	w.Barrier()
	lo, hi := w.Share(panels(e.a))
	for c := lo; c < hi; c++ {
		e.transpose(c, panel(e.left, a, e.a, n, c))
	}
	if b != nil {
		lo, hi = w.Share(panels(e.b))
		for c := lo; c < hi; c++ {
			panel(e.right, b, e.b, n, c)
		}
	}
	w.Barrier()
	tiles := (e.a + tileRows - 1) / tileRows
	for {
		i, _, ok := w.Take(tiles, 1)
		if !ok {
			break
		}
		e.tile(tiles-1-i, b != nil) // the longest first
	}
	w.Barrier()
}

// panels returns how many panels columns make.
func panels(columns int) int { return (columns + panelCols - 1) / panelCols }

// prepare makes room for a batch of n rows.
func (e *NormalEquations) prepare(n int) {
	e.n = n
	e.left, e.right = resized(e.left, panels(e.a)*n*panelCols), resized(e.right, panels(e.b)*n*panelCols)
	e.at = resized(e.at, (n+pieceRows-1)/pieceRows*e.a*pieceStride)
}

func resized(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

// panel writes panel c of n rows of x, width apart, and returns it. What the last one has no columns for is never read.
func panel(dst, x []float32, width, n, c int) []float32 {
	dst = dst[c*n*panelCols:][:n*panelCols]
	at := c * panelCols
	columns := min(panelCols, width-at)
	for t := range n {
		copy(dst[t*panelCols:][:columns], x[t*width+at:])
	}
	return dst
}

// transpose writes the rows of Aᵀ that panel c of A has.
func (e *NormalEquations) transpose(c int, panel []float32) {
	at := c * panelCols
	for lo := 0; lo < e.n; lo += pieceRows {
		rows := e.at[(lo/pieceRows*e.a+at)*pieceStride:]
		kernel.Transpose(rows, pieceStride, panel[lo*panelCols:], panelCols, min(pieceRows, e.n-lo), min(panelCols, e.a-at))
	}
}

// tile adds tileRows rows of both products.
func (e *NormalEquations) tile(i int, both bool) {
	lo, hi := i*tileRows, min((i+1)*tileRows, e.a)
	for c := 0; c < hi; c += panelCols {
		e.product(e.aa, e.a, e.left, lo, hi, c, min(panelCols, hi-c))
	}
	for c := 0; both && c < e.b; c += panelCols {
		e.product(e.ab, e.b, e.right, lo, hi, c, min(panelCols, e.b-c))
	}
}

// product adds rows lo … hi-1 of Aᵀ times some columns from c on of what x has the panels of to sum, whose rows have
// width columns.
func (e *NormalEquations) product(sum []float32, width int, x []float32, lo, hi, c, columns int) {
	x = x[c*e.n:] // the panel
	for at := 0; at < e.n; at += pieceRows {
		p := e.at[(at/pieceRows*e.a+lo)*pieceStride:]
		right, rows := x[at*panelCols:], min(pieceRows, e.n-at)
		kernel.WeightedSumF32(sum[lo*width+c:], width, p, pieceStride, hi-lo, right, panelCols, rows, columns)
	}
}
