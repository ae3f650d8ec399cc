package engine

import (
	"encoding/binary"
	"math"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/pool"
	"github.com/latentgo/latentgo/quant"
)

// gram accumulates AᵀA and AᵀB over batches of rows of A [n, a] and B [n, b]: the normal equations of a regression of B on A.
// Products are single precision within a batch, sums double precision.
type gram struct {
	a, b int
	aa   []float64 // [a, a], the lower triangle
	ab   []float64 // [a, b]
	*gramScratch
}

// gramScratch is what grams compute with, one after the other. The zero value is ready.
type gramScratch struct {
	at    []float32
	left  transposed32 // Aᵀ as a matrix
	right transposed32 // Bᵀ
	tmp   []float32
	acts  []quant.Act // per worker
}

func newGram(a, b int, s *gramScratch) *gram {
	return &gram{a: a, b: b, aa: make([]float64, a*a), ab: make([]float64, a*b), gramScratch: s}
}

// transposed32 is a matrix made from columns.
type transposed32 struct {
	data []byte
	m    *quant.Matrix
}

func (t *transposed32) reset(rows, cols int) {
	if n := 4 * rows * cols; cap(t.data) < n {
		t.data = make([]byte, n)
	}
	m, err := quant.NewMatrix(ggtype.F32, rows, cols, t.data[:4*rows*cols])
	if err != nil {
		panic(err) // the shape is right by construction
	}
	t.m = m
}

// fill writes columns lo … hi-1 of x [n, width] as rows.
func (t *transposed32) fill(x []float32, n, width, lo, hi int) {
	for c := lo; c < hi; c++ {
		row := t.data[4*c*n:][:4*n]
		for i := range n {
			binary.LittleEndian.PutUint32(row[4*i:], math.Float32bits(x[i*width+c]))
		}
	}
}

// gramTile is how many rows of a product are computed at a time.
const gramTile = 96

// add takes n rows of A and B; b is nil when there is no B. All workers call it; it ends with a barrier.
func (g *gram) add(w *pool.Worker, a, b []float32, n int) {
	if w.ID == 0 {
		g.prepare(n, w.N)
	}
	w.Barrier()
	lo, hi := w.Share(g.a)
	g.left.fill(a, n, g.a, lo, hi)
	for c := lo; c < hi; c++ {
		for i := range n {
			g.at[c*n+i] = a[i*g.a+c]
		}
	}
	if b != nil {
		lo, hi = w.Share(g.b)
		g.right.fill(b, n, g.b, lo, hi)
	}
	w.Barrier()
	tiles := (g.a + gramTile - 1) / gramTile
	for {
		i, _, ok := w.Take(tiles, 1)
		if !ok {
			break
		}
		g.tile(&g.acts[w.ID], tiles-1-i, n, b != nil) // the longest first
	}
	w.Barrier()
}

// prepare makes room for a batch of n rows.
func (g *gram) prepare(n, workers int) {
	if len(g.acts) < workers {
		g.acts = make([]quant.Act, workers)
	}
	g.left.reset(g.a, n)
	if g.b > 0 {
		g.right.reset(g.b, n)
	}
	g.at = resized(g.at, g.a*n)
	g.tmp = resized(g.tmp, g.a*(g.a+g.b))
}

func resized(s []float32, n int) []float32 { return sized(&s, n) }

// tile adds gramTile rows of both products.
func (g *gram) tile(act *quant.Act, i, n int, both bool) {
	lo, hi := i*gramTile, min((i+1)*gramTile, g.a)
	act.Reset(g.at[lo*n:], hi-lo, n)
	out := g.tmp[lo*(g.a+g.b):]
	g.left.m.Mul(out, g.a, act, 0, hi)
	for r := lo; r < hi; r++ {
		addDouble(g.aa[r*g.a:][:r+1], out[(r-lo)*g.a:])
	}
	if both {
		g.right.m.Mul(out, g.b, act, 0, g.b)
		addDouble(g.ab[lo*g.b:hi*g.b], out)
	}
}

func addDouble(dst []float64, src []float32) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] += float64(v)
	}
}
