package model

import (
	"cmp"
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// KDA is Kimi Delta Attention (arXiv 2510.26692), a gated delta net whose state decays by each of its keys' values.
// From its normed input h a layer computes per head
//
//	q, k, v = silu(conv(W·h))   β = σ(W_β·h)   log a = A·softplus(F_b·F_a·h + b)
//
// and with q and k of unit length and q divided by √d the state S [keys, values] and the output,
//
//	S' = diag(a)·S    S = S' + k ⊗ β·(v - S'ᵀk)    y = norm(Sᵀq) ⊙ σ(G_b·G_a·h)
type KDA struct {
	Heads, Size int // values of a key, a query and a value
	Conv        int // tokens that the convolutions see
	// Direct says that F and G are one matrix each in place of two, as in Ling 3.
	Direct bool
	// OneGate says that G is one matrix, ssm_g, and only F two, as in Kimi K3.
	OneGate bool
	// Bound, below 0, is the least that log a can be, Bound·σ(A·(F·h + b)); 0 is the formula above.
	Bound float32
	// Negated says that the file has -A of that formula, and A alone in its shape.
	Negated bool
	UnitEps float32 // of the lengths of q and k; 0 means the model's
}

// kda is that with its weights.
type kda struct {
	output
	spec                  KDA
	q, k, v               Linear // [heads·size, width]
	beta                  Linear // [heads, width]
	decayA, decayB        Linear // F_a [size, width], F_b [heads·size, size]
	gateA, gateB          Linear // G_a and G_b, as large
	convs                 [3]*conv
	decay                 []float32 // [heads]: A
	decayBias             []float32 // [heads·size]: b
	norm                  []float32 // [size]
	eps, unitEps          float32
	types, decayT, gatesT []kernel.ActType
}

func (s *KDA) inner() int { return s.Heads * s.Size }

func (s KDA) load(ld *Loader, i int) mixer {
	name := func(n string) string { return LayerName(i, n) }
	m := &kda{spec: s, eps: ld.spec.Eps, unitEps: cmp.Or(s.UnitEps, ld.spec.Eps)}
	width, inner := ld.spec.Width, s.inner()
	if ld.has(name("attn_qkv.weight")) {
		if all := ld.linear(name("attn_qkv"), 3*inner, width, false); ld.err == nil {
			m.q, m.k, m.v = all.rows(0, inner), all.rows(inner, inner), all.rows(2*inner, inner)
		}
	} else {
		m.q, m.k, m.v = ld.linear(name("attn_q"), inner, width, false), ld.linear(name("attn_k"), inner, width, false), ld.linear(name("attn_v"), inner, width, false)
	}
	m.beta = ld.linear(name("ssm_beta"), s.Heads, width, false)
	m.decayA, m.decayB = ld.lowRank(name("ssm_f_a"), name("ssm_f_b"), inner, s.Size, s.Direct)
	if s.OneGate {
		m.gateA = ld.linear(name("ssm_g"), inner, width, false)
	} else {
		m.gateA, m.gateB = ld.lowRank(name("ssm_g_a"), name("ssm_g_b"), inner, s.Size, s.Direct)
	}
	for j, n := range []string{"ssm_conv1d_q", "ssm_conv1d_k", "ssm_conv1d_v"} {
		m.convs[j] = ld.conv(name(n), s.Conv, inner, false, false)
	}
	if s.Negated {
		m.decay = ld.vector(name("ssm_a"), s.Heads, true)
		scale(m.decay, -1)
	} else {
		m.decay = ld.floats(name("ssm_a"), 1, s.Heads)
	}
	m.decayBias = ld.vector(name("ssm_dt.bias"), inner, true)
	m.norm = ld.vector(name("ssm_norm.weight"), s.Size, true)
	m.o = ld.linear(name("attn_output"), width, inner, false)
	m.types = actTypes(m.q, m.k, m.v, m.beta, m.decayA, m.gateA)
	m.decayT, m.gatesT, m.output.types = actTypes(m.decayB), actTypes(m.gateB), actTypes(m.o)
	return m
}

// lowRank loads a matrix [rows, width] as two through so many values, or as the first alone.
func (ld *Loader) lowRank(first, second string, rows, rank int, direct bool) (a, b Linear) {
	if direct {
		return ld.linear(first, rows, ld.spec.Width, false), Linear{}
	}
	return ld.linear(first, rank, ld.spec.Width, false), ld.linear(second, rows, rank, false)
}

func (m *kda) inputs() []kernel.ActType { return m.types }

// shareable: what a token leaves in the state can't be taken back.
func (m *kda) shareable() bool { return false }

func (m *kda) include(e *executor) {
	inner, most := m.spec.inner(), &e.most
	most.q, most.k, most.v = max(most.q, inner), max(most.k, inner), max(most.v, inner)
	most.gates, most.rows = max(most.gates, inner), max(most.rows, inner+m.spec.Heads)
	most.ff = max(most.ff, m.spec.Size)
	e.includeMixed(inner)
}

// stateSize returns the values of all heads' states; the convolutions' come behind them.
func (s *KDA) stateSize() int { return s.inner() * s.Size }

func (m *kda) remembered() int { return m.spec.stateSize() + 3*m.convs[0].stateSize() }

func (m *kda) newState(CacheFormat, int) State { return newRecurrent(m.remembered()) }

func (m *kda) size(CacheFormat) CacheSize { return recurrentSize(m.remembered()) }

func (m *kda) bytes(CacheFormat, int) (weights, cache int) {
	weights = matrixBytes(m.q.Matrix, m.k.Matrix, m.v.Matrix, m.beta.Matrix, m.decayA.Matrix, m.decayB.Matrix, m.gateA.Matrix, m.gateB.Matrix, m.o.Matrix)
	return weights, 4 * m.remembered()
}

func (m *kda) run(p *pass, w *worker, l *Layer) {
	if p.probe.begins(StageInput) {
		n := len(p.pos) * m.spec.inner()
		gate, beta := p.queries[:n], p.queries[n:]
		lowDecay, lowGate := p.gate, p.up
		if m.decayB.Matrix == nil {
			lowDecay = p.gates
		}
		if m.gateB.Matrix == nil {
			lowGate = gate
		}
		p.project(w, &w.in, projection{m.q, p.q}, projection{m.k, p.k}, projection{m.v, p.v}, projection{m.beta, beta},
			projection{m.decayA, lowDecay}, projection{m.gateA, lowGate})
		w.Barrier()
		p.raise(w, m.decayB, m.decayT, p.gate, p.gates)
		p.raise(w, m.gateB, m.gatesT, p.up, gate)
		p.eachHead(w, m.spec.Heads, func(seg *segment, h int) { m.mix(p, w, seg, l, h, gate, beta) })
		p.mixedDone(w, m.spec.inner())
	}
	p.probe.headsDone(p, w)
	if !p.probe.ends(StageHeads) {
		m.output.project(p, w)
	}
}

// raise computes dst [rows, m.Rows] = m · x for rows of few values, where there is a matrix. It ends with a
// barrier then.
func (p *pass) raise(w *worker, m Linear, types []kernel.ActType, x, dst []float32) {
	if m.Matrix == nil {
		return
	}
	p.reset(w, &w.ffn, x, m.Cols)
	p.sync(w)
	p.quantize(w, &w.ffn, types)
	p.project(w, &w.ffn, projection{m, dst})
	w.Barrier()
}

// mix computes head h for a segment, token by token: a head's state stays in the processor's cache, and its products
// are few beside those of the weights.
func (m *kda) mix(p *pass, w *worker, seg *segment, l *Layer, h int, gate, beta []float32) {
	s, st, size := &m.spec, seg.state(l).(*recurrent), m.spec.Size
	at, each := seg.at*s.inner(), m.convs[0].stateSize()
	var in [3]convInput
	for j, rows := range [][]float32{p.q, p.k, p.v} {
		in[j] = convInput{rows[at:], st.from[s.stateSize()+j*each:][:each], s.inner()}
	}
	x := &w.mix
	x.scan.begin(size, size, 1, true)
	q, k, v, y := x.scan.query(0), x.scan.key(0), x.scan.value(0), x.scan.out(0)
	from, state := st.from[h*size*size:][:size*size], st.to[h*size*size:][:size*size]
	if &from[0] != &state[0] {
		copy(state, from)
	}
	out := p.mixed(w)
	for t := range seg.n {
		for j, dst := range [][]float32{q, k, v} {
			m.convs[j].activated(x, dst, in[j], t, h*size)
		}
		unit(q, m.unitEps)
		unit(k, m.unitEps)
		vek32.MulNumber_Inplace(q, float32(1/math.Sqrt(float64(size))))
		i := (seg.at+t)*s.inner() + h*size
		m.decayState(state, p.gates[i:][:size], h)
		x.scan.update(state, sigmoidOf(beta[(seg.at+t)*s.Heads+h]))
		norm(y, y, m.norm, m.eps)
		for c, g := range gate[i:][:size] {
			out[i+c] = y[c] * sigmoidOf(g)
		}
	}
	for j, c := range m.convs {
		c.keep(st.to[s.stateSize()+j*each:][:each], in[j], seg.n, h*size, (h+1)*size)
	}
}

// decayState multiplies the state of head h by what x, of one token, makes its keys decay by.
func (m *kda) decayState(state, x []float32, h int) {
	size := len(x)
	for c, v := range x {
		a := -m.decay[h] * softplus(v+m.decayBias[h*size+c])
		if !m.spec.Negated {
			a = -a
		}
		if m.spec.Bound < 0 {
			a = m.spec.Bound * sigmoidOf(m.decay[h]*(v+m.decayBias[h*size+c]))
		}
		vek32.MulNumber_Inplace(state[c*size:][:size], float32(math.Exp(float64(a))))
	}
}
