package model

import "github.com/latentgo/latentgo/internal/kernel"

// smallProducts is one worker's scratch for products with the small matrices of latent attention.
type smallProducts struct {
	in, out            []float32
	rows, keys, values []float32 // for expanding rows
	halves             []uint16
	act                kernel.Act
}

// productRows is how many rows products take at a time.
const productRows = 64

// gather computes dst(i)[:rows] = the first rows of m · src(i) for i < n. src and dst return slices of the widths.
func (u *smallProducts) gather(m *kernel.Matrix, rows, n int, src, dst func(i int) []float32) {
	u.collect(m.Cols, rows, n, src, dst, func(out, in []float32, k int) { u.mul(out, m, rows, in, k) })
}

// gatherLinear is gather for all rows of a matrix with what belongs to it.
func (u *smallProducts) gatherLinear(m Linear, n int, src, dst func(i int) []float32) {
	u.collect(m.Cols, m.Rows, n, src, dst, func(out, in []float32, k int) {
		u.act.Reset(in, k, m.Cols)
		u.act.Quantize(m.ActType(), 0, k)
		m.Mul(out, m.Rows, &u.act, 0, m.Rows)
	})
}

// collect makes n products of rows values by mul, of inputs of cols, some at a time.
func (u *smallProducts) collect(cols, rows, n int, src, dst func(i int) []float32, mul func(out, in []float32, k int)) {
	for at := 0; at < n; at += productRows {
		k := min(productRows, n-at)
		in, out := sized(&u.in, k*cols), sized(&u.out, k*rows)
		for i := range k {
			copy(in[i*cols:][:cols], src(at+i))
		}
		mul(out, in, k)
		for i := range k {
			copy(dst(at + i)[:rows], out[i*rows:])
		}
	}
}

// mul computes n products of the first rows of m with consecutive inputs.
func (u *smallProducts) mul(dst []float32, m *kernel.Matrix, rows int, in []float32, n int) {
	u.act.Reset(in, n, m.Cols)
	u.act.Quantize(m.ActType(), 0, n)
	m.Mul(dst, rows, &u.act, 0, rows)
}

// mulRows computes rows r0 … r1-1 of n products of m with consecutive inputs.
func (u *smallProducts) mulRows(dst []float32, m *kernel.Matrix, r0, r1 int, in []float32, n int) {
	u.act.Reset(in, n, m.Cols)
	u.act.Quantize(m.ActType(), 0, n)
	m.Mul(dst, m.Rows, &u.act, r0, r1)
}

// rotatePairs rotates consecutive pairs of x by the angles of the RoPE pairs named.
func rotatePairs(x []float32, pairs []int32, table []float32) {
	x = x[:2*len(pairs)]
	for i, p := range pairs {
		c, s := table[2*p], table[2*p+1]
		a, b := x[2*i], x[2*i+1]
		x[2*i], x[2*i+1] = a*c-b*s, a*s+b*c
	}
}
