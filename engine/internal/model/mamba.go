package model

import (
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// Mamba is the selective state space mixer of Mamba 1 (arXiv 2312.00752). From its normed input h a layer computes
//
//	[x | z] = W_in · h      x = silu(conv(x) + b)      [dt | B | C] = W_x · x      Δ = softplus(W_dt · dt + b_dt)
//
// and per channel c, with a state of N values, s_n = exp(A_cn·Δ_c)·s_n + Δ_c·x_c·B_n, and y_c = Σ s_n·C_n + D_c·x_c.
// What comes out is W_out · (y ⊙ silu(z)).
type Mamba struct {
	Inner, State, Rank int  // channels, values of a channel's state, and of dt
	Conv               int  // tokens that the convolution sees
	Norms              bool // dt, B and C are normed, with weights
	BareNorms          bool // or without
	// Heads above 0 says that channels are in so many heads, which share Δ, A and D as in Mamba 2 (PLaMo 2). The rows of
	// W_in are those of [z | x] of each head, W_x gives [B | C | dt], and the convolution has no bias.
	Heads int
}

// mamba is a state space mixer with its weights.
type mamba struct {
	output
	spec                 Mamba
	in, x, dt            Linear // [2·inner, width], [rank + 2·state, inner], [inner, rank]
	conv                 *conv
	heads                ssmHeads     // of a mixer with heads, which has them in place of the next three
	decay                []float32    // A [state][inner]
	deltaBias, direct    []float32    // b_dt and D, [inner]
	dtNorm, bNorm, cNorm *normWeights // nil: none
	types, xTypes, low   []kernel.ActType
}

func (s Mamba) load(ld *Loader, i int) mixer {
	name := func(n string) string { return LayerName(i, n) }
	m := &mamba{spec: s}
	if s.Heads > 0 {
		m.loadHeads(ld, name)
	} else {
		m.loadChannels(ld, name)
	}
	m.loadNorms(ld, name)
	if ld.err == nil {
		m.types, m.xTypes, m.low, m.output.types = actTypes(m.in), actTypes(m.x), actTypes(m.dt), actTypes(m.o)
	}
	return m
}

func (m *mamba) loadChannels(ld *Loader, name func(string) string) {
	s := &m.spec
	m.in = ld.linear(name("ssm_in"), 2*s.Inner, ld.spec.Width, true)
	m.conv = ld.conv(name("ssm_conv1d"), s.Conv, s.Inner, true, true)
	m.x = ld.linear(name("ssm_x"), s.Rank+2*s.State, s.Inner, false)
	m.dt = ld.linear(name("ssm_dt"), s.Inner, s.Rank, false)
	m.deltaBias = ld.vector(name("ssm_dt.bias"), s.Inner, true)
	a := ld.floats(name("ssm_a"), s.State, s.Inner)
	m.direct = ld.vector(name("ssm_d"), s.Inner, true)
	m.o = ld.linear(name("ssm_out"), ld.spec.Width, s.Inner, true)
	if ld.err == nil {
		m.decay = make([]float32, len(a))
		kernel.Transpose(m.decay, s.Inner, a, s.State, s.Inner, s.State)
	}
}

func (m *mamba) loadNorms(ld *Loader, name func(string) string) {
	switch s := m.spec; {
	case s.Norms:
		m.dtNorm, m.bNorm, m.cNorm = ld.norm(name("ssm_dt_norm"), s.Rank), ld.norm(name("ssm_b_norm"), s.State), ld.norm(name("ssm_c_norm"), s.State)
	case s.BareNorms:
		bare := &normWeights{eps: ld.spec.Eps}
		m.dtNorm, m.bNorm, m.cNorm = bare, bare, bare
	}
}

func (m *mamba) inputs() []kernel.ActType { return m.types }

// shareable: the past is summed up by chunks of a prompt, so rows depend on where it is cut.
func (m *mamba) shareable() bool { return false }

func (m *mamba) include(e *executor) {
	s, most := &m.spec, &e.most
	most.q, most.k = max(most.q, 2*s.Inner), max(most.k, m.x.Rows)
	most.v, most.low = max(most.v, s.Inner), max(most.low, s.Rank)
	e.includeMixed(s.Inner)
}

// stateSize returns the values of all channels' states; the convolution's come behind them.
func (s *Mamba) stateSize() int { return s.State * s.Inner }

func (m *mamba) remembered() int { return m.spec.stateSize() + m.conv.stateSize() }

func (m *mamba) newState(CacheFormat, int) State { return newRecurrent(m.remembered()) }

func (m *mamba) size(CacheFormat) CacheSize { return recurrentSize(m.remembered()) }

func (m *mamba) bytes(CacheFormat, int) (weights, cache int) {
	return matrixBytes(m.in.Matrix, m.x.Matrix, m.dt.Matrix, m.o.Matrix), 4 * m.remembered()
}

func (m *mamba) run(p *pass, w *worker, l *Layer) {
	if p.probe.begins(StageInput) {
		p.project(w, &w.in, projection{m.in, p.q})
		w.Barrier()
		lo, hi := w.shareAligned(m.spec.Inner)
		for i := range p.segments {
			m.convolve(p, w, &p.segments[i], l, lo, hi)
		}
		p.mixedDone(w, m.spec.Inner)
		m.project(p, w)
		if m.spec.Heads > 0 {
			m.mixHeads(p, w, l)
		} else {
			for i := range p.segments {
				m.mix(p, w, &p.segments[i], l, lo, hi)
			}
		}
		p.mixedDone(w, m.spec.Inner)
	}
	p.probe.headsDone(p, w)
	if !p.probe.ends(StageHeads) {
		m.output.project(p, w)
	}
}

// convolve computes channels lo … hi-1 of x for a segment.
func (m *mamba) convolve(p *pass, w *worker, seg *segment, l *Layer, lo, hi int) {
	if lo == hi {
		return
	}
	n, st := m.spec.Inner, seg.state(l).(*recurrent)
	in := convInput{rows: p.q[seg.at*2*n:], before: st.from[m.spec.stateSize():], stride: 2 * n}
	out := p.mixed(w)
	for t := range seg.n {
		m.conv.activated(&w.mix, out[(seg.at+t)*n+lo:][:hi-lo], in, t, lo)
	}
	m.conv.keep(st.to[m.spec.stateSize():], in, seg.n, lo, hi)
}

// project computes [dt | B | C] of x, p.k, and W_dt · dt, p.v. It ends with a barrier.
func (m *mamba) project(p *pass, w *worker) {
	s, row := &m.spec, m.x.Rows
	p.reset(w, &w.out, w.heads, s.Inner)
	p.sync(w)
	p.quantize(w, &w.out, m.xTypes)
	p.project(w, &w.out, projection{m.x, p.k})
	w.Barrier()
	for t := w.lo; t < w.hi; t++ {
		dt := w.low[t*s.Rank:][:s.Rank]
		if copy(dt, p.k[t*row+m.stepsAt():]); m.dtNorm != nil {
			m.dtNorm.apply(dt, dt)
		}
	}
	p.reset(w, &w.lowQ, w.low, s.Rank)
	p.sync(w)
	p.quantize(w, &w.lowQ, m.low)
	p.project(w, &w.lowQ, projection{m.dt, p.v})
	w.Barrier()
}

// mix runs channels lo … hi-1 of a segment. In a batch y takes the place of x.
func (m *mamba) mix(p *pass, w *worker, seg *segment, l *Layer, lo, hi int) {
	if lo == hi {
		return
	}
	s, st, row := &m.spec, seg.state(l).(*recurrent), m.x.Rows
	for n := range s.State {
		copy(st.to[n*s.Inner+lo:n*s.Inner+hi], st.from[n*s.Inner+lo:])
	}
	out := p.mixed(w)
	bc := sized(&w.key, 2*s.State)
	for t := seg.at; t < seg.at+seg.n; t++ {
		b, c := bc[:s.State], bc[s.State:]
		m.inputAndOutput(b, c, p.k[t*row+s.Rank:])
		at := t*s.Inner + lo
		delta, x := p.v[at:][:hi-lo], w.heads[at:][:hi-lo]
		for i, v := range delta {
			delta[i] = softplus(v + m.deltaBias[lo+i])
		}
		y := m.token(w, st.to, b, c, delta, x, lo)
		kernel.SiLUMul(out[at:][:hi-lo], p.q[2*t*s.Inner+s.Inner+lo:][:hi-lo], y)
	}
}

// inputAndOutput makes B and C of what W_x gives.
func (m *mamba) inputAndOutput(b, c, row []float32) {
	copy(b, row)
	if copy(c, row[len(b):]); m.bNorm != nil {
		m.bNorm.apply(b, b)
		m.cNorm.apply(c, c)
	}
}

// token takes the state of channels from lo on one token further and returns y, valid until the next call.
func (m *mamba) token(w *worker, state, b, c, delta, x []float32, lo int) []float32 {
	n := len(x)
	buf := sized(&w.mix.tmp, 3*n)
	y, in, tmp := buf[:n], buf[n:2*n], buf[2*n:3*n]
	vek32.Mul_Into(y, x, m.direct[lo:][:n])
	vek32.Mul_Into(in, x, delta)
	for i := range m.spec.State {
		at := i*m.spec.Inner + lo
		s := state[at:][:n]
		vek32.Mul_Into(tmp, delta, m.decay[at:][:n])
		kernel.ExpSum(tmp, tmp, 0)
		vek32.Mul_Inplace(s, tmp)
		vek32.MulNumber_Into(tmp, in, b[i])
		vek32.Add_Inplace(s, tmp)
		vek32.MulNumber_Into(tmp, s, c[i])
		vek32.Add_Inplace(y, tmp)
	}
	return y
}
