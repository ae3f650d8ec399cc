package model

import (
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// ShortConv is the gated short convolution of Liquid's models. From its normed input h a layer computes
//
//	[b | c | x] = W_in · h                y = W_out · (c ⊙ conv(b ⊙ x))
type ShortConv struct {
	Size int // tokens that the convolution sees
}

// shortConv is a short convolution with its weights.
type shortConv struct {
	output
	in    Linear // [3·width, width]
	conv  *conv
	width int
	types []kernel.ActType
}

func (s ShortConv) load(ld *Loader, i int) mixer {
	name := func(n string) string { return LayerName(i, n) }
	width := ld.spec.Width
	m := &shortConv{width: width}
	m.in = ld.linear(name("shortconv.in_proj"), 3*width, width, false)
	m.conv = ld.conv(name("shortconv.conv"), s.Size, width, false, false)
	m.o = ld.linear(name("shortconv.out_proj"), width, width, false)
	if ld.err == nil {
		m.types, m.output.types = actTypes(m.in), actTypes(m.o)
	}
	return m
}

func (m *shortConv) inputs() []kernel.ActType { return m.types }

// shareable: the past is summed up by chunks of a prompt, so rows depend on where it is cut.
func (m *shortConv) shareable() bool { return false }

func (m *shortConv) include(e *executor) {
	e.most.q = max(e.most.q, 3*m.width)
	e.includeMixed(m.width)
}

func (m *shortConv) newState(CacheFormat, int) State { return newRecurrent(m.conv.stateSize()) }

func (m *shortConv) size(CacheFormat) CacheSize { return recurrentSize(m.conv.stateSize()) }

func (m *shortConv) bytes(CacheFormat, int) (weights, cache int) {
	return matrixBytes(m.in.Matrix, m.o.Matrix), 4 * m.conv.stateSize()
}

func (m *shortConv) run(p *pass, w *worker, l *Layer) {
	if p.probe.begins(StageInput) {
		p.project(w, &w.in, projection{m.in, p.q})
		w.Barrier()
		lo, hi := w.shareAligned(m.width)
		for i := range p.segments {
			m.mix(p, w, &p.segments[i], l, lo, hi)
		}
		p.mixedDone(w, m.width)
	}
	p.probe.headsDone(p, w)
	if !p.probe.ends(StageHeads) {
		m.output.project(p, w)
	}
}

// mix computes channels lo … hi-1 of a segment.
func (m *shortConv) mix(p *pass, w *worker, seg *segment, l *Layer, lo, hi int) {
	if lo == hi {
		return
	}
	e, s := m.width, seg.state(l).(*recurrent)
	out := p.mixed(w)
	tmp := sized(&w.mix.tmp, hi-lo)
	in := convInput{rows: p.q[seg.at*3*e:], before: s.from, stride: 3 * e}
	for t := range seg.n {
		vek32.Mul_Inplace(in.rows[t*3*e+lo:][:hi-lo], in.rows[t*3*e+2*e+lo:][:hi-lo])
	}
	for t := range seg.n {
		y := out[(seg.at+t)*e+lo:][:hi-lo]
		m.conv.token(y, tmp, in, t, lo)
		vek32.Mul_Inplace(y, in.rows[t*3*e+e+lo:][:hi-lo])
	}
	m.conv.keep(s.to, in, seg.n, lo, hi)
}
