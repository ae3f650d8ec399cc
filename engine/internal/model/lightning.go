package model

import (
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// Lightning is MiniMax's linear attention (arXiv 2501.08313). From its normed input h a layer computes per head
//
//	q, k, v = silu(W·h)      S = e^(-Decay·slope)·S + k ⊗ v      y = Sᵀq
//
// with slopes of 2^(-8·h/Heads), h from 1, and W_O · (norm(y of all heads) ⊙ σ(W_g·h)).
type Lightning struct {
	Heads, Size int     // values of a key, a query and a value
	Decay       float32 // of the layer
}

// lightning is that with its weights.
type lightning struct {
	output
	spec    Lightning
	q, k, v Linear // [heads·size, width]
	gate    Linear
	slopes  []float32 // [heads] times Decay
	norm    *normWeights
	types   []kernel.ActType
}

func (s *Lightning) inner() int { return s.Heads * s.Size }

func (s Lightning) load(ld *Loader, i int) mixer {
	name := func(n string) string { return LayerName(i, n) }
	width, inner := ld.spec.Width, s.inner()
	m := &lightning{spec: s}
	if qkv := ld.linear(name("attn_qkv"), 3*inner, width, false); ld.err == nil {
		parts := qkv.regroup(s.Heads, s.Size, s.Size, s.Size)
		m.q, m.k, m.v = parts[0], parts[1], parts[2]
	}
	m.gate, m.o = ld.linear(name("attn_gate"), inner, width, false), ld.linear(name("attn_output"), width, inner, false)
	m.norm = ld.norm(name("attn_norm_2"), inner)
	for h := range s.Heads {
		m.slopes = append(m.slopes, s.Decay*float32(math.Exp2(-8*float64(h+1)/float64(s.Heads))))
	}
	m.types, m.output.types = actTypes(m.q, m.gate), actTypes(m.o)
	return m
}

func (m *lightning) inputs() []kernel.ActType { return m.types }

// shareable: the past is summed up by chunks of a prompt, so rows depend on where it is cut.
func (m *lightning) shareable() bool { return false }

func (m *lightning) include(e *executor) {
	inner, most := m.spec.inner(), &e.most
	most.q, most.k, most.v, most.gates = max(most.q, inner), max(most.k, inner), max(most.v, inner), max(most.gates, inner)
	e.includeMixed(inner)
}

// stateSize returns the values of all heads' states.
func (s *Lightning) stateSize() int { return s.inner() * s.Size }

func (m *lightning) newState(CacheFormat, int) State { return newRecurrent(m.spec.stateSize()) }

func (m *lightning) size(CacheFormat) CacheSize { return recurrentSize(m.spec.stateSize()) }

func (m *lightning) bytes(CacheFormat, int) (weights, cache int) {
	return matrixBytes(m.q.Matrix, m.k.Matrix, m.v.Matrix, m.gate.Matrix, m.o.Matrix), 4 * m.spec.stateSize()
}

func (m *lightning) run(p *pass, w *worker, l *Layer) {
	if p.probe.begins(StageInput) {
		p.project(w, &w.in, projection{m.q, p.q}, projection{m.k, p.k}, projection{m.v, p.v}, projection{m.gate, p.gates})
		w.Barrier()
		p.eachHead(w, m.spec.Heads, func(seg *segment, h int) { m.mix(p, w, seg, l, h) })
		p.mixedDone(w, m.spec.inner())
		m.normAndGate(p, w)
	}
	p.probe.headsDone(p, w)
	if !p.probe.ends(StageHeads) {
		m.output.project(p, w)
	}
}

// mix computes head h for a segment.
func (m *lightning) mix(p *pass, w *worker, seg *segment, l *Layer, h int) {
	size, inner, sc, st := m.spec.Size, m.spec.inner(), &w.mix.scan, seg.state(l).(*recurrent)
	from, to := st.from[h*size*size:][:size*size], st.to[h*size*size:][:size*size]
	out := p.mixed(w)
	for at := 0; at < seg.n; at += scanChunk {
		sc.begin(size, size, min(scanChunk, seg.n-at), false)
		for t := range sc.n {
			i := (seg.at+at+t)*inner + h*size
			w.mix.silu(sc.query(t), p.q[i:])
			w.mix.silu(sc.key(t), p.k[i:])
			w.mix.silu(sc.value(t), p.v[i:])
			sc.decay[t] = -m.slopes[h]
		}
		sc.run(to, from)
		from = to
		for t := range sc.n {
			copy(out[(seg.at+at+t)*inner+h*size:][:size], sc.out(t))
		}
	}
}

// normAndGate does what follows the heads in the worker's rows.
func (m *lightning) normAndGate(p *pass, w *worker) {
	n := m.spec.inner()
	gate := sized(&w.mix.tmp, n)
	for t := w.lo; t < w.hi; t++ {
		y := w.heads[t*n:][:n]
		m.norm.apply(y, y)
		for i, g := range p.gates[t*n:][:n] {
			gate[i] = sigmoidOf(g)
		}
		vek32.Mul_Inplace(y, gate)
	}
}
