package model

import (
	"fmt"
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// MaxNGram is more tokens than any model's n-grams have, and MaxNGramRows more rows than any looks up for a token.
const (
	MaxNGram     = 8
	MaxNGramRows = 64
)

// NGrams adds to the copies of the residual stream before a layer what rows of a table say of a token and those before
// it (Qwen 4). For n from 2 to Size, Heads rows are looked up at
//
//	(t_0·Multipliers_0 xor … xor t_n-1·Multipliers_n-1) mod Counts_h + Offsets_h
//
// t_i being the token i before; where the text, or after an end token, a text before it has no more there stands End.
// With e these rows, one behind the other, copy S_j gets
//
//	v_j + silu(conv(norm_c(v)))_j    v_j = g(norm_k(W_k · e)_j · norm_q(S)_j / √width)·W_v·e    g(s) = σ(sign(s)·√|s|)
//
// conv sees Conv tokens, Size apart.
type NGrams struct {
	Copies, Size, Heads, RowSize, Conv int
	End                                int32
	Multipliers, Offsets, Counts       []int64
}

// rows returns how many rows are looked up for a token.
func (s *NGrams) rows() int { return (s.Size - 1) * s.Heads }

// nGrams is that with its weights.
type nGrams struct {
	spec                     NGrams
	table                    *kernel.Matrix // [rows, size]
	key, value               Linear         // [copies·width, width], [width, width]
	keyNorm, query, convNorm []float32      // [copies, width]
	conv                     *conv
	eps                      float32
	types                    []kernel.ActType
}

func (s NGrams) load(ld *Loader, i int) *nGrams {
	name := func(n string) string { return LayerName(i, n) }
	width, all := ld.spec.Width, s.Copies*ld.spec.Width
	m := &nGrams{spec: s, eps: ld.spec.Eps, table: ld.nGramTable(&s)}
	m.key, m.value = ld.linear(name("ple_key"), all, width, false), ld.linear(name("ple_value"), width, width, false)
	m.keyNorm = ld.flatFloats(name("ple_norm_key.weight"), width, s.Copies)
	m.query = ld.flatFloats(name("ple_norm_query.weight"), width, s.Copies)
	m.convNorm = ld.flatFloats(name("ple_norm_conv.weight"), width, s.Copies)
	m.conv = ld.conv(name("ple_conv1d"), s.Conv, all, false, false)
	if ld.err == nil {
		m.types = actTypes(m.key, m.value)
	}
	return m
}

// nGramTable loads the table, which may have more rows than are looked up.
func (ld *Loader) nGramTable(s *NGrams) *kernel.Matrix {
	const name = "per_layer_token_embd.weight"
	t, err := ld.tensor(name)
	if err != nil || len(t.Shape) != 2 || t.Shape[1] > math.MaxInt32 {
		return ld.matrix(name, 0, s.RowSize) // says what is wrong
	}
	for h := range s.rows() {
		if end := s.Offsets[h] + s.Counts[h]; end > int64(t.Shape[1]) {
			ld.fail(t, fmt.Errorf("%d rows, the n-grams need %d: %w", t.Shape[1], end, ErrInvalid))
		}
	}
	return ld.matrix(name, int(t.Shape[1]), s.RowSize)
}

func (m *nGrams) include(e *executor) {
	all, most := m.key.Rows, &e.most
	most.gates, most.v, most.heads = max(most.gates, all), max(most.v, m.value.Rows), max(most.heads, all)
}

func (m *nGrams) bytes() int { return matrixBytes(m.key.Matrix, m.value.Matrix) }

// past returns how many tokens the convolution sees before its own.
func (m *nGrams) past() int { return (m.spec.Conv - 1) * m.spec.Size }

// stateSize returns what is remembered: inputs of the convolution [past, copies·width], then tokens plus one, 0 for none.
func (m *nGrams) stateSize() int { return m.past()*m.key.Rows + m.spec.Size - 1 }

// add adds to the worker's rows of the copies; m may be nil. It ends with a barrier.
func (m *nGrams) add(p *pass, w *worker, l *Layer) {
	if m == nil {
		return
	}
	e, n, all := p.width, m.spec.Copies, m.key.Rows
	m.eachRow(p, w, l, func(seg *segment, st *recurrent, t int) { m.embed(p, seg, st, t, w.h[t*e:][:e]) })
	p.reset(w, &w.in, w.h, e)
	p.sync(w)
	p.quantize(w, &w.in, m.types)
	p.project(w, &w.in, projection{m.key, p.gates}, projection{m.value, p.v})
	w.Barrier()
	tmp := sized(&w.mix.tmp, 2*all)
	for t := w.lo; t < w.hi; t++ {
		key, query, copies, value := tmp[:all], tmp[all:], p.copiesOf(w, t), p.v[t*e:][:e]
		normCopies(key, p.gates[t*all:][:all], m.keyNorm, e, m.eps)
		normCopies(query, copies, m.query, e, m.eps)
		gated := w.heads[t*all:][:all]
		for j := range n {
			g := gateOf(vek32.Dot(key[j*e:][:e], query[j*e:][:e]) / float32(math.Sqrt(float64(e))))
			vek32.MulNumber_Into(gated[j*e:][:e], value, g)
		}
		vek32.Add_Inplace(copies, gated)
		normCopies(gated, gated, m.convNorm, e, m.eps)
	}
	p.sync(w)
	m.eachRow(p, w, l, func(seg *segment, st *recurrent, t int) {
		m.convolve(w, seg, st, t, tmp[:all], tmp[all:])
		w.mix.silu(tmp[:all], tmp[:all])
		vek32.Add_Inplace(p.copiesOf(w, t), tmp[:all])
	})
	w.Barrier() // of the first tokens of a text the past is where what is remembered goes
	for i := range p.segments {
		m.keep(p, w, &p.segments[i], m.state(&p.segments[i], l))
	}
	w.Barrier()
}

// gateOf is g.
func gateOf(s float32) float32 {
	root := float32(math.Sqrt(max(math.Abs(float64(s)), 1e-6)))
	switch {
	case s < 0:
		root = -root
	case s == 0:
		root = 0
	}
	return sigmoidOf(root)
}

// eachRow calls f for the worker's rows.
func (m *nGrams) eachRow(p *pass, w *worker, l *Layer, f func(seg *segment, st *recurrent, t int)) {
	for i := range p.segments {
		seg := &p.segments[i]
		st := m.state(seg, l)
		for t := max(w.lo, seg.at); t < min(w.hi, seg.at+seg.n); t++ {
			f(seg, st, t)
		}
	}
}

func (m *nGrams) state(seg *segment, l *Layer) *recurrent {
	return seg.seq.states[l.state].(*bothStates)[1].(*recurrent)
}

// token returns the token of row t of a segment, which may be before it, or -1.
func (m *nGrams) token(p *pass, seg *segment, st *recurrent, t int) int32 {
	if t >= seg.at {
		return p.ids[t]
	}
	tokens := st.from[m.past()*m.key.Rows:]
	return int32(tokens[len(tokens)+t-seg.at]) - 1
}

// embed looks up the rows for row t: dst [width].
func (m *nGrams) embed(p *pass, seg *segment, st *recurrent, t int, dst []float32) {
	s := &m.spec
	mixed, ended := uint64(p.ids[t])*uint64(s.Multipliers[0]), false
	for n := 1; n < s.Size; n++ {
		id := s.End
		if !ended {
			if id = m.token(p, seg, st, t-n); id < 0 || id == s.End {
				id, ended = s.End, true
			}
		}
		mixed ^= uint64(id) * uint64(s.Multipliers[n])
		for h := (n - 1) * s.Heads; h < n*s.Heads; h++ {
			m.table.Row(dst[h*s.RowSize:][:s.RowSize], int(mixed%uint64(s.Counts[h]))+int(s.Offsets[h]))
		}
	}
}

// convolve writes what the convolution gives for row t; tmp is as long as dst.
func (m *nGrams) convolve(w *worker, seg *segment, st *recurrent, t int, dst, tmp []float32) {
	clear(dst)
	for k := range m.conv.size {
		vek32.Mul_Into(tmp, m.conv.weight[k*len(dst):][:len(dst)], m.input(w, seg, st, t-(m.conv.size-1-k)*m.spec.Size))
		vek32.Add_Inplace(dst, tmp)
	}
}

// input returns that of the convolution at row t of a segment, which may be before it.
func (m *nGrams) input(w *worker, seg *segment, st *recurrent, t int) []float32 {
	all := m.key.Rows
	if t >= seg.at {
		return w.heads[t*all:][:all]
	}
	return st.from[(m.past()+t-seg.at)*all:][:all]
}

// keep writes this worker's share of what is remembered behind a segment.
func (m *nGrams) keep(p *pass, w *worker, seg *segment, st *recurrent) {
	all, end := m.key.Rows, seg.at+seg.n
	lo, hi := w.Share(m.past())
	if lo < hi && seg.n < m.past() && &st.from[0] == &st.to[0] { // the past is all zeros
		lo = max(lo, m.past()-seg.n)
	}
	for i := lo; i < hi; i++ {
		copy(st.to[i*all:][:all], m.input(w, seg, st, end-m.past()+i))
	}
	if w.ID > 0 {
		return
	}
	n := m.spec.Size - 1
	for i := range n {
		st.to[m.past()*all+i] = float32(m.token(p, seg, st, end-n+i) + 1)
	}
}

// gramMixer is a mixer of a layer before which n-grams are added: its state is beside what these remember.
type gramMixer struct {
	mixer
	grams *nGrams
}

func (m *gramMixer) include(e *executor) {
	m.mixer.include(e)
	m.grams.include(e)
}

func (m *gramMixer) newState(f CacheFormat, n int) State {
	return &bothStates{m.mixer.newState(f, n), newRecurrent(m.grams.stateSize())}
}

func (m *gramMixer) size(f CacheFormat) CacheSize {
	c := m.mixer.size(f)
	c.Fixed += recurrentSize(m.grams.stateSize()).Fixed
	return c
}

func (m *gramMixer) bytes(f CacheFormat, depth int) (weights, cache int) {
	weights, cache = m.mixer.bytes(f, depth)
	return weights + m.grams.bytes(), cache + 4*m.grams.stateSize()
}

// shareable: what convolutions remember is of where a pass ends.
func (m *gramMixer) shareable() bool { return false }
