package engine

import (
	"encoding/binary"
	"math"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/pool"
	"github.com/latentgo/latentgo/quant"
)

// gram accumulates AᵀA and AᵀB over batches of rows of A [n, a] and B [n, b]: the normal equations of a regression of B on A.
// Products are single precision within a batch, sums double precision. Factors are cut into pieces of some tokens, so that what
// a kernel has at hand stays in the caches.
type gram struct {
	a, b int
	aa   []float64 // the lower triangle of [a, a], row after row
	ab   []float64 // [a, b]
	*gramScratch

	// Short batches wait here until they are worth adding to the sums.
	waiting      int // rows
	waitA, waitB []float32
}

// gramScratch is what grams compute with, one after the other. The zero value is ready.
type gramScratch struct {
	piece int           // tokens of a piece; gramPad zeros follow each
	at    []float32     // the pieces of Aᵀ [a, piece+gramPad]
	left  []piece32     // the same as matrices
	right []piece32     // of Bᵀ
	parts []gramPartial // per worker
}

// gramPartial is what a worker makes tiles with.
type gramPartial struct {
	act      quant.Act
	sum, tmp []float32
}

const (
	gramPiece = 256 // tokens of a piece at most
	gramPad   = 16  // keeps rows from lying powers of two apart, where they would contend for places in a cache
)

func newGram(a, b int, s *gramScratch) *gram {
	return &gram{a: a, b: b, aa: make([]float64, a*(a+1)/2), ab: make([]float64, a*b), gramScratch: s}
}

// row returns row r of AᵀA up to the diagonal.
func (g *gram) row(r int) []float64 { return g.aa[r*(r+1)/2:][:r+1] }

// piece32 is a matrix made from columns.
type piece32 struct {
	data []byte
	m    *quant.Matrix
}

// reset makes a matrix, all of whose rows are to be put.
func (t *piece32) reset(rows, cols int) {
	if n := 4 * rows * cols; cap(t.data) < n {
		t.data = make([]byte, n)
	}
	m, err := quant.NewMatrix(ggtype.F32, rows, cols, t.data[:4*rows*cols])
	if err != nil {
		panic(err) // the shape is right by construction
	}
	t.m = m
}

// put writes row r.
func (t *piece32) put(r int, row []float32) {
	data := t.data[4*r*len(row):][:4*len(row)]
	for i, v := range row {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(v))
	}
}

// column writes column c of n rows of x, width apart, and zeros behind it.
func column(dst, x []float32, n, width, c int) {
	for i := range n {
		dst[i] = x[i*width+c]
	}
	clear(dst[n:])
}

// gramTile is how many rows of a product are computed at a time.
const gramTile = 96

// add takes n rows of A and B; b is nil when there is no B. All workers call it; it ends with a barrier. The last rows are
// added by flush.
func (g *gram) add(w *pool.Worker, a, b []float32, n int) {
	if n >= gramPiece {
		g.sum(w, a, b, n)
		return
	}
	full := g.waiting+n > gramPiece
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
	var b []float32
	if g.b > 0 {
		b = g.waitB
	}
	g.sum(w, g.waitA, b, n)
	if w.ID == 0 {
		g.waiting = 0
	}
	w.Barrier()
}

// sum adds the products of n rows.
func (g *gram) sum(w *pool.Worker, a, b []float32, n int) {
	if w.ID == 0 {
		g.prepare(n, w.N)
	}
	w.Barrier()
	cols := g.piece + gramPad
	for i := range g.left {
		at, n := i*g.piece, min(g.piece, n-i*g.piece)
		lo, hi := w.Share(g.a)
		for c := lo; c < hi; c++ {
			row := g.at[(i*g.a+c)*cols:][:cols]
			column(row, a[at*g.a:], n, g.a, c)
			g.left[i].put(c, row)
		}
		if b != nil {
			p := &g.parts[w.ID]
			p.tmp = resized(p.tmp, cols)
			lo, hi = w.Share(g.b)
			for c := lo; c < hi; c++ {
				column(p.tmp, b[at*g.b:], n, g.b, c)
				g.right[i].put(c, p.tmp)
			}
		}
	}
	w.Barrier()
	tiles := (g.a + gramTile - 1) / gramTile
	for {
		i, _, ok := w.Take(tiles, 1)
		if !ok {
			break
		}
		g.tile(&g.parts[w.ID], tiles-1-i, b != nil) // the longest first
	}
	w.Barrier()
}

// prepare makes room for a batch of n rows.
func (g *gram) prepare(n, workers int) {
	pieces := (n + gramPiece - 1) / gramPiece
	g.piece = (n + pieces - 1) / pieces
	for len(g.parts) < workers {
		g.parts = append(g.parts, gramPartial{})
	}
	g.left, g.right = resizedPieces(g.left, pieces), resizedPieces(g.right, pieces)
	cols := g.piece + gramPad
	for i := range pieces {
		g.left[i].reset(g.a, cols)
		if g.b > 0 {
			g.right[i].reset(g.b, cols)
		}
	}
	g.at = resized(g.at, pieces*g.a*cols)
}

func resized(s []float32, n int) []float32 { return sized(&s, n) }

// resizedPieces returns p with n pieces.
func resizedPieces(p []piece32, n int) []piece32 {
	for cap(p) < n {
		p = append(p[:cap(p)], piece32{})
	}
	return p[:n]
}

// tile adds gramTile rows of both products.
func (g *gram) tile(p *gramPartial, i int, both bool) {
	lo, hi := i*gramTile, min((i+1)*gramTile, g.a)
	sum := g.products(p, lo, hi, hi, g.left)
	for r := lo; r < hi; r++ {
		addDouble(g.row(r), sum[(r-lo)*hi:])
	}
	if both {
		addDouble(g.ab[lo*g.b:hi*g.b], g.products(p, lo, hi, g.b, g.right))
	}
}

// products returns rows lo … hi-1 of Aᵀ times the first n columns of what pieces are the transpose of, [hi-lo, n].
func (g *gram) products(p *gramPartial, lo, hi, n int, pieces []piece32) []float32 {
	cols, rows := g.piece+gramPad, hi-lo
	p.sum, p.tmp = resized(p.sum, rows*n), resized(p.tmp, rows*n)
	for i, x := range pieces {
		p.act.Reset(g.at[(i*g.a+lo)*cols:], rows, cols)
		if i == 0 {
			x.m.Mul(p.sum, n, &p.act, 0, n)
			continue
		}
		x.m.Mul(p.tmp, n, &p.act, 0, n)
		vek32.Add_Inplace(p.sum, p.tmp)
	}
	return p.sum
}

func addDouble(dst []float64, src []float32) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] += float64(v)
	}
}
