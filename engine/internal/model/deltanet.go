package model

import (
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// DeltaNet is the gated delta net of Qwen 3 Next (arXiv 2412.06464). From its normed input h a layer computes
//
//	[q | k | v] = silu(conv(W_qkv · h))   z = W_z · h   β = σ(W_β · h)   log a = A·softplus(W_α · h + b)
//
// and per value head, with q and k of unit length and q divided by √d, the state S by the delta rule (see scan). A
// head's result is normed and multiplied by silu(z) before W_out. Several value heads share a query and a key.
type DeltaNet struct {
	KeyHeads, ValueHeads int
	KeySize, ValueSize   int // of a head
	Conv                 int // tokens that the convolution sees
	// Neighbours says that the value heads which share a key are next to each other, as in Qwen 3 Next; otherwise value
	// head i has key i mod KeyHeads. With it the projections of β and α are one tensor, ssm_ba, and all others may be,
	// ssm_in.
	Neighbours bool
	Scales     bool // scale tensors of the projections count
	Sigmoid    bool // results are multiplied by σ(z) instead (Qwen 4)
}

// deltaNet is a gated delta net with its weights.
type deltaNet struct {
	output
	spec        DeltaNet
	qkv, z      Linear // [2·keys + values, width], [values, width]
	beta, alpha Linear // [value heads, width]
	conv        *conv
	decay       []float32 // per value head: A
	decayBias   []float32 // and b
	norm        []float32 // [value size]
	eps         float32
	types       []kernel.ActType
}

// keys and values return the widths of all keys, or all values.
func (s *DeltaNet) keys() int   { return s.KeyHeads * s.KeySize }
func (s *DeltaNet) values() int { return s.ValueHeads * s.ValueSize }

// channels returns those of the convolution.
func (s *DeltaNet) channels() int { return 2*s.keys() + s.values() }

func (s DeltaNet) load(ld *Loader, i int) mixer {
	name := func(n string) string { return LayerName(i, n) }
	m := &deltaNet{spec: s, eps: ld.spec.Eps}
	m.loadProjections(ld, name)
	m.conv = ld.conv(name("ssm_conv1d"), s.Conv, s.channels(), false, false)
	m.decay = ld.vector(name("ssm_a"), s.ValueHeads, true)
	m.decayBias = ld.vector(name("ssm_dt.bias"), s.ValueHeads, true)
	m.norm = ld.vector(name("ssm_norm.weight"), s.ValueSize, true)
	m.o = ld.linear(name("ssm_out"), ld.spec.Width, s.values(), s.Scales)
	if ld.err == nil {
		m.types, m.output.types = actTypes(m.qkv, m.z, m.beta, m.alpha), actTypes(m.o)
	}
	return m
}

// loadProjections loads what the input is multiplied by.
func (m *deltaNet) loadProjections(ld *Loader, name func(string) string) {
	s, width := m.spec, ld.spec.Width
	old := s.Neighbours && ld.has(name("ssm_in.weight"))
	if old && !ld.has(name("attn_qkv.weight")) {
		m.splitInput(ld.linear(name("ssm_in"), 2*s.keys()+2*s.values(), width, false))
	} else {
		if old {
			ld.ignore(name("ssm_in")) // the same in another order
		}
		m.qkv = ld.linear(name("attn_qkv"), s.channels(), width, s.Scales)
		m.z = ld.linear(name("attn_gate"), s.values(), width, s.Scales)
	}
	if !s.Neighbours {
		m.beta = ld.linear(name("ssm_beta"), s.ValueHeads, width, s.Scales)
		m.alpha = ld.linear(name("ssm_alpha"), s.ValueHeads, width, s.Scales)
		return
	}
	if both := ld.linear(name("ssm_ba"), 2*s.ValueHeads, width, false); both.Matrix != nil {
		n := s.ValueHeads / s.KeyHeads
		parts := both.regroup(s.KeyHeads, n, n)
		m.beta, m.alpha = parts[0], parts[1]
	}
}

// splitInput takes the projections from one matrix with all that belongs to a key head together.
func (m *deltaNet) splitInput(in Linear) {
	if in.Matrix == nil {
		return
	}
	s, n := m.spec, m.spec.values()/m.spec.KeyHeads
	parts := in.regroup(s.KeyHeads, s.KeySize, s.KeySize, n, n)
	m.qkv = joined(parts[0], parts[1], parts[2])
	m.z = parts[3]
}

func (m *deltaNet) inputs() []kernel.ActType { return m.types }

// shareable: the past is summed up by chunks of a prompt, so rows depend on where it is cut.
func (m *deltaNet) shareable() bool { return false }

func (m *deltaNet) include(e *executor) {
	s, most := &m.spec, &e.most
	most.q, most.v = max(most.q, s.channels()), max(most.v, s.values())
	most.k = max(most.k, 2*s.ValueHeads)
	e.includeMixed(s.values())
}

// stateSize returns the values of all heads' states; the convolution's come behind them.
func (s *DeltaNet) stateSize() int { return s.ValueHeads * s.KeySize * s.ValueSize }

func (m *deltaNet) remembered() int { return m.spec.stateSize() + m.conv.stateSize() }

func (m *deltaNet) newState(CacheFormat, int) State { return newRecurrent(m.remembered()) }

func (m *deltaNet) size(CacheFormat) CacheSize { return recurrentSize(m.remembered()) }

func (m *deltaNet) bytes(CacheFormat, int) (weights, cache int) {
	weights = matrixBytes(m.qkv.Matrix, m.z.Matrix, m.beta.Matrix, m.alpha.Matrix, m.o.Matrix)
	return weights, 4 * m.remembered()
}

func (m *deltaNet) run(p *pass, w *worker, l *Layer) {
	if p.probe.begins(StageInput) {
		n := len(p.pos) * m.spec.ValueHeads
		p.project(w, &w.in, projection{m.qkv, p.q}, projection{m.z, p.v}, projection{m.beta, p.k[:n]}, projection{m.alpha, p.k[n:]})
		w.Barrier()
		p.eachHead(w, m.spec.KeyHeads, func(seg *segment, h int) { m.mix(p, w, seg, l, h) })
		p.mixedDone(w, m.spec.values())
	}
	p.probe.headsDone(p, w)
	if !p.probe.ends(StageHeads) {
		m.output.project(p, w)
	}
}

// mix computes the value heads of key head h for a segment.
func (m *deltaNet) mix(p *pass, w *worker, seg *segment, l *Layer, h int) {
	s, st := &m.spec, seg.state(l).(*recurrent)
	in := convInput{rows: p.q[seg.at*s.channels():], before: st.from[s.stateSize():], stride: s.channels()}
	shared := s.ValueHeads / s.KeyHeads
	for at := 0; at < seg.n; at += scanChunk {
		n := min(scanChunk, seg.n-at)
		w.mix.scan.begin(s.KeySize, s.ValueSize, n, true)
		m.readyKeys(w, in, at, h)
		for i := range shared {
			v := h + i*s.KeyHeads
			if s.Neighbours {
				v = h*shared + i
			}
			m.head(p, w, st, in, seg.at, at, v)
		}
	}
	after := st.to[s.stateSize():]
	for i := range shared + 2 {
		lo, hi := h*s.KeySize, (h+1)*s.KeySize
		switch {
		case i == 1:
			lo, hi = lo+s.keys(), hi+s.keys()
		case i > 1:
			v := h + (i-2)*s.KeyHeads
			if s.Neighbours {
				v = h*shared + i - 2
			}
			lo = 2*s.keys() + v*s.ValueSize
			hi = lo + s.ValueSize
		}
		m.conv.keep(after, in, seg.n, lo, hi)
	}
}

// readyKeys makes keys and queries of key head h for the scan's tokens, from token at of the segment on.
func (m *deltaNet) readyKeys(w *worker, in convInput, at, h int) {
	s, x := &m.spec, &w.mix
	for t := range x.scan.n {
		q, k := x.scan.query(t), x.scan.key(t)
		m.conv.activated(x, q, in, at+t, h*s.KeySize)
		m.conv.activated(x, k, in, at+t, s.keys()+h*s.KeySize)
		unit(q, m.eps)
		unit(k, m.eps)
		vek32.MulNumber_Inplace(q, float32(1/math.Sqrt(float64(s.KeySize))))
	}
}

// head runs value head v for the scan's tokens, which are token at on of the segment whose rows begin at row.
func (m *deltaNet) head(p *pass, w *worker, st *recurrent, in convInput, row, at, v int) {
	s, x := &m.spec, &w.mix
	sc, rows := &x.scan, len(p.pos)
	for t := range sc.n {
		m.conv.activated(x, sc.value(t), in, at+t, 2*s.keys()+v*s.ValueSize)
		i := (row+at+t)*s.ValueHeads + v
		sc.beta[t] = sigmoidOf(p.k[i])
		sc.decay[t] = m.decay[v] * softplus(p.k[rows*s.ValueHeads+i]+m.decayBias[v])
	}
	size := s.KeySize * s.ValueSize
	from, to := st.from[v*size:][:size], st.to[v*size:][:size]
	if at > 0 {
		from = to
	}
	sc.run(to, from)
	out := p.mixed(w)
	for t := range sc.n {
		y, i := sc.out(t), (row+at+t)*s.values()+v*s.ValueSize
		norm(y, y, m.norm, m.eps)
		if z := p.v[i:][:s.ValueSize]; s.Sigmoid {
			gated(out[i:], y, z)
		} else {
			kernel.SiLUMul(out[i:][:s.ValueSize], z, y)
		}
	}
}

// gated sets dst to y ⊙ σ(z).
func gated(dst, y, z []float32) {
	for i, v := range z {
		dst[i] = y[i] * sigmoidOf(v)
	}
}

// unit divides x by its length.
func unit(x []float32, eps float32) {
	vek32.MulNumber_Inplace(x, float32(1/math.Sqrt(float64(kernel.SumSquares(x)+eps))))
}

// softplus returns log(1+exp(v)).
func softplus(v float32) float32 {
	if v > 20 {
		return v
	}
	return float32(math.Log1p(math.Exp(float64(v))))
}
