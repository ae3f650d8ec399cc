package engine

import (
	"math"
	"sync"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/internal/kernel"
)

// One layer of the form for llama.cpp forwards and backwards, in single precision but for projections by matrices that stay as they
// are. With h the normed input of a token and q a query head of it, scaled,
//
//	c = E h = [c_r | c_l],  k = [turn(c_r) | Qᵀ_l c_l],  a = [turn(Q_r q) | q],  v = V c_l,  head = Σ_s softmax_s(a·k_s)·v_s
//
// and x += W_O heads, x += W_down (silu(W_gate h') ⊙ W_up h'), h' being x normed again.

// refined is a layer with what is refined of it.
type refined struct {
	*layer
	enc   *parameter // E [R+L, width]
	query *parameter // Q [heads, R+L, d]
	value *parameter // V [heads, v, L]
}

func newRefined(l *layer, grads [3][]float32) *refined {
	g, lat := l.geo, l.lat
	heads := func(ms []*kernel.Matrix) []float32 {
		out := make([]float32, 0, g.Heads*ms[0].Rows*ms[0].Cols)
		for h := range g.Heads {
			out = append(out, floatRows(linear{ms[h*len(ms)/g.Heads], 1})...)
		}
		return out
	}
	r := &refined{
		layer: l,
		enc:   newParameter(floatRows(lat.enc), grads[0], lat.enc.Cols, lat.r, lat.l),
		query: newParameter(heads(lat.query), grads[1], g.KeySize, lat.r, lat.l),
		value: newParameter(heads(lat.value), grads[2], lat.l, g.ValueSize),
	}
	lat.enc, lat.query, lat.key, lat.value = linear{}, nil, nil, nil // of no use from now on
	return r
}

// refineTape is what a layer's passes leave for each other; T tokens. What heads and feed-forward make on the way takes more room than all of
// this and is computed again.
type refineTape struct {
	memory []float32 // all that follows but segments and turns; between layers, the loss has it

	segments []int     // where windows begin, and T
	turns    []float32 // [T, R/2]: cosine, sine, both times RoPE's magnitude
	h, q, c  []float32 // [T, width], [T, heads·d], [T, R+L] with its front turned
	att, x   []float32 // [T, heads·v], stream behind the attention
	out      []float32 // [T, width]

	// feed-forward, of refineSome tokens
	ffn, dffn     []float32 // [tokens, width]: h' and its gradient
	gate, up, mid []float32 // [tokens, ff]

	// attention's gradients, in the same memory as feed-forward
	latent []float32 // [L, apart(T)]
	datt   []float32 // [T, heads·v]
	dc     []float32 // [heads, T, R+L]
	dq, dh []float32 // [T, heads·d], [T, width]

	mu   sync.Mutex
	free []*refineScratch
}

// refineScratch is what a head or a step is computed with.
type refineScratch struct {
	a, k, v, keys           []float32 // of a head: [T, R+d], the same, [T, v], [R+d, window]
	soft                    []float32 // softmax of a tile [refineTile, apart(window)]
	turned, weights         []float32
	da, dk, dv, ds          []float32
	x, next, square, fourth []float32
	p, momentum             []float32
}

// scratch returns scratch that nobody else has; it goes back with give. A sync.Pool would forget it now and then.
func (t *refineTape) scratch() *refineScratch {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := len(t.free) - 1
	if last < 0 {
		return new(refineScratch)
	}
	s := t.free[last]
	t.free = t.free[:last]
	return s
}

func (t *refineTape) give(s *refineScratch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free = append(t.free, s)
}

// apart returns how far rows of n floats lie apart that a product takes together: at distances that are powers of two they would contend
// for places in a cache.
func apart(n int) int { return n + 16 }

