package refine

import (
	"math"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/internal/kernel"
)

// layerBack turns the gradient of the layer's output, dx, into that of its input x, and adds those of the parameters.
func (r *refiner) layerBack(l *layer, x, dx []float32) {
	r.ffnBack(l, dx)
	t, e, row := r.tape, r.spec.Width, l.row()
	n := t.tokens()
	clear(t.datt[:n*l.Heads*l.ValueSize])
	r.backRows(t.datt, dx, n, l.o)
	kernel.Transpose(t.latent, apart(n), t.c[l.r:], row, n, l.l)
	r.each(l.Heads, func(h int) { t.headBack(l, h) })
	dc := t.dc[:n*row]
	r.each(n, func(i int) {
		for h := 1; h < l.Heads; h++ {
			vek32.Add_Inplace(dc[i*row:][:row], t.dc[(h*n+i)*row:][:row])
		}
		t.rotate(dc[i*row:], i, l.r, true)
	})
	s := t.scratch()
	s.transposed = resized(s.transposed, row*apart(n))
	kernel.Transpose(s.transposed, apart(n), dc, row, n, row)
	r.addProduct(l.encode.grad, e, s.transposed, apart(n), row, t.h, e, n)
	t.give(s)
	clear(t.dh[:n*e])
	scale(t.dq[:n*l.Heads*l.KeySize], l.scale)
	r.backRows(t.dh, t.dq, n, l.q)
	r.addProduct(t.dh, e, dc, row, n, l.encode.w, e, row)
	r.each(n, func(i int) { normBack(dx[i*e:][:e], x[i*e:][:e], l.norm, t.dh[i*e:][:e], r.spec.Eps) })
}

// ffnBack turns the gradient of the layer's output, dx, into that of the stream behind its attention.
func (r *refiner) ffnBack(l *layer, dx []float32) {
	t, e, ff := r.tape, r.spec.Width, l.gate.Rows
	r.gated(l, func(lo, n int) {
		dx, mid, dh := dx[lo*e:], t.mid[:n*ff], t.dffn[:n*e]
		clear(mid)
		r.backRows(mid, dx, n, l.down)
		r.each(n, func(i int) { gatedBack(t.gate[i*ff:][:ff], t.up[i*ff:][:ff], mid[i*ff:][:ff]) })
		clear(dh)
		r.backRows(dh, t.gate, n, l.gate)
		r.backRows(dh, t.up, n, l.up)
		r.each(n, func(i int) { normBack(dx[i*e:][:e], t.x[(lo+i)*e:][:e], l.ffnNorm, dh[i*e:][:e], r.spec.Eps) })
	})
}

// headBack takes head h's gradient of att to t.dq and t.dc, and to the parameters'.
func (t *tape) headBack(l *layer, h int) {
	s := t.scratch()
	defer t.give(s)
	t.head(l, h, s)
	t.scoresBack(l, h, s)
	R, L, n, row := l.r, l.l, t.tokens(), l.row()
	d, v, wide := l.KeySize, l.ValueSize, R+l.KeySize
	da, dk, dv := s.da, s.dk, s.dv
	query, value := l.query.w[h*row*d:][:row*d], l.value.w[h*v*L:][:v*L]
	gradQuery, gradValue := l.query.grad[h*row*d:][:row*d], l.value.grad[h*v*L:][:v*L]
	dc := t.dc[h*n*row:][:n*row]
	clear(dc)
	for i := range n {
		copy(dc[i*row:][:R], dk[i*wide:])
		t.rotate(da[i*wide:], i, R, true)
		copy(t.dq[i*l.Heads*d+h*d:][:d], da[i*wide+R:])
	}
	q, latent, ld := t.q[h*d:], t.c[R:], apart(n)
	s.transposed = resized(s.transposed, max(R, v)*ld)
	kernel.WeightedSumF32(t.dq[h*d:], l.Heads*d, da, wide, n, query, d, R, d)
	kernel.Transpose(s.transposed, ld, da, wide, n, R)
	kernel.WeightedSumF32(gradQuery, d, s.transposed, ld, R, q, l.Heads*d, n, d)
	kernel.WeightedSumF32(gradQuery[R*d:], d, t.latent, ld, L, dk[R:], wide, n, d)
	kernel.Transpose(s.transposed, ld, dv, v, n, v)
	kernel.WeightedSumF32(gradValue, L, s.transposed, ld, v, latent, row, n, L)
	kernel.WeightedSumF32(dc[R:], row, dk[R:], wide, n, transposed(&s.transposed, query[R*d:], L, d, d), L, d, L)
	kernel.WeightedSumF32(dc[R:], row, dv, v, n, value, L, v, L)
}

