package model

import (
	"github.com/latentgo/latentgo/internal/kernel"
)

// Mamba2 is the state space mixer of Mamba 2 (arXiv 2405.21060). From its normed input h a layer computes
//
//	[z | x B C | dt] = W_in · h      [x | B | C] = silu(conv([x B C]) + b)      Δ = softplus(dt + b_dt)
//
// and per head, with the state S, log a = A·Δ, key B, query C and value Δ·x (see scan), y + D·x, times silu(z). The
// heads of a group share B and C, and their results are normed together before W_out.
type Mamba2 struct {
	Heads, Groups int
	HeadSize      int  // values of a head
	State         int  // values of a key
	Conv          int  // tokens that the convolution sees
	ConvBias      bool // must be there; otherwise it may
	Norm          bool // likewise the norm
}

// mamba2 is a state space mixer with its weights.
type mamba2 struct {
	output
	spec  Mamba2
	in    Linear
	conv  *conv
	heads ssmHeads
	norm  []float32 // [groups][values of a group], or nil
	eps   float32
	types []kernel.ActType
}

// inner returns the values of all heads, keys those of all groups' keys.
func (s *Mamba2) inner() int { return s.Heads * s.HeadSize }
func (s *Mamba2) keys() int  { return s.Groups * s.State }

// channels returns those of the convolution, and projected the rows of W_in.
func (s *Mamba2) channels() int  { return s.inner() + 2*s.keys() }
func (s *Mamba2) projected() int { return s.inner() + s.channels() + s.Heads }

func (s Mamba2) load(ld *Loader, i int) mixer {
	name := func(n string) string { return LayerName(i, n) }
	m := &mamba2{spec: s, eps: ld.spec.Eps}
	m.in = ld.linear(name("ssm_in"), s.projected(), ld.spec.Width, true)
	m.conv = ld.conv(name("ssm_conv1d"), s.Conv, s.channels(), true, s.ConvBias)
	m.heads = ld.ssmHeads(name, s.Heads, s.HeadSize, s.State)
	if norm := name("ssm_norm.weight"); s.Norm || ld.has(norm) {
		m.norm = ld.floats(norm, s.inner()/s.Groups, s.Groups)
	}
	m.o = ld.linear(name("ssm_out"), ld.spec.Width, s.inner(), true)
	if ld.err == nil {
		m.types, m.output.types = actTypes(m.in), actTypes(m.o)
	}
	return m
}

func (m *mamba2) inputs() []kernel.ActType { return m.types }

// shareable: the past is summed up by chunks of a prompt, so rows depend on where it is cut.
func (m *mamba2) shareable() bool { return false }

func (m *mamba2) include(e *executor) {
	s, most := &m.spec, &e.most
	most.q, most.v = max(most.q, s.projected()), max(most.v, s.channels())
	e.includeMixed(s.inner())
}

// stateSize returns the values of all heads' states; the convolution's come behind them.
func (s *Mamba2) stateSize() int { return s.inner() * s.State }

func (m *mamba2) remembered() int { return m.spec.stateSize() + m.conv.stateSize() }

func (m *mamba2) newState(CacheFormat, int) State { return newRecurrent(m.remembered()) }

func (m *mamba2) size(CacheFormat) CacheSize { return recurrentSize(m.remembered()) }

func (m *mamba2) bytes(CacheFormat, int) (weights, cache int) {
	return matrixBytes(m.in.Matrix, m.o.Matrix), 4 * m.remembered()
}

func (m *mamba2) run(p *pass, w *worker, l *Layer) {
	if p.probe.begins(StageInput) {
		p.project(w, &w.in, projection{m.in, p.q})
		w.Barrier()
		m.convolve(p, w, l)
		w.Barrier()
		blocks := w.headBlocks(m.spec.Heads, m.spec.Groups)
		p.eachHead(w, m.spec.Groups*blocks, func(seg *segment, i int) { m.mix(p, w, seg, l, i/blocks, i%blocks, blocks) })
		p.mixedDone(w, m.spec.inner())
		m.normGroups(w)
	}
	p.probe.headsDone(p, w)
	if !p.probe.ends(StageHeads) {
		m.output.project(p, w)
	}
}

// convolve computes the worker's channels of all rows, p.v [rows, channels].
func (m *mamba2) convolve(p *pass, w *worker, l *Layer) {
	s := &m.spec
	lo, hi := w.shareAligned(s.channels())
	if lo == hi {
		return
	}
	for i := range p.segments {
		seg := &p.segments[i]
		st := seg.state(l).(*recurrent)
		in := convInput{rows: p.q[seg.at*s.projected()+s.inner():], before: st.from[s.stateSize():], stride: s.projected()}
		for t := range seg.n {
			m.conv.activated(&w.mix, p.v[(seg.at+t)*s.channels()+lo:][:hi-lo], in, t, lo)
		}
		m.conv.keep(st.to[s.stateSize():], in, seg.n, lo, hi)
	}
}

// mix computes a block of group g's heads for a segment.
func (m *mamba2) mix(p *pass, w *worker, seg *segment, l *Layer, g, block, blocks int) {
	s, sc, st := &m.spec, &w.mix.scan, seg.state(l).(*recurrent)
	per := s.Heads / s.Groups
	lo, hi := g*per+block*per/blocks, g*per+(block+1)*per/blocks
	for at := 0; at < seg.n; at += scanChunk {
		n := min(scanChunk, seg.n-at)
		sc.begin(s.State, s.HeadSize, n, false)
		for t := range n {
			row := p.v[(seg.at+at+t)*s.channels()+s.inner()+g*s.State:]
			copy(sc.key(t), row)
			copy(sc.query(t), row[s.keys():])
		}
		for h := lo; h < hi; h++ {
			m.heads.run(w, st, at, h, m.rows(p, w, seg.at+at, h))
		}
	}
}

// rows returns where head h finds its values from a row of the pass on.
func (m *mamba2) rows(p *pass, w *worker, row, h int) headRows {
	s := &m.spec
	all, i := s.projected(), h*s.HeadSize
	return headRows{
		x: strided{p.v[row*s.channels()+i:], s.channels()}, z: strided{p.q[row*all+i:], all},
		dt: strided{p.q[(row+1)*all-s.Heads+h:], all}, out: strided{p.mixed(w)[row*s.inner()+i:], s.inner()},
	}
}

// normGroups norms the groups of the worker's rows.
func (m *mamba2) normGroups(w *worker) {
	if m.norm == nil {
		return
	}
	n := m.spec.inner()
	size := n / m.spec.Groups
	for t := w.lo; t < w.hi; t++ {
		for at := 0; at < n; at += size {
			x := w.heads[t*n+at:][:size]
			norm(x, x, m.norm[at:][:size], m.eps)
		}
	}
}
