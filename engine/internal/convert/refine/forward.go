package refine

import (
	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/kernel"
)

// One layer of the form for llama.cpp forwards and backwards, in single precision but for projections by matrices that
// stay as they are. With h the normed input of a token and q a query head of it, scaled,
//
//	c = E h = [c_r | c_l],  k = [rotate(c_r) | Qᵀ_l c_l],  a = [rotate(Q_r q) | q],  v = V c_l,  head = Σ_s softmax_s(a·k_s)·v_s
//
// and x += W_O heads, x += W_down (silu(W_gate h') ⊙ W_up h'), h' being x normed again.

const (
	ffnTokens = 512 // whose feed-forward is computed at a time
	tileRows  = 64  // tokens whose scores are computed at a time; later tokens are left out
)

// forward runs a batch through the layers: r.back is the residual stream behind the last.
func (r *refiner) forward(b batch) {
	e := r.spec.Width
	x, t := r.back[:b.n*e], 0
	for _, w := range b.windows {
		for _, id := range w {
			r.m.EmbedRow(x[t*e:][:e], id)
			t++
		}
	}
	r.start(b)
	for i, l := range r.layers {
		r.each(b.n, func(t int) { r.inputs[i].Save(x, t, t+1) })
		r.layerForward(l, r.loadInput(i, b.n), x)
		r.m.File().Release()
	}
}

// loadInput returns what n tokens come into layer i with.
func (r *refiner) loadInput(i, n int) []float32 {
	r.each(n, func(t int) { r.inputs[i].Load(r.input, t, t+1) })
	return r.input
}

// layerForward computes the layer's output for x.
func (r *refiner) layerForward(l *layer, x, out []float32) {
	r.record(l, x)
	t, e, ff := r.tape, r.spec.Width, l.gate.Rows
	copy(out, t.x[:t.tokens()*e])
	r.gated(l, func(lo, n int) {
		r.each(n, func(i int) { kernel.SiLUMul(t.mid[i*ff:][:ff], t.gate[i*ff:][:ff], t.up[i*ff:][:ff]) })
		r.project(t.out, t.mid, n, l.down)
		vek32.Add_Inplace(out[lo*e:][:n*e], t.out[:n*e])
	})
}

// record computes the attention of layerForward: what layerBack needs.
func (r *refiner) record(l *layer, x []float32) {
	t, e, row := r.tape, r.spec.Width, l.row()
	n := t.tokens()
	r.each(n, func(i int) { model.Norm(t.h[i*e:][:e], x[i*e:][:e], l.norm, r.spec.Eps) })
	r.project(t.q, t.h, n, l.q)
	scale(t.q[:n*l.Heads*l.KeySize], l.scale)
	s := t.scratch()
	r.multiply(t.c, row, t.h, e, transposed(&s.transposed, l.encode.w, row, e, e), e)
	t.give(s)
	r.each(n, func(i int) { t.rotate(t.c[i*row:], i, l.r, false) })
	r.each(l.Heads, func(h int) { t.headForward(l, h) })
	r.project(t.out, t.att, n, l.o)
	r.each(n, func(i int) {
		y := t.x[i*e:][:e]
		copy(y, x[i*e:])
		vek32.Add_Inplace(y, t.out[i*e:][:e])
	})
}

// gated calls fn for some tokens after the others, lo … lo+n-1, whose h', gate and up are there then.
func (r *refiner) gated(l *layer, fn func(lo, n int)) {
	t, e := r.tape, r.spec.Width
	for lo := 0; lo < t.tokens(); lo += ffnTokens {
		n := min(ffnTokens, t.tokens()-lo)
		r.each(n, func(i int) { model.Norm(t.ffn[i*e:][:e], t.x[(lo+i)*e:][:e], l.ffnNorm, r.spec.Eps) })
		r.project(t.gate, t.ffn, n, l.gate)
		r.project(t.up, t.ffn, n, l.up)
		fn(lo, n)
	}
}

// head computes queries, keys and values of head h.
func (t *tape) head(l *layer, h int, s *scratch) {
	R, L, n, row := l.r, l.l, t.tokens(), l.row()
	d, v, wide := l.KeySize, l.ValueSize, R+l.KeySize
	s.a, s.k, s.v = resized(s.a, n*wide), resized(s.k, n*wide), resized(s.v, n*v)
	clear(s.a)
	clear(s.k)
	clear(s.v)
	query, q, latent := l.query.w[h*row*d:][:row*d], t.q[h*d:], t.c[R:]
	kernel.WeightedSumF32(s.a, wide, q, l.Heads*d, n, transposed(&s.transposed, query, R, d, d), R, d, R)
	kernel.WeightedSumF32(s.k[R:], wide, latent, row, n, query[R*d:], d, L, d)
	kernel.WeightedSumF32(s.v, v, latent, row, n, transposed(&s.transposed, l.value.w[h*v*L:], v, L, L), v, L, v)
	for i := range n {
		t.rotate(s.a[i*wide:], i, R, false)
		copy(s.a[i*wide+R:][:d], q[i*l.Heads*d:])
		copy(s.k[i*wide:][:R], t.c[i*row:])
	}
}

// tiles calls fn for the tiles of all windows: the tokens from t0 on of the n from lo on, with what they give to those
// up to themselves, s.soft [rows, apart(n)].
func (t *tape) tiles(wide int, s *scratch, fn func(lo, n, t0, rows int)) {
	for i, lo := range t.segments[:len(t.segments)-1] {
		n := t.segments[i+1] - lo
		ld := apart(n)
		keys := transposed(&s.keys, s.k[lo*wide:], n, wide, wide)
		s.soft = resized(s.soft, tileRows*ld)
		for t0 := 0; t0 < n; t0 += tileRows {
			rows := min(tileRows, n-t0)
			cols := t0 + rows
			for j := range rows {
				clear(s.soft[j*ld:][:cols])
			}
			kernel.WeightedSumF32(s.soft, ld, s.a[(lo+t0)*wide:], wide, rows, keys, n, wide, cols)
			for j := range rows {
				line := s.soft[j*ld:][:t0+j+1]
				sum := kernel.ExpSum(line, line, vek32.Max(line))
				vek32.MulNumber_Inplace(line, 1/sum)
				clear(s.soft[j*ld+t0+j+1 : j*ld+cols])
			}
			fn(lo, n, t0, rows)
		}
	}
}

// headForward computes head h of the attention.
func (t *tape) headForward(l *layer, h int) {
	v, width := l.ValueSize, l.Heads*l.ValueSize
	s := t.scratch()
	defer t.give(s)
	t.head(l, h, s)
	t.tiles(l.r+l.KeySize, s, func(lo, n, t0, rows int) {
		out := t.att[(lo+t0)*width+h*v:]
		for j := range rows {
			clear(out[j*width:][:v])
		}
		kernel.WeightedSumF32(out, width, s.soft, apart(n), rows, s.v[lo*v:], v, t0+rows, v)
	})
}