// scoresBack computes the gradients of head h's queries, keys and values, s.da, s.dk and s.dv.
func (t *tape) scoresBack(l *layer, h int, s *scratch) {
	n, v, wide, width := t.tokens(), l.ValueSize, l.r+l.KeySize, l.Heads*l.ValueSize
	s.da, s.dk, s.dv = resized(s.da, n*wide), resized(s.dk, n*wide), resized(s.dv, n*v)
	clear(s.da)
	clear(s.dk)
	clear(s.dv)
	var values []float32
	t.tiles(wide, s, func(lo, n, t0, rows int) {
		if t0 == 0 {
			values = transposed(&s.transposed, s.v[lo*v:], n, v, v)
		}
		ld, side, cols := apart(n), apart(tileRows), t0+rows
		s.ds, s.weights = resized(s.ds, tileRows*ld), resized(s.weights, n*side)
		ds, dout, now := s.ds[:rows*ld], t.datt[(lo+t0)*width+h*v:], (lo+t0)*wide
		clear(ds)
		kernel.WeightedSumF32(ds, ld, dout, width, rows, values, n, v, cols)
		for j := range rows {
			line, p := ds[j*ld:][:t0+j+1], s.soft[j*ld:][:t0+j+1]
			vek32.SubNumber_Inplace(line, vek32.Dot(line, p))
			vek32.Mul_Inplace(line, p)
			clear(ds[j*ld+t0+j+1:][:rows-j-1])
		}
		kernel.WeightedSumF32(s.da[now:], wide, ds, ld, rows, s.k[lo*wide:], wide, cols, wide)
		kernel.Transpose(s.weights, side, ds, ld, rows, cols)
		kernel.WeightedSumF32(s.dk[lo*wide:], wide, s.weights, side, cols, s.a[now:], wide, rows, wide)
		kernel.Transpose(s.weights, side, s.soft, ld, rows, cols)
		kernel.WeightedSumF32(s.dv[lo*v:], v, s.weights, side, cols, dout, width, rows, v)
	})
}

// gatedBack turns d, the gradient of silu(gate)·up, into those of gate and up, in their places.
func gatedBack(gate, up, d []float32) {
	const piece = 128
	var buf [piece]float32
	for len(gate) > 0 {
		e := buf[:min(piece, len(gate))]
		for i := range e {
			e[i] = -gate[i]
		}
		kernel.ExpSum(e, e, 0)
		for i, e := range e {
			x, s := gate[i], 1/(1+e)
			gate[i] = d[i] * up[i] * s * (1 + x*(1-s))
			up[i] = d[i] * x * s
		}
		gate, up, d = gate[len(e):], up[len(e):], d[len(e):]
	}
}

// normBack adds to dx what the gradient dy of RMS norm makes of its input's.
func normBack(dx, x, weight, dy []float32, eps float32) {
	f := 1 / math.Sqrt(float64(kernel.SumSquares(x)/float32(len(x))+eps))
	dot := 0.0
	for i, v := range x {
		dot += float64(v * weight[i] * dy[i])
	}
	a, b := float32(f), float32(dot*f*f*f/float64(len(x)))
	for i, v := range x {
		dx[i] += weight[i]*dy[i]*a - v*b
	}
}
