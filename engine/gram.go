package engine

import (
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/latentgo/latentgo/internal/pool"
)

// gram accumulates AᵀA and AᵀB over batches of rows of A [n, a] and B [n, b]: the normal equations of a regression of B on A, in single
// precision. Factors are cut into pieces of some tokens and panels of some columns, so that what a kernel has at hand stays in the
// caches; sums of pieces are added up, which keeps what rounding adds small.
type gram struct {
	a, b int
	aa   []float32 // [a, a], of which the lower triangle counts
	ab   []float32 // [a, b]
	*gramScratch

	// Short batches wait here until they are worth adding to the sums.
	waiting      int // rows
	waitA, waitB []float32
}

// gramScratch is what grams compute with, one after the other. The zero value is ready.
type gramScratch struct {
	n           int       // rows
	at          []float32 // Aᵀ [pieces, a, gramRow]
	left, right []float32 // A and B, [panels, n, gramPanel]
}

const (
	gramBatch = 256 // rows that are worth adding
	gramPiece = 128 // rows of a piece
	gramRow   = 144 // from a row of a piece of Aᵀ to the next: no power of two, or rows would contend for places in a cache
	gramPanel = 32  // columns of a panel
	gramTile  = 90  // rows of a product that are computed at a time; kernels take six or nine together
)

func newGram(a, b int, s *gramScratch) *gram {
	return &gram{a: a, b: b, aa: make([]float32, a*a), ab: make([]float32, a*b), gramScratch: s}
}

// row returns row r of AᵀA up to the diagonal.
func (g *gram) row(r int) []float32 { return g.aa[r*g.a:][:r+1] }

// add takes n rows of A and B; b is nil when there is no B. All workers call it; it ends with a barrier. The last rows are
// added by flush.
func (g *gram) add(w *pool.Worker, a, b []float32, n int) {
	if n >= gramBatch {
		g.sum(w, a, b, n)
		return
	}
	full := g.waiting+n > gramBatch
	w.Barrier() // all have seen what waits, and written their rows
	if full {
		g.flush(w)
	}
	if w.ID == 0 {
		g.waitA = append(g.waitA[:g.waiting*g.a], a[:n*g.a]...)
		if b != nil {
			g.waitB = append(g.waitB[:g.waiting*g.b], b[:n*g.b]...)
		}
		g.waiting += n
	}
	w.Barrier()
}

// flush adds the rows that wait. All workers call it; it ends with a barrier.
func (g *gram) flush(w *pool.Worker) {
	n := g.waiting
	if n == 0 {
		return
	}
	g.sum(w, g.waitA, g.waitB, n)
	if w.ID == 0 {
		g.waiting = 0
	}
	w.Barrier()
}

// sum adds the products of n rows.
func (g *gram) sum(w *pool.Worker, a, b []float32, n int) {
	if w.ID == 0 {
		g.prepare(n)
	}
	w.Barrier()
	lo, hi := w.Share(panels(g.a))
	for c := lo; c < hi; c++ {
		g.turn(c, panel(g.left, a, g.a, n, c))
	}
	if b != nil {
		lo, hi = w.Share(panels(g.b))
		for c := lo; c < hi; c++ {
			panel(g.right, b, g.b, n, c)
		}
	}
	w.Barrier()
	tiles := (g.a + gramTile - 1) / gramTile
	for {
		i, _, ok := w.Take(tiles, 1)
		if !ok {
			break
		}
		g.tile(tiles-1-i, b != nil) // the longest first
	}
	w.Barrier()
}

// panels returns how many panels columns make.
func panels(columns int) int { return (columns + gramPanel - 1) / gramPanel }

// prepare makes room for a batch of n rows.
func (g *gram) prepare(n int) {
	g.n = n
	g.left, g.right = resized(g.left, panels(g.a)*n*gramPanel), resized(g.right, panels(g.b)*n*gramPanel)
	g.at = resized(g.at, (n+gramPiece-1)/gramPiece*g.a*gramRow)
}

func resized(s []float32, n int) []float32 { return sized(&s, n) }

// panel writes panel c of n rows of x, width apart, and returns it. What the last one has no columns for is never read.
func panel(dst, x []float32, width, n, c int) []float32 {
	dst = dst[c*n*gramPanel:][:n*gramPanel]
	at := c * gramPanel
	columns := min(gramPanel, width-at)
	for t := range n {
		copy(dst[t*gramPanel:][:columns], x[t*width+at:])
	}
	return dst
}

// turn writes the rows of Aᵀ that panel c of A has.
func (g *gram) turn(c int, panel []float32) {
	at := c * gramPanel
	for lo := 0; lo < g.n; lo += gramPiece {
		rows := g.at[(lo/gramPiece*g.a+at)*gramRow:]
		kernel.Transpose(rows, gramRow, panel[lo*gramPanel:], gramPanel, min(gramPiece, g.n-lo), min(gramPanel, g.a-at))
	}
}

// tile adds gramTile rows of both products.
func (g *gram) tile(i int, both bool) {
	lo, hi := i*gramTile, min((i+1)*gramTile, g.a)
	for c := 0; c < hi; c += gramPanel {
		g.product(g.aa, g.a, g.left, lo, hi, c, min(gramPanel, hi-c))
	}
	for c := 0; both && c < g.b; c += gramPanel {
		g.product(g.ab, g.b, g.right, lo, hi, c, min(gramPanel, g.b-c))
	}
}

// product adds rows lo … hi-1 of Aᵀ times some columns from c on of what x has the panels of to sum, whose rows have width columns.
func (g *gram) product(sum []float32, width int, x []float32, lo, hi, c, columns int) {
	x = x[c*g.n:] // the panel
	for at := 0; at < g.n; at += gramPiece {
		p := g.at[(at/gramPiece*g.a+lo)*gramRow:]
		kernel.WeightedSumF32(sum[lo*width+c:], width, p, gramRow, hi-lo, x[at*gramPanel:], gramPanel, min(gramPiece, g.n-at), columns)
	}
}
