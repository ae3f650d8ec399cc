package engine

import (
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/latentgo/latentgo/internal/pool"
)

// The feed-forward part of a mixture of experts, for one token or many in the same steps: route each token, sort the choices
// by expert, compute the hidden values of each chosen expert for its tokens at once, and sum up what comes down in the order
// of the experts, so that the result does not depend on the number of workers.

// mixing holds the buffers of mixed layers, reused by all. A choice is a token's i-th expert.
type mixing struct {
	routers  []router     // per worker
	logits   []float32    // [tokens, experts], then probabilities
	ids      []int32      // [tokens, used] experts
	weights  []float32    // [tokens, used]
	start    []int32      // [experts+1] where the choices of an expert start in order
	order    []int32      // choices sorted by expert, those of one in the order of tokens
	active   []int32      // experts that some token chose, ascending
	gate, up []float32    // [choices, ff] in that order: hidden values
	acts     []kernel.Act // per active expert: its rows of gate
	part     []float32    // [tokens, width]: what one expert gives, columns of one worker at a time
}

// grow makes room for n tokens and the largest of the layers.
func (m *mixing) grow(n, width int, most widths) {
	choices := n * most.used
	m.logits = make([]float32, n*most.experts)
	m.ids, m.weights = make([]int32, choices), make([]float32, choices)
	m.start, m.order = make([]int32, most.experts+1), make([]int32, choices)
	m.active = make([]int32, 0, min(choices, most.experts))
	m.gate, m.up = make([]float32, n*most.mixed), make([]float32, n*most.mixed)
	m.part = make([]float32, n*width)
	if k := cap(m.active); len(m.acts) < k {
		m.acts = make([]kernel.Act, k)
	}
}

// experts computes p.o = Σ weight · expert(h) over the experts that each token chooses, and the shared ones. hidden has
// left the shared ones' hidden values in p.gate.
func (p *pass) experts(w *pool.Worker, ln *lane, l *layer, lo, hi int) {
	p.choose(w, ln, l)
	p.expertsHidden(w, ln, l)
	for {
		a, _, ok := w.Take(len(p.mixing.active), 1)
		if !ok {
			break
		}
		from, to := p.choices(a)
		act := &p.mixing.acts[a]
		act.Reset(p.mixing.gate[from*l.moe.ff:], to-from, l.moe.ff)
		act.Quantize(l.moe.down[0].ActType(), 0, to-from)
	}
	p.quantize(w, &ln.ffn, l.downForms, lo, hi)
	if p.single() {
		w.Barrier()
	}
	p.expertsDown(w, ln, l)
}

// choose routes all tokens and sorts their choices.
func (p *pass) choose(w *pool.Worker, ln *lane, l *layer) {
	x, m := &p.mixing, l.moe
	p.project(w, &ln.in, projection{m.router, x.logits})
	w.Barrier()
	n, k := m.router.Rows, m.used
	lo, hi := w.Share(len(p.ids))
	for t := lo; t < hi; t++ {
		x.routers[w.ID].route(&p.h.experts, m.bias, x.logits[t*n:][:n], x.ids[t*k:][:k], x.weights[t*k:][:k])
	}
	w.Barrier()
	if w.ID == 0 {
		x.sort(n, len(p.ids)*k)
	}
	w.Barrier()
}

// sort sorts the choices by expert.
func (m *mixing) sort(experts, choices int) {
	start := m.start[:experts+1]
	clear(start)
	for _, e := range m.ids[:choices] {
		start[e]++
	}
	m.active = m.active[:0]
	sum := int32(0)
	for e, n := range start[:experts] {
		if n > 0 {
			m.active = append(m.active, int32(e))
		}
		sum += n
		start[e] = sum
	}
	start[experts] = sum
	for c := choices - 1; c >= 0; c-- {
		e := m.ids[c]
		start[e]--
		m.order[start[e]] = int32(c)
	}
}

// choices returns where the choices of active expert a are in order.
func (p *pass) choices(a int) (from, to int) {
	e := p.mixing.active[a]
	return int(p.mixing.start[e]), int(p.mixing.start[e+1])
}

// expertsHidden computes act(W_gate·h) ⊙ W_up·h of all choices. Workers take whole experts, or pieces of them where there
// are few.
func (p *pass) expertsHidden(w *pool.Worker, ln *lane, l *layer) {
	m, x := l.moe, &p.mixing
	n := len(x.active)
	pieces := 1
	if n%w.N != 0 && n < 8*w.N {
		pieces = (4*w.N + n - 1) / n
	}
	align := p.w.embed.Align()
	grain := ((m.ff+pieces-1)/pieces + align - 1) / align * align
	pieces = (m.ff + grain - 1) / grain
	held := -1 // expert whose tokens are in the worker's act
	for {
		i, _, ok := w.Take(n*pieces, 1)
		if !ok {
			break
		}
		a, r0 := i/pieces, i%pieces*grain
		e, r1 := x.active[a], min(m.ff, r0+grain)
		from, to := p.choices(a)
		in := &ln.in
		if !p.single() {
			in = p.rowsOf(w, ln, l, from, to, held == a)
			held = a
		}
		gate, up := x.gate[from*m.ff:to*m.ff], x.up[from*m.ff:to*m.ff]
		m.gate[e].Mul(gate, m.ff, in, r0, r1)
		m.up[e].Mul(up, m.ff, in, r0, r1)
		for t := range to - from {
			p.actMul(gate[t*m.ff:][r0:r1], up[t*m.ff:][r0:r1])
		}
	}
	w.Barrier()
}

// rowsOf returns the normed rows of the tokens of choices from … to-1 in the experts' forms; held tells that they are there.
func (p *pass) rowsOf(w *pool.Worker, ln *lane, l *layer, from, to int, held bool) *kernel.Act {
	u, e := &p.ups[w.ID], p.h.embed
	if held {
		return &u.act
	}
	in := sized(&u.in, (to-from)*e)
	for i, c := range p.mixing.order[from:to] {
		copy(in[i*e:][:e], ln.h[int(c)/l.moe.used*e:])
	}
	u.act.Reset(in, to-from, e)
	u.act.Quantize(l.moe.gate[0].ActType(), 0, to-from)
	if f := l.moe.up[0].ActType(); f != l.moe.gate[0].ActType() {
		u.act.Quantize(f, 0, to-from)
	}
	return &u.act
}

// expertsDown computes p.o, a range of its columns at a time.
func (p *pass) expertsDown(w *pool.Worker, ln *lane, l *layer) {
	m, x, e := l.moe, &p.mixing, p.h.embed
	grain := p.grain(w, e)
	for {
		r0, r1, ok := w.Take(e, grain)
		if !ok {
			break
		}
		for t := 0; !m.shared && t < len(p.ids); t++ {
			clear(p.o[t*e:][r0:r1])
		}
		if m.shared {
			l.down.Mul(p.o, e, &ln.ffn, r0, r1)
		}
		for a, id := range x.active {
			from, to := p.choices(a)
			m.down[id].Mul(x.part, e, &x.acts[a], r0, r1)
			for i, c := range x.order[from:to] {
				addScaled(p.o[int(c)/m.used*e:][r0:r1], x.part[i*e:][r0:r1], x.weights[c])
			}
		}
	}
	w.Barrier()
}

// addScaled adds f·src to dst.
func addScaled(dst, src []float32, f float32) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] += f * v
	}
}
