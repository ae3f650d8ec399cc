package model

import "github.com/latentgo/latentgo/internal/attention"

// Keys of complete blocks, as Qwen 4 picks them.

// newState returns what is cached of a new sequence.
func (x *blockIndexer) newState(n int) State { return newKeys(x.keys, x.parts, x.spec.Block, n) }

func (x *blockIndexer) tokenBytes() int { return keyBytes(x.keys, x.parts, x.spec.Block) }

// readyBlocks makes this worker's share of the keys of blocks that the pass' rows complete, and caches them.
func (x *blockIndexer) readyBlocks(p *pass, w *worker, l *Layer) {
	n, tokens, rope := x.spec.Size, x.spec.Block, p.ropes[x.spec.Rope].rope
	key, rows, table := sized(&w.pick.row, n), sized(&w.pick.block, tokens*n), sized(&w.small.out, rope.Dims())
	for i := range p.segments {
		seg := &p.segments[i]
		first, end := seg.pos/tokens, (seg.pos+seg.n)/tokens
		lo, hi := w.Share(end - first)
		for j := first + lo; j < first+hi; j++ {
			seg.pooledParts(l).Rows(rows, nil, 0, j*tokens, tokens)
			clear(key)
			for at := 0; at < len(rows); at += n {
				addScaled(key, rows[at:], 1/float32(tokens))
			}
			norm(key, key, x.norms.k, x.eps)
			rope.Table(table, j*tokens)
			rope.Rotate(key, table)
			seg.indexKeys(l).Append(j, 0, key, nil)
		}
	}
}

// pickComplete is pick for all heads together.
func (x *blockIndexer) pickComplete(p *pass, w *worker, keys *attention.Store, t int) []int32 {
	s, pos, b := &x.spec, p.pos[t], &w.pick
	n := (pos + 1) / s.Block
	sums, scores := grown(&b.scores, n), sized(&b.block, s.Heads*attention.Chunk)
	clear(sums)
	q := p.picks.q[t*x.q.Rows:][:x.q.Rows]
	for at := 0; at < n; at += attention.Chunk {
		k := min(attention.Chunk, n-at)
		keys.Scores(scores, k, q, s.Heads, at, k)
		for i, v := range scores[:s.Heads*k] {
			sums[at+i%k] += max(v, 0)
		}
	}
	ids := grown(&b.ids, min(s.Blocks, n)+1)
	b.top(ids[:len(ids)-1], sums)
	ids[len(ids)-1] = int32(n) // the tokens behind
	return b.inBlocks(ids, s.Block, pos)
}
