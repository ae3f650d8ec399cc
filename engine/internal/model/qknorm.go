package model

import "github.com/viterin/vek/vek32"

// Norms of queries and keys: of each head, before RoPE or after it, or of all heads together.

// wholeNorms are the norms of all query heads and of all key heads, of the kind that the model's other norms are, with
// the biases that are added before.
type wholeNorms struct {
	q, k         *normWeights
	nq, nk       int // values
	qBias, kBias []float32
}

// loadNorms loads what the spec has; biases must be there.
func (a *projections) loadNorms(ld *Loader, name func(string) string) {
	s := &a.spec
	if !s.QKNorm && !s.WholeNorm {
		return
	}
	if s.WholeNorm {
		nq, nk := s.Heads*s.KeySize, s.KVHeads*s.KeySize
		q, k := ld.norm(name("attn_q_norm"), nq), ld.norm(name("attn_k_norm"), nk)
		a.whole = &wholeNorms{q, k, nq, nk, a.qBias, a.kBias}
		a.qBias, a.kBias = nil, nil
		return
	}
	weights := func(kind string, n int) []float32 {
		if s.UnitNorm {
			return ones(n)
		}
		return ld.vector(name(kind+".weight"), n, true)
	}
	q, k := weights("attn_q_norm", s.KeySize), []float32(nil)
	if s.Shares == 0 {
		k = weights("attn_k_norm", s.KeySize)
	}
	if !s.NormRotated {
		a.qNorm, a.kNorm = q, k
	} else if ld.err == nil {
		a.rotated = q
		vek32.Mul_Inplace(a.rotated, k)
	}
}

func ones(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

// normHeads norms each head of a token's query.
func (a *projections) normHeads(q, weight []float32) {
	d := a.spec.KeySize
	for h := range a.spec.Heads {
		head := q[h*d:][:d]
		norm(head, head, weight, a.eps)
	}
}

// normWhole norms the queries and the keys of this worker's rows, p.q and p.k, where the layer does so over all heads.
// It ends with a barrier then.
func (a *projections) normWhole(p *pass, w *worker) {
	if a.whole == nil {
		return
	}
	n := a.whole
	lo, hi := w.Share(len(p.pos)) // a decode step has one p.q for all
	for t := lo; t < hi; t++ {
		n.row(p.q[t*n.nq:][:n.nq], n.qBias, n.q)
		n.row(p.k[t*n.nk:][:n.nk], n.kBias, n.k)
	}
	w.Barrier()
}

func (n *wholeNorms) row(x, bias []float32, norm *normWeights) {
	addBias(x, bias, 0, 1)
	norm.apply(x, x)
}

// Where norms come after RoPE, the weights of both go to the query. Then keys can be normed before RoPE too, which of
// magnitude 1 leaves their size: compressed rows and codes want that. With norms n, weights a, b and rotations R by
// positions t, s, a score is
//
//	(a ⊙ R_t·n(q)) · (b ⊙ R_s·n(k)) = R_t·q' · R_s·n(k),  q' = R_t⁻¹·(a ⊙ b ⊙ R_t·n(q))

// unrotatedQuery readies a token's query as rows take it, before RoPE; table is that of its position.
func (a *projections) unrotatedQuery(p *pass, q, table []float32, pos int) {
	if a.rotated == nil {
		a.readyQuery(q, pos)
		return
	}
	a.rotateQuery(p, q, table, pos)
	rope, d := p.ropes[a.spec.Rope].rope, a.spec.KeySize
	for h := range a.spec.Heads {
		rope.Unrotate(q[h*d:][:d], table)
	}
}

// unrotatedKV readies key/value head g of a token as rows take it, before RoPE.
func (a *projections) unrotatedKV(g int, k, v []float32) {
	a.readyKV(g, k, v)
	if a.rotated != nil {
		unitNorm(k, a.eps)
	}
}
