package model

import "github.com/latentgo/latentgo/internal/attention"

// An indexer with pools (GLM 5.3) has a key for so many neighbouring tokens instead of one for each, from the first token
// on. Value c of it is
//
//	Σ_i softmax_i(g_i,c + a_i,c) · k_i,c        k = norm(W_k · h)   g = W_g · h
//
// over the pool's tokens i. A token sees pools that end with it or before, and in any case the tokens behind these. Keys
// and queries are not rotated.

// count returns how many keys there are for tokens up to pos that one at pos sees.
func (x *indexer) count(pos int) int { return (pos + 1) / max(x.spec.Pool, 1) }

// most returns how many of them are picked at most, and room how many tokens these are.
func (x *indexer) most() int { return x.spec.TopK / max(x.spec.Pool, 1) }
func (x *indexer) room() int { return x.spec.TopK + max(x.spec.Pool-1, 0) }

// widen makes positions of picked pools in dst, where they are the first n, and adds the tokens that no pool has.
func (x *indexer) widen(dst []int32, n, pos int) {
	k := x.spec.Pool
	for i := n*k - 1; i >= 0; i-- {
		dst[i] = dst[i/k]*int32(k) + int32(i%k)
	}
	for i, at := n*k, pos+1-(pos+1)%k; at <= pos; i, at = i+1, at+1 {
		dst[i] = int32(at)
	}
}

// readyPools caches keys and gates of a segment's rows, and computes this worker's share of the pools that they end.
// Others may use these after a barrier.
func (x *indexer) readyPools(p *pass, w *worker, l *Layer) {
	n, k := x.spec.Size, x.spec.Pool
	row := sized(&w.pick.row, 2*n)
	for i := range p.segments {
		seg := &p.segments[i]
		lo, hi := w.Share(seg.n)
		for t := seg.at + lo; t < seg.at+hi; t++ {
			x.norm.apply(row[:n], p.picks.k[t*n:][:n])
			copy(row[n:], p.picks.gates[t*n:][:n])
			seg.pooledParts(l).Append(p.pos[t], 0, row, nil)
		}
	}
	w.Barrier()
	rows := sized(&w.pick.block, 2*k*n)
	for i := range p.segments {
		seg := &p.segments[i]
		first, end := seg.pos/k, (seg.pos+seg.n)/k
		lo, hi := w.Share(end - first)
		for j := first + lo; j < first+hi; j++ {
			seg.pooledParts(l).Rows(rows, nil, 0, j*k, k)
			x.pool(row[:n], rows)
			seg.indexKeys(l).Append(j, 0, row[:n], nil)
		}
	}
}

// pooledParts returns where keys and gates of tokens are cached.
func (s *segment) pooledParts(l *Layer) *attention.Store {
	return s.seq.states[l.state].(*bothStates)[1].(*bothStates)[1].(store).Store
}

// pool computes the key of a pool of rows [key | gate].
func (x *indexer) pool(dst, rows []float32) {
	n, k := x.spec.Size, x.spec.Pool
	weights := make([]float32, k)
	for c := range dst {
		for i := range weights {
			weights[i] = rows[(2*i+1)*n+c] + x.places[i*n+c]
		}
		softmax(weights)
		dst[c] = 0
		for i, f := range weights {
			dst[c] += f * rows[2*i*n+c]
		}
	}
}

// newState returns what is cached of a new sequence: keys, or those of pools and what they are made of.
func (x *indexer) newState(n int) State {
	return newKeys(x.keys, x.parts, x.spec.Pool, n)
}

// tokenBytes returns what that takes for a token.
func (x *indexer) tokenBytes() int { return keyBytes(x.keys, x.parts, x.spec.Pool) }

// newKeys returns what is cached of keys for n tokens: one each, or where there are parts one for a pool of so many, and
// the parts.
func newKeys(keys, parts *attention.Layer, pool, n int) State {
	if parts == nil {
		return newStore(keys, attention.F16, n)
	}
	return &bothStates{perPool{newStore(keys, attention.F16, (n+pool-1)/pool), pool}, newStore(parts, attention.F16, n)}
}

// keyBytes returns what that takes for a token.
func keyBytes(keys, parts *attention.Layer, pool int) int {
	if parts == nil {
		return keys.RowBytes(attention.F16)
	}
	return keys.RowBytes(attention.F16)/pool + parts.RowBytes(attention.F16)
}

// perPool is a state that remembers something for so many tokens together, once all are there.
type perPool struct {
	State
	tokens int
}

// Grow implements State.
func (s perPool) Grow(n int) { s.State.Grow(n / s.tokens) }

// Advance implements State.
func (s perPool) Advance(pos, n int) {
	if at := pos / s.tokens; (pos+n)/s.tokens > at {
		s.State.Advance(at, (pos+n)/s.tokens-at)
	}
}

// Truncate implements State.
func (s perPool) Truncate(pos int) { s.State.Truncate(pos / s.tokens) }

// Covers implements State.
func (s perPool) Covers(pos int) bool { return s.State.Covers(pos / s.tokens) }

// Mark implements State.
func (s perPool) Mark(pos int) { s.State.Mark(pos / s.tokens) }

// Marked implements State.
func (s perPool) Marked(pos int) bool { return s.State.Marked(pos / s.tokens) }

// Restore implements State.
func (s perPool) Restore(pos int) { s.State.Restore(pos / s.tokens) }

// Growth implements State.
func (s perPool) Growth(pos, n int) int {
	at := pos / s.tokens
	return s.State.Growth(at, (pos+n)/s.tokens-at)
}

// Fork implements State.
func (s perPool) Fork(n int) State { return perPool{s.State.Fork(n / s.tokens), s.tokens} }

// Save implements State.
func (s perPool) Save(n int) attention.Saved { return s.State.Save(n / s.tokens) }

// Unsaved implements State.
func (s perPool) Unsaved(n int, numbers []int64) (parts [][]byte, err error) {
	return s.State.Unsaved(n/s.tokens, numbers)
}
