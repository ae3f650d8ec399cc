package engine

import (
	"math"

	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/latentgo/latentgo/internal/pool"
)

// The block builder: attention and feed-forward of one layer, with what a model has not left out. Data is handed from
// worker to worker at barriers only.

// attention computes x += post(W_O · attention(norm(x))).
func (p *pass) attention(w *pool.Worker, ln *lane, l *layer, i, lo, hi int) {
	p.heads(w, ln, l, p.stores[i], lo, hi)
	p.combine(w, ln, l, lo, hi)
	p.addTo(ln, l.oBias, l.postAttnNorm, lo, hi)
}

// heads computes the outputs of the attention heads.
func (p *pass) heads(w *pool.Worker, ln *lane, l *layer, s *attention.Store, lo, hi int) {
	p.rmsNorm(ln.h, ln.x, l.attnNorm, lo, hi)
	p.quantize(w, &ln.in, l.inForms, lo, hi)
	p.projectInput(w, ln, l)
	w.Barrier()
	if l.lat != nil {
		p.attendLatent(w, ln, l, s, lo, hi)
	} else if p.single() {
		p.attendOne(w, ln, l, s)
	} else {
		p.attendMany(w, ln, l, s, lo, hi)
	}
}

// combine multiplies the heads' outputs by W_O.
func (p *pass) combine(w *pool.Worker, ln *lane, l *layer, lo, hi int) {
	p.quantize(w, &ln.out, l.outForms, lo, hi)
	p.project(w, &ln.out, projection{l.o, p.o})
	w.Barrier()
}

// projectInput computes queries, and keys with values or the rows that stand for them.
func (p *pass) projectInput(w *pool.Worker, ln *lane, l *layer) {
	if len(l.in) == 2 {
		p.project(w, &ln.in, projection{l.in[0], p.q}, projection{l.in[1], p.k})
		return
	}
	p.project(w, &ln.in, projection{l.in[0], p.q}, projection{l.in[1], p.k}, projection{l.in[2], p.v})
}

// attendOne is a decode step: cached positions are shared out in parts; whoever has the newest appends the token first.
func (p *pass) attendOne(w *pool.Worker, ln *lane, l *layer, s *attention.Store) {
	a := l.attn
	table := p.tables[l.rope]
	q := ln.query[:a.Heads*a.KeySize]
	copy(q, p.q)
	p.rotateQuery(q, l, table, p.pos)
	a.PrepareQueries(&p.scratch[w.ID], s, q)
	for {
		i, _, ok := w.Take(a.Parts(p.pos), 1)
		if !ok {
			break
		}
		if g, ok := a.Newest(i, p.pos); ok {
			k := ln.key[:a.KeySize]
			copy(k, p.k[g*a.KeySize:])
			v := p.v[g*a.ValueSize:][:a.ValueSize]
			p.append(s, l, table, p.pos, g, k, v)
		}
		a.Decode(&p.part, i, s, p.pos, q, &p.scratch[w.ID])
	}
	w.Barrier()
	a.Combine(ln.att, &p.part, p.pos, 0, a.Heads, &p.scratch[w.ID])
}

// attendMany is prefill: all tokens are appended, then each attends up to itself.
func (p *pass) attendMany(w *pool.Worker, ln *lane, l *layer, s *attention.Store, lo, hi int) {
	a := l.attn
	nq, nk, nv := a.Heads*a.KeySize, a.KVHeads*a.KeySize, a.KVHeads*a.ValueSize
	dims := p.ropes[l.rope].Dims()
	for t := lo; t < hi; t++ {
		table := p.tables[l.rope][t*dims:][:dims]
		p.rotateQuery(p.q[t*nq:][:nq], l, table, p.pos+t)
		for g := range a.KVHeads {
			k, v := p.k[t*nk+g*a.KeySize:][:a.KeySize], p.v[t*nv+g*a.ValueSize:][:a.ValueSize]
			p.append(s, l, table, p.pos+t, g, k, v)
		}
	}
	w.Barrier()
	for {
		i, _, ok := w.Take(a.Tiles(p.pos, len(p.ids)), 1)
		if !ok {
			break
		}
		a.Prefill(ln.att, i, s, p.pos, len(p.ids), p.q, &p.scratch[w.ID])
	}
	w.Barrier()
}