// start readies the tape for a batch.
func (r *refiner) start(b refineBatch) {
	t, l, rope := r.tape, r.layers[0], r.c.m.run.ropes[0]
	t.segments, t.turns = t.segments[:0], t.turns[:0]
	at, table := 0, make([]float32, rope.Dims())
	for _, w := range b.windows {
		t.segments = append(t.segments, at)
		for pos := range w {
			rope.Table(table, pos)
			for _, p := range l.lat.pairs {
				t.turns = append(t.turns, table[2*p:2*p+2]...)
			}
		}
		at += len(w)
	}
	t.segments = append(t.segments, at)
	const n, some = refineTokens, refineSome // memory for the largest batch, whatever this one is
	g, width, row, ff := l.geo, r.c.h.embed, l.lat.row(), l.gate.Rows
	queries, heads := g.Heads*g.KeySize, g.Heads*g.ValueSize
	kept := []room{{&t.h, n * width}, {&t.q, n * queries}, {&t.c, n * row}, {&t.att, n * heads}, {&t.x, n * width}, {&t.out, n * width}}
	feed := []room{{&t.ffn, some * width}, {&t.dffn, some * width}, {&t.gate, some * ff}, {&t.up, some * ff}, {&t.mid, some * ff}}
	back := []room{{&t.latent, l.lat.l * apart(n)}, {&t.datt, n * heads}, {&t.dc, g.Heads * n * row}, {&t.dq, n * queries}, {&t.dh, n * width}}
	t.memory = resized(t.memory, max(length(kept)+max(length(feed), length(back)), length(r.lossRooms(new(lossTape), lossLeast))))
	lay(t.memory, kept)
	lay(t.memory[length(kept):], feed)
	lay(t.memory[length(kept):], back)
}

// room is n floats of a larger piece of memory.
type room struct {
	s *[]float32
	n int
}

// length returns how many floats rooms take.
func length(rooms []room) (n int) {
	for _, x := range rooms {
		n += x.n
	}
	return n
}

// lay sets rooms to pieces of memory, one after the other.
func lay(memory []float32, rooms []room) {
	for _, x := range rooms {
		*x.s, memory = memory[:x.n:x.n], memory[x.n:]
	}
}

func (t *refineTape) tokens() int { return t.segments[len(t.segments)-1] }

// turn rotates the front r values of a row by token i's position; back is the same transposed: against it, for gradients.
func (t *refineTape) turn(x []float32, i, r int, back bool) {
	for j := 0; j < r; j += 2 {
		c, s := t.turns[i*r+j], t.turns[i*r+j+1]
		if back {
			s = -s
		}
		x[j], x[j+1] = x[j]*c-x[j+1]*s, x[j]*s+x[j+1]*c
	}
}

// layerForward computes the layer's output for x.
func (r *refiner) layerForward(l *refined, x, out []float32) {
	r.record(l, x)
	t, e, ff := r.tape, r.c.h.embed, l.gate.Rows
	n := t.tokens()
	copy(out, t.x[:n*e])
	r.some(l, func(lo, n int) {
		r.each(n, func(i int) { kernel.SiLUMul(t.mid[i*ff:][:ff], t.gate[i*ff:][:ff], t.up[i*ff:][:ff]) })
		r.project(t.out, t.mid, n, l.down)
		vek32.Add_Inplace(out[lo*e:][:n*e], t.out[:n*e])
	})
}

// record computes the attention of layerForward: what layerBack needs.
func (r *refiner) record(l *refined, x []float32) {
	t, e, g, row := r.tape, r.c.h.embed, l.geo, l.lat.row()
	n := t.tokens()
	r.each(n, func(i int) { norm(t.h[i*e:][:e], x[i*e:][:e], l.attnNorm, r.c.h.eps) })
	r.project(t.q, t.h, n, l.q)
	scale(t.q[:n*g.Heads*g.KeySize], r.c.h.scale)
	s := t.scratch()
	r.multiply(t.c, row, t.h, e, turned(&s.turned, l.enc.w, row, e, e), e)
	t.give(s)
	r.each(n, func(i int) { t.turn(t.c[i*row:], i, l.lat.r, false) })
	r.each(g.Heads, func(h int) { t.headForward(l, h) })
	r.project(t.out, t.att, n, l.o)
	r.each(n, func(i int) {
		y := t.x[i*e:][:e]
		copy(y, x[i*e:])
		vek32.Add_Inplace(y, t.out[i*e:][:e])
	})
}

