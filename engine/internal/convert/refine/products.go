package refine

import (
	"github.com/latentgo/latentgo/engine/internal/convert/regression"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/kernel"
)

// transposed returns the transpose [cols, rows] of x [rows, cols], whose rows are ld apart, in buf.
func transposed(buf *[]float32, x []float32, rows, cols, ld int) []float32 {
	*buf = resized(*buf, rows*cols)
	kernel.Transpose(*buf, rows, x, ld, rows, cols)
	return *buf
}

func scale(x []float32, f float32) {
	for i := range x {
		x[i] *= f
	}
}

// multiply sets out [T, cols] to x [T, depth] times w [depth, cols].
func (r *refiner) multiply(out []float32, cols int, x []float32, ldx int, w []float32, depth int) {
	n := r.tape.tokens()
	clear(out[:n*cols])
	r.addProduct(out, cols, x, ldx, n, w, cols, depth)
}

// addProduct is regression.AddProduct, shared out.
func (r *refiner) addProduct(out []float32, cols int, x []float32, ldx, rows int, w []float32, ldw, depth int) {
	regression.Parallel(r.m.Parallel).Rows(rows, func(_, lo, hi int) {
		regression.AddProduct(out[lo*cols:], cols, x[lo*ldx:], ldx, hi-lo, w, ldw, depth, cols)
	})
}

// project sets out to n rows x times a matrix that stays as it is.
func (r *refiner) project(out, x []float32, n int, m model.Linear) {
	r.act.Reset(x, n, m.Cols)
	const share = 16
	r.each((n+share-1)/share, func(i int) { r.act.Quantize(m.ActType(), i*share, min((i+1)*share, n)) })
	grain := m.Align()
	r.each((m.Rows+grain-1)/grain, func(i int) { m.Mul(out, m.Rows, &r.act, i*grain, min((i+1)*grain, m.Rows)) })
}

// unpackRows is how many rows of weights a worker unpacks at a time.
const unpackRows = 64

// backRows adds n rows dy times the matrix to dx: the gradient of project's input. Columns are shared out, so that a
// weight is unpacked once.
func (r *refiner) backRows(dx, dy []float32, n int, m model.Linear) {
	block, _ := m.Type.Block()
	blocks, workers := m.Cols/block, r.m.Workers()
	part := (blocks + workers - 1) / workers * block
	r.each((m.Cols+part-1)/part, func(i int) {
		lo, s := i*part, r.tape.scratch()
		cols := min(part, m.Cols-lo)
		s.weights = resized(s.weights, unpackRows*cols)
		for d := 0; d < m.Rows; d += unpackRows {
			k := min(unpackRows, m.Rows-d)
			w := s.weights[:k*cols]
			for j := range k {
				m.Part(w[j*cols:][:cols], d+j, lo)
			}
			if m.Scale != 1 {
				scale(w, m.Scale)
			}
			kernel.WeightedSumF32(dx[lo:], m.Cols, dy[d:], m.Rows, n, w, cols, k, cols)
		}
		r.tape.give(s)
	})
}