// rotateQuery readies a token's query and rotates each head.
func (p *pass) rotateQuery(q []float32, l *layer, table []float32, pos int) {
	p.readyQuery(q, l, pos)
	d := l.geo.KeySize
	for h := range l.geo.Heads {
		p.ropes[l.rope].Rotate(q[h*d:][:d], table)
	}
}

// readyQuery adds the bias to a token's query, norms and scales each head.
func (p *pass) readyQuery(q []float32, l *layer, pos int) {
	addBias(q, l.qBias, 0, 1)
	d := l.geo.KeySize
	for h := 0; l.qNorm != nil && h < l.geo.Heads; h++ {
		head := q[h*d:][:d]
		norm(head, head, l.qNorm, p.h.eps)
	}
	scale(q, p.h.scale*p.temperature(pos))
}

// append readies key/value head g of a token, rotates the key, and caches both. k and v are changed.
func (p *pass) append(s *attention.Store, l *layer, table []float32, pos, g int, k, v []float32) {
	p.readyKV(l, g, k, v)
	p.ropes[l.rope].Rotate(k, table)
	s.Append(pos, g, k, v)
}

// readyKV adds biases to key/value head g of a token and norms the key.
func (p *pass) readyKV(l *layer, g int, k, v []float32) {
	if l.kBias != nil {
		addBias(k, l.kBias[g*len(k):][:len(k)], 0, 1)
	}
	if l.vBias != nil {
		addBias(v, l.vBias[g*len(v):][:len(v)], 0, 1)
	}
	if l.kNorm != nil {
		norm(k, k, l.kNorm, p.h.eps)
	}
}

// temperature is the factor by which queries grow with their position in models trained so (Llama 4, Ministral 3).
func (p *pass) temperature(pos int) float32 {
	if p.h.tempScale == 0 {
		return 1
	}
	return float32(math.Log(float64(pos/p.h.tempFloor)+1)*p.h.tempScale + 1)
}

// feedForward computes x += post(W_down · (act(W_gate·h) ⊙ W_up·h)), h = norm(x).
func (p *pass) feedForward(w *pool.Worker, ln *lane, l *layer, lo, hi int) {
	p.hidden(w, ln, l, lo, hi)
	if l.moe != nil {
		p.experts(w, ln, l, lo, hi)
	} else {
		p.down(w, ln, l, lo, hi)
	}
	p.addTo(ln, l.downBias, l.postFFNNorm, lo, hi)
}

// hidden computes act(W_gate·h) ⊙ W_up·h, of a mixture of experts for the shared ones.
func (p *pass) hidden(w *pool.Worker, ln *lane, l *layer, lo, hi int) {
	p.rmsNorm(ln.h, ln.x, l.ffnNorm, lo, hi)
	p.quantize(w, &ln.in, l.ffnForms, lo, hi)
	if l.moe != nil && !l.moe.shared {
		return
	}
	ff := l.gate.Rows
	grain := p.grain(w, ff)
	for {
		r0, r1, ok := w.Take(ff, grain)
		if !ok {
			break
		}
		l.gate.Mul(p.gate, ff, &ln.in, r0, r1)
		l.up.Mul(p.up, ff, &ln.in, r0, r1)
		for t := range p.ids {
			p.activate(l, p.gate[t*ff:][r0:r1], p.up[t*ff:][r0:r1], r0, r1)
		}
	}
	w.Barrier()
}

// down multiplies what hidden found by W_down.
func (p *pass) down(w *pool.Worker, ln *lane, l *layer, lo, hi int) {
	p.quantize(w, &ln.ffn, l.downForms, lo, hi)
	p.project(w, &ln.ffn, projection{l.down, p.o})
	w.Barrier()
}

// activate computes gate = act(gate) ⊙ up for rows r0 … r1-1 of one token.
func (p *pass) activate(l *layer, gate, up []float32, r0, r1 int) {
	if l.gateBias != nil {
		addBias(gate, l.gateBias[r0:r1], 0, 1)
	}
	if l.upBias != nil {
		addBias(up, l.upBias[r0:r1], 0, 1)
	}
	p.actMul(gate, up)
}

// actMul computes gate = act(gate) ⊙ up.
func (p *pass) actMul(gate, up []float32) {
	if p.h.arch.gelu {
		kernel.GELUMul(gate, gate, up)
	} else {
		kernel.SiLUMul(gate, gate, up)
	}
}
