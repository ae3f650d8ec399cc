package engine

import (
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/pool"
	"github.com/latentgo/latentgo/quant"
)

// The block builder: attention and feed-forward of one layer, with what a model has not left out. Data is handed from
// worker to worker at barriers only.

// attention computes x += post(W_O · attention(norm(x))).
func (p *pass) attention(w *pool.Worker, ln *lane, l *layer, i, lo, hi int) {
	p.rmsNorm(ln.h, ln.x, l.attnNorm, lo, hi)
	p.quantize(w, &ln.in, l.inForms, lo, hi)
	p.project(w, &ln.in, projection{l.q, p.q}, projection{l.k, p.k}, projection{l.v, p.v})
	w.Barrier()
	if p.single() {
		p.attendOne(w, ln, l, p.stores[i])
	} else {
		p.attendMany(w, ln, l, p.stores[i], lo, hi)
	}
	p.quantize(w, &ln.out, l.outForms, lo, hi)
	p.project(w, &ln.out, projection{l.o, p.o})
	w.Barrier()
	p.addTo(ln, l.oBias, l.postAttnNorm, lo, hi)
}

// attendOne is a decode step: cached positions are shared out in parts; whoever has the newest appends the token first.
func (p *pass) attendOne(w *pool.Worker, ln *lane, l *layer, s *attn.Store) {
	a := l.attn
	table := p.tables[l.rope]
	q := ln.query[:a.Heads*a.KeySize]
	copy(q, p.q)
	p.rotateQuery(q, l, table, p.pos)
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
		a.Decode(&p.part, i, s, p.pos, q, p.scratch[w.ID])
	}
	w.Barrier()
	a.Combine(ln.att, &p.part, p.pos)
}

// attendMany is prefill: all tokens are appended, then each attends up to itself.
func (p *pass) attendMany(w *pool.Worker, ln *lane, l *layer, s *attn.Store, lo, hi int) {
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
		i, _, ok := w.Take(a.Tiles(len(p.ids)), 1)
		if !ok {
			break
		}
		a.Prefill(ln.att, i, s, p.pos, len(p.ids), p.q, p.scratch[w.ID])
	}
	w.Barrier()
}

// rotateQuery adds the bias to a token's query, norms, rotates and scales each head.
func (p *pass) rotateQuery(q []float32, l *layer, table []float32, pos int) {
	addBias(q, l.qBias, 0, 1)
	f := p.h.scale * p.temperature(pos)
	d := l.attn.KeySize
	for h := range l.attn.Heads {
		head := q[h*d:][:d]
		if l.qNorm != nil {
			norm(head, head, l.qNorm, p.h.eps)
		}
		p.ropes[l.rope].Rotate(head, table)
		scale(head, f)
	}
}

// append adds biases to key/value head g of a token, norms and rotates the key, and caches both. k and v are changed.
func (p *pass) append(s *attn.Store, l *layer, table []float32, pos, g int, k, v []float32) {
	if l.kBias != nil {
		addBias(k, l.kBias[g*len(k):][:len(k)], 0, 1)
	}
	if l.vBias != nil {
		addBias(v, l.vBias[g*len(v):][:len(v)], 0, 1)
	}
	if l.kNorm != nil {
		norm(k, k, l.kNorm, p.h.eps)
	}
	p.ropes[l.rope].Rotate(k, table)
	s.Append(pos, g, k, v)
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
	p.rmsNorm(ln.h, ln.x, l.ffnNorm, lo, hi)
	p.quantize(w, &ln.in, l.ffnForms, lo, hi)
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
	p.quantize(w, &ln.ffn, l.downForms, lo, hi)
	p.project(w, &ln.ffn, projection{l.down, p.o})
	w.Barrier()
	p.addTo(ln, l.downBias, l.postFFNNorm, lo, hi)
}

// activate computes gate = act(gate) ⊙ up for rows r0 … r1-1 of one token.
func (p *pass) activate(l *layer, gate, up []float32, r0, r1 int) {
	if l.gateBias != nil {
		addBias(gate, l.gateBias[r0:r1], 0, 1)
	}
	if l.upBias != nil {
		addBias(up, l.upBias[r0:r1], 0, 1)
	}
	if p.h.arch.gelu {
		quant.GELUMul(gate, gate, up)
	} else {
		quant.SiLUMul(gate, gate, up)
	}
}