// refineSome is how many tokens' feed-forward is computed at a time.
const refineSome = 512

// some calls fn for some tokens after the others, lo … lo+n-1, whose h', gate and up are there then.
func (r *refiner) some(l *refined, fn func(lo, n int)) {
	t, e := r.tape, r.c.h.embed
	for lo := 0; lo < t.tokens(); lo += refineSome {
		n := min(refineSome, t.tokens()-lo)
		r.each(n, func(i int) { norm(t.ffn[i*e:][:e], t.x[(lo+i)*e:][:e], l.ffnNorm, r.c.h.eps) })
		r.project(t.gate, t.ffn, n, l.gate)
		r.project(t.up, t.ffn, n, l.up)
		fn(lo, n)
	}
}

// refineTile is how many tokens' scores are computed at a time; later tokens are left out.
const refineTile = 64

// head computes queries, keys and values of head h.
func (t *refineTape) head(l *refined, h int, s *refineScratch) {
	g, R, L, n, row := l.geo, l.lat.r, l.lat.l, t.tokens(), l.lat.row()
	d, v, wide := g.KeySize, g.ValueSize, R+g.KeySize
	s.a, s.k, s.v = resized(s.a, n*wide), resized(s.k, n*wide), resized(s.v, n*v)
	clear(s.a)
	clear(s.k)
	clear(s.v)
	query, q, latent := l.query.w[h*row*d:][:row*d], t.q[h*d:], t.c[R:]
	kernel.WeightedSumF32(s.a, wide, q, g.Heads*d, n, turned(&s.turned, query, R, d, d), R, d, R)
	kernel.WeightedSumF32(s.k[R:], wide, latent, row, n, query[R*d:], d, L, d)
	kernel.WeightedSumF32(s.v, v, latent, row, n, turned(&s.turned, l.value.w[h*v*L:], v, L, L), v, L, v)
	for i := range n {
		t.turn(s.a[i*wide:], i, R, false)
		copy(s.a[i*wide+R:][:d], q[i*g.Heads*d:])
		copy(s.k[i*wide:][:R], t.c[i*row:])
	}
}

