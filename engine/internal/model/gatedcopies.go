package model

import (
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// GatedCopies are copies of the residual stream as Qwen 4 has them, with gates of a low rank. With x̂_j a copy S_j
// normed by weights of its own, and x̂ all in a row, a part's input and what becomes of the copies with its result y is
//
//	1/n Σ_j σ(W_up · silu(W_down · x̂ / n))_j ⊙ x̂_j        S_j' = S_j + 2σ((W_inject · x̂)_j / n)·y
//
// The embedding is the first value of all copies, and what would be a part's input in the end is the model's result: it
// has no other norm.
type GatedCopies struct {
	Copies, Rank int
}

// gatedCopies is that of a part, or of the end, with its weights.
type gatedCopies struct {
	norm     []float32 // [copies, width]
	down, up Linear    // [rank, copies·width], [copies·width, rank]
	inject   Linear    // [copies, copies·width]; nil in the end
	types    []kernel.ActType
	upTypes  []kernel.ActType
	n        int // copies
	epsilon  float32
}

func (s GatedCopies) count(*Spec) (vectors, kept int) { return s.Copies, s.Copies }

// include makes room for the products.
func (s GatedCopies) include(e *executor) {
	all, most := s.Copies*e.width, &e.most
	most.heads, most.gates, most.low = max(most.heads, all), max(most.gates, all), max(most.low, s.Rank)
	most.q, most.k = max(most.q, s.Rank), max(most.k, s.Copies)
}

func (s GatedCopies) load(ld *Loader, name string, inject bool) *gatedCopies {
	all := s.Copies * ld.spec.Width
	m := &gatedCopies{n: s.Copies, epsilon: ld.spec.Eps}
	m.norm = ld.flatFloats(name+"_norm.weight", ld.spec.Width, s.Copies)
	m.down, m.up = ld.linear(name+"_down", s.Rank, all, false), ld.linear(name+"_up", all, s.Rank, false)
	if inject {
		m.inject = ld.linear(name+"_inject", s.Copies, all, false)
	}
	if ld.err == nil {
		m.types, m.upTypes = actTypes(m.down, m.inject), actTypes(m.up)
	}
	return m
}

// flatFloats loads a tensor of two dimensions, which may be in one.
func (ld *Loader) flatFloats(name string, a, b int) []float32 {
	if t, err := ld.tensor(name); err == nil && sameShape(t.Shape, []int{a * b}) {
		return ld.floats(name, a*b)
	}
	return ld.floats(name, a, b)
}

func (s GatedCopies) part(ld *Loader, i int, network bool) copiesPart {
	if network {
		return s.load(ld, LayerName(i, "hc_ffn"), true)
	}
	return s.load(ld, LayerName(i, "hc_attn"), true)
}

func (s GatedCopies) ends(ld *Loader) copiesEnds { return s.load(ld, "output_hc", false) }

// normCopies writes the copies of a row, normed by weights of each, to dst.
func normCopies(dst, all, weights []float32, width int, eps float32) {
	for at := 0; at < len(all); at += width {
		norm(dst[at:][:width], all[at:][:width], weights[at:], eps)
	}
}

func (m *gatedCopies) read(p *pass, w *worker) {
	all, rank := m.n*p.width, m.down.Rows
	for t := w.lo; t < w.hi; t++ {
		normCopies(w.heads[t*all:][:all], p.copiesOf(w, t), m.norm, p.width, m.epsilon)
	}
	p.reset(w, &w.out, w.heads, all)
	p.sync(w)
	p.quantize(w, &w.out, m.types)
	p.project(w, &w.out, projection{m.down, p.q}, projection{m.inject, p.k})
	w.Barrier()
	for t := w.lo; t < w.hi; t++ {
		low := w.low[t*rank:][:rank]
		copy(low, p.q[t*rank:])
		scale(low, 1/float32(m.n))
		w.mix.silu(low, low)
		if m.inject.Matrix != nil {
			copy(w.kept[t*m.n:][:m.n], p.k[t*m.n:])
		}
	}
	p.reset(w, &w.lowQ, w.low, rank)
	p.sync(w)
	p.quantize(w, &w.lowQ, m.upTypes)
	p.project(w, &w.lowQ, projection{m.up, p.gates})
	w.Barrier()
	for t := w.lo; t < w.hi; t++ {
		m.mean(p, w, t)
	}
	if p.single() {
		w.Barrier() // all have read p.gates
	}
}

// mean makes the input of row t of its normed copies and their gates.
func (m *gatedCopies) mean(p *pass, w *worker, t int) {
	e, all := p.width, m.n*p.width
	gates, x := sized(&w.mix.tmp, all), w.x[t*e:][:e]
	copy(gates, p.gates[t*all:])
	vek32.MulNumber_Inplace(gates, -1)
	kernel.ExpSum(gates, gates, 0)
	vek32.AddNumber_Inplace(gates, 1)
	clear(x)
	for j := range m.n {
		y := w.heads[t*all+j*e:][:e]
		vek32.Div_Inplace(y, gates[j*e:][:e])
		vek32.Add_Inplace(x, y)
	}
	vek32.MulNumber_Inplace(x, 1/float32(m.n))
}

func (m *gatedCopies) spread(p *pass, w *worker) { spreadCopies(p, w) }

func (m *gatedCopies) join(p *pass, w *worker) { m.read(p, w) }

func (m *gatedCopies) write(p *pass, w *worker, bias []float32) {
	for t := w.lo; t < w.hi; t++ {
		all, o := p.copiesOf(w, t), p.output(w, t, bias)
		for j, v := range w.kept[t*m.n:][:m.n] {
			addScaled(all[j*p.width:][:p.width], o, 2*sigmoidOf(v/float32(m.n)))
		}
	}
}