// tiles calls fn for the tiles of all windows: the tokens from t0 on of the n from lo on, with what they give to those up to themselves,
// s.soft [rows, apart(n)].
func (t *refineTape) tiles(wide int, s *refineScratch, fn func(lo, n, t0, rows int)) {
	for i, lo := range t.segments[:len(t.segments)-1] {
		n := t.segments[i+1] - lo
		ld := apart(n)
		keys := turned(&s.keys, s.k[lo*wide:], n, wide, wide)
		s.soft = resized(s.soft, refineTile*ld)
		for t0 := 0; t0 < n; t0 += refineTile {
			rows := min(refineTile, n-t0)
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
func (t *refineTape) headForward(l *refined, h int) {
	v, width := l.geo.ValueSize, l.geo.Heads*l.geo.ValueSize
	s := t.scratch()
	defer t.give(s)
	t.head(l, h, s)
	t.tiles(l.lat.r+l.geo.KeySize, s, func(lo, n, t0, rows int) {
		out := t.att[(lo+t0)*width+h*v:]
		for j := range rows {
			clear(out[j*width:][:v])
		}
		kernel.WeightedSumF32(out, width, s.soft, apart(n), rows, s.v[lo*v:], v, t0+rows, v)
	})
}

// layerBack turns the gradient of the layer's output, dx, into that of its input x, and adds those of the parameters.
func (r *refiner) layerBack(l *refined, x, dx []float32) {
	t, e, g, row := r.tape, r.c.h.embed, l.geo, l.lat.row()
	r.some(l, func(lo, n int) {
		ff, dx := l.gate.Rows, dx[lo*e:]
		mid, dh := t.mid[:n*ff], t.dffn[:n*e]
		clear(mid)
		r.backRows(mid, dx, n, l.down)
		r.each(n, func(i int) { gatedBack(t.gate[i*ff:][:ff], t.up[i*ff:][:ff], mid[i*ff:][:ff]) })
		clear(dh)
		r.backRows(dh, t.gate, n, l.gate)
		r.backRows(dh, t.up, n, l.up)
		r.each(n, func(i int) { normBack(dx[i*e:][:e], t.x[(lo+i)*e:][:e], l.ffnNorm, dh[i*e:][:e], r.c.h.eps) })
	})

	n := t.tokens()
	clear(t.datt[:n*g.Heads*g.ValueSize])
	r.backRows(t.datt, dx, n, l.o)
	kernel.Transpose(t.latent, apart(n), t.c[l.lat.r:], row, n, l.lat.l)
	r.each(g.Heads, func(h int) { t.headBack(l, h) })
	dc := t.dc[:n*row]
	r.each(n, func(i int) {
		for h := 1; h < g.Heads; h++ {
			vek32.Add_Inplace(dc[i*row:][:row], t.dc[(h*n+i)*row:][:row])
		}
		t.turn(dc[i*row:], i, l.lat.r, true)
	})
	s := t.scratch()
	s.turned = resized(s.turned, row*apart(n))
	kernel.Transpose(s.turned, apart(n), dc, row, n, row)
	r.addProduct(l.enc.grad, e, s.turned, apart(n), row, t.h, e, n)
	t.give(s)
	clear(t.dh[:n*e])
	scale(t.dq[:n*g.Heads*g.KeySize], r.c.h.scale)
	r.backRows(t.dh, t.dq, n, l.q)
	r.addProduct(t.dh, e, dc, row, n, l.enc.w, e, row)
	r.each(n, func(i int) { normBack(dx[i*e:][:e], x[i*e:][:e], l.attnNorm, t.dh[i*e:][:e], r.c.h.eps) })
}

// headBack takes head h's gradient of att to t.dq and t.dc, and to the parameters'.
func (t *refineTape) headBack(l *refined, h int) {
	g, R, L, n, row := l.geo, l.lat.r, l.lat.l, t.tokens(), l.lat.row()
	d, v, wide, width := g.KeySize, g.ValueSize, R+g.KeySize, g.Heads*g.ValueSize
	s := t.scratch()
	defer t.give(s)
	t.head(l, h, s)
	s.da, s.dk, s.dv = resized(s.da, n*wide), resized(s.dk, n*wide), resized(s.dv, n*v)
	da, dk, dv := s.da, s.dk, s.dv
	clear(da)
	clear(dk)
	clear(dv)
	var values []float32
	t.tiles(wide, s, func(lo, n, t0, rows int) {
		if t0 == 0 {
			values = turned(&s.turned, s.v[lo*v:], n, v, v)
		}
		ld, side, cols := apart(n), apart(refineTile), t0+rows
		s.ds, s.weights = resized(s.ds, refineTile*ld), resized(s.weights, n*side)
		ds, dout, now := s.ds[:rows*ld], t.datt[(lo+t0)*width+h*v:], (lo+t0)*wide
		clear(ds)
		kernel.WeightedSumF32(ds, ld, dout, width, rows, values, n, v, cols)
		for j := range rows {
			line, p := ds[j*ld:][:t0+j+1], s.soft[j*ld:][:t0+j+1]
			vek32.SubNumber_Inplace(line, vek32.Dot(line, p))
			vek32.Mul_Inplace(line, p)
			clear(ds[j*ld+t0+j+1:][:rows-j-1])
		}
		kernel.WeightedSumF32(da[now:], wide, ds, ld, rows, s.k[lo*wide:], wide, cols, wide)
		kernel.Transpose(s.weights, side, ds, ld, rows, cols)
		kernel.WeightedSumF32(dk[lo*wide:], wide, s.weights, side, cols, s.a[now:], wide, rows, wide)
		kernel.Transpose(s.weights, side, s.soft, ld, rows, cols)
		kernel.WeightedSumF32(dv[lo*v:], v, s.weights, side, cols, dout, width, rows, v)
	})
	query, value := l.query.w[h*row*d:][:row*d], l.value.w[h*v*L:][:v*L]
	gradQuery, gradValue := l.query.grad[h*row*d:][:row*d], l.value.grad[h*v*L:][:v*L]
	dc := t.dc[h*n*row:][:n*row]
	clear(dc)
	for i := range n {
		copy(dc[i*row:][:R], dk[i*wide:])
		t.turn(da[i*wide:], i, R, true)
		copy(t.dq[i*g.Heads*d+h*d:][:d], da[i*wide+R:])
	}
	q, latent, ld := t.q[h*d:], t.c[R:], apart(n)
	s.turned = resized(s.turned, max(R, v)*ld)
	kernel.WeightedSumF32(t.dq[h*d:], g.Heads*d, da, wide, n, query, d, R, d)
	kernel.Transpose(s.turned, ld, da, wide, n, R)
	kernel.WeightedSumF32(gradQuery, d, s.turned, ld, R, q, g.Heads*d, n, d)
	kernel.WeightedSumF32(gradQuery[R*d:], d, t.latent, ld, L, dk[R:], wide, n, d)
	kernel.Transpose(s.turned, ld, dv, v, n, v)
	kernel.WeightedSumF32(gradValue, L, s.turned, ld, v, latent, row, n, L)
	kernel.WeightedSumF32(dc[R:], row, dk[R:], wide, n, turned(&s.turned, query[R*d:], L, d, d), L, d, L)
	kernel.WeightedSumF32(dc[R:], row, dv, v, n, value, L, v, L)
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

// turned returns the transpose [cols, rows] of x [rows, cols], whose rows are ld apart, in buf.
func turned(buf *[]float32, x []float32, rows, cols, ld int) []float32 {
	*buf = resized(*buf, rows*cols)
	kernel.Transpose(*buf, rows, x, ld, rows, cols)
	return *buf
}

// refineDepth is how many rows of weights a worker unpacks at a time.
const refineDepth = 64

// multiply sets out [T, cols] to x [T, depth] times w [depth, cols].
func (r *refiner) multiply(out []float32, cols int, x []float32, ldx int, w []float32, depth int) {
	n := r.tape.tokens()
	clear(out[:n*cols])
	r.addProduct(out, cols, x, ldx, n, w, cols, depth)
}

// addProduct is the function of that name, shared out.
func (r *refiner) addProduct(out []float32, cols int, x []float32, ldx, rows int, w []float32, ldw, depth int) {
	sharer(r.c.m.run.parallel).rows(rows, func(_, lo, hi int) {
		addProduct(out[lo*cols:], cols, x[lo*ldx:], ldx, hi-lo, w, ldw, depth, cols)
	})
}

// project sets out to n rows x times a matrix that stays as it is.
func (r *refiner) project(out, x []float32, n int, m linear) {
	r.act.Reset(x, n, m.Cols)
	grain := r.c.m.w.embed.Align()
	const share = 16
	r.each((n+share-1)/share, func(i int) { r.act.Quantize(m.ActType(), i*share, min((i+1)*share, n)) })
	r.each((m.Rows+grain-1)/grain, func(i int) { m.Mul(out, m.Rows, &r.act, i*grain, min((i+1)*grain, m.Rows)) })
}

// backRows adds n rows dy times the matrix to dx: the gradient of project's input. Columns are shared out, so that a weight is unpacked once.
func (r *refiner) backRows(dx, dy []float32, n int, m linear) {
	block, _ := m.Type.Block()
	blocks, workers := m.Cols/block, r.c.m.run.pool.Size()
	part := (blocks + workers - 1) / workers * block
	r.each((m.Cols+part-1)/part, func(i int) {
		lo, s := i*part, r.tape.scratch()
		cols := min(part, m.Cols-lo)
		s.weights = resized(s.weights, refineDepth*cols)
		for d := 0; d < m.Rows; d += refineDepth {
			k := min(refineDepth, m.Rows-d)
			w := s.weights[:k*cols]
			for j := range k {
				m.Part(w[j*cols:][:cols], d+j, lo)
			}
			if m.scale != 1 {
				scale(w, m.scale)
			}
			kernel.WeightedSumF32(dx[lo:], m.Cols, dy[d:], m.Rows, n, w, cols, k, cols)
		}
		r.tape.give(s)
	})
}

// lossTape is what lossBack computes with, of some tokens: hidden, back [tokens, width], logits [tokens, vocabulary], and want, wanted, the
// same of the original, for few tokens at a time.
type lossTape struct{ hidden, back, logits, want, wanted []float32 }

// lossLeast is the least number of tokens whose logits are there at a time, lossMost the largest. Few make backRows unpack the matrix of
// logits often.
const (
	lossLeast = 16
	lossMost  = 128
)

// lossRooms returns the memory of a lossTape for some tokens, a multiple of 16.
func (r *refiner) lossRooms(s *lossTape, tokens int) []room {
	e, vocab, few := r.c.h.embed, r.c.m.w.output.Rows, tokens/4
	return []room{{&s.hidden, tokens * e}, {&s.back, tokens * e}, {&s.logits, tokens * vocab}, {&s.want, few * e}, {&s.wanted, few * vocab}}
}

// lossTape returns one in the tape's memory, and for how many tokens it is.
func (r *refiner) lossTape() (s *lossTape, tokens int) {
	s = new(lossTape)
	for n := lossMost; ; n -= 16 {
		if rooms := r.lossRooms(s, n); length(rooms) <= len(r.tape.memory) {
			lay(r.tape.memory, rooms)
			return s, n
		}
	}
}

// lossBack returns the loss of a batch whose tokens end as r.back, which with back becomes the loss's gradient.
func (r *refiner) lossBack(b refineBatch, back bool) float64 {
	m, n, e := r.c.m, b.n, r.c.h.embed
	vocab := m.w.output.Rows
	s, tokens := r.lossTape()
	total := make([]float64, n)
	for lo := 0; lo < n; lo += tokens {
		k := min(tokens, n-lo)
		for i := range k {
			norm(s.hidden[i*e:][:e], r.back[(lo+i)*e:][:e], m.w.norm, r.c.h.eps)
		}
		r.project(s.logits, s.hidden, k, m.w.output)
		for at := 0; at < k; at += tokens / 4 {
			few := min(tokens/4, k-at)
			b.target.from(lo+at).load(s.want, 0, few)
			r.project(s.wanted, s.want, few, m.w.output)
			r.each(few, func(i int) {
				got, want, buf := s.logits[(at+i)*vocab:][:vocab], s.wanted[i*vocab:][:vocab], r.tape.scratch()
				buf.p = resized(buf.p, vocab)
				total[lo+at+i] = divergence(got, want, buf.p, 1/float32(n))
				r.tape.give(buf)
			})
		}
		if !back {
			continue
		}
		clear(s.back[:k*e])
		r.backRows(s.back, s.logits, k, m.w.output)
		for i := range k {
			d := s.hidden[i*e:][:e] // done with
			clear(d)
			normBack(d, r.back[(lo+i)*e:][:e], m.w.norm, s.back[i*e:][:e], r.c.h.eps)
			copy(r.back[(lo+i)*e:], d)
		}
	}
	sum := 0.0
	for _, v := range total {
		sum += v
	}
	return sum / float64(n)
}

// divergence returns Σ p ln(p/p̂) for the softmax p of want and p̂ of got, and turns got into f times its gradient. p is room for as many.
func divergence(got, want, p []float32, f float32) float64 {
	peak, target := vek32.Max(got), vek32.Max(want)
	dot := 0.0 // Σ e^(want-target)·(want - got)
	sumP := float64(kernel.ExpSum(p, want, target))
	for i, e := range p {
		dot += float64(e) * float64((want[i]-target)-(got[i]-peak))
	}
	sum := float64(kernel.ExpSum(got, got, peak))
	a, b := f/float32(sum), f/float32(sumP)
	for i := range got {
		got[i] = got[i]*a - p[i]*b
	}
	return dot/sumP + math.Log(sum) - math.Log(sumP)
}
