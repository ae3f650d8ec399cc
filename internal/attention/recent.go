package attention

import (
	"fmt"

	"github.com/latentgo/latentgo/internal/kernel"
)

// RecentWindow is how the heads of compressed rows see recent and compressed tokens, when keys are in the latent
// without RoPE.
//
// A recent token, one of the last Near to Near+31 and the token itself, is seen as the model sees it: its key, rotated,
// and its value are kept as they are, in a ring of fixed size. A compressed one is seen through its row: the query is
// projected to it, anew for each block of positions, see BlockRope. What rotates too fast to be the same within a block
// is left out of the scores of compressed tokens, and of rows; the model cannot have made much of it, since it rotates
// fully within a few words.
//
// In the order of BlockRope, with R rotated values per row and A of the latent ones, the first, for keys (all L are for
// values):
//
//	recent      score(h, j) = rope(q_h) · rope_j(k_j)                                 value v_j
//	compressed  score(h, j) = (K_gᵀ rotation_block(j)⁻¹ rope(q_h)) · c_j + q'_h · r_j     value V_g c_j       K_g [kept, A]
type RecentWindow struct {
	ringShape
	rope  *BlockRope  // of stores without SetRope
	a     int         // A
	keys  [][]uint16  // per key/value head [kept, A] in half precision, rows in the order of rope
	means [][]float32 // per key/value head [kept] in the order of rope, see CarryMeans; or nil
}

// NewRecentWindow returns the window of a layer whose key/value heads have keys of d values, of which compressed tokens
// keep rope.KeptSize(d), as keys [kept, a] say, rows in the order of BlockRope, and values of v. tokens is a positive
// multiple of 32.
func NewRecentWindow(rope *BlockRope, tokens, d, v, a int, keys [][]uint16) (*RecentWindow, error) {
	if tokens <= 0 || tokens%recentStep != 0 {
		return nil, fmt.Errorf("%d recent tokens are no positive multiple of %d", tokens, recentStep)
	}
	if d < rope.rope.Dims() || v <= 0 || a <= 0 || len(keys) == 0 {
		return nil, fmt.Errorf("keys of %d values, of which RoPE rotates %d, from %d latent ones for %d heads with values of %d", d, rope.rope.Dims(), a, len(keys), v)
	}
	for _, k := range keys {
		if len(k) != rope.KeptSize(d)*a {
			return nil, fmt.Errorf("key matrix of %d values, want %d·%d", len(k), rope.KeptSize(d), a)
		}
	}
	return &RecentWindow{ringShape: ringShape{tokens: tokens, heads: len(keys), d: d, v: v}, rope: rope, a: a, keys: keys}, nil
}

// recentStep tokens in a row have the same recent ones before them.
const recentStep = 32

// recentStart returns the first position that a token at pos sees as recent. It is the same for recentStep tokens.
func recentStart(pos, tokens int) int { return max(0, pos-tokens) &^ (recentStep - 1) }

// RecentStart returns the first recent position that a token at pos attends to; tokens behind it see none before as
// recent.
func (l *Layer) RecentStart(pos int) int { return max(l.CompressedEnd(pos), l.First(pos)) }

// RecentBytes returns how many bytes of recent tokens' keys and values a decode step of the token at pos reads beside
// rows, 0 for a layer that keeps no recent tokens apart.
func (l *Layer) RecentBytes(pos int) int {
	if l.ring == nil {
		return 0
	}
	return (pos + 1 - l.RecentStart(pos)) * l.ring.tokenBytes()
}

// CompressedTokens returns how many tokens before the one at pos it reads rows of: all, for a layer that keeps no
// recent tokens apart, with itself.
func (l *Layer) CompressedTokens(pos int) int {
	if l.ring == nil {
		return pos + 1 - l.First(pos)
	}
	return max(l.CompressedEnd(pos)-l.First(pos), 0)
}

// Combines reports whether Combine has anything to give for the token at pos: of a layer with a RecentWindow only what
// tokens in rows give.
func (l *Layer) Combines(pos int) bool { return l.recent == nil || l.CompressedTokens(pos) > 0 }

// CompressedEnd returns the first position that a token at pos does not see by blocks.
func (l *Layer) CompressedEnd(pos int) int { return recentStart(pos, l.ring.tokens) }

// keptSize returns how many values of a head are approximated.
func (r *RecentWindow) keptSize() int { return r.rope.KeptSize(r.d) }

// Expand writes what of keys of key/value head k is approximated, not rotated, for n rows of latent values ldc apart,
// of which it reads the first A: dst[i*ldd:][:kept].
func (r *RecentWindow) Expand(dst []float32, ldd, k int, c []float32, ldc, n int) {
	kernel.ScoresF16(dst, ldd, c, n, ldc, r.keys[k], r.a, r.keptSize(), r.a)
	r.addMeans(dst, ldd, k, n)
}

// newRecentRing returns the newest tokens of a layer's store, nil when it needs none.
func newRecentRing(l *Layer) *recentRing {
	if l.ring == nil {
		return nil
	}
	return &recentRing{ring: l.ring.newRing(l.ring.ringSize()), first: l.ring.newRing(l.ring.first)}
}

// bytes returns the memory that is taken; r may be nil.
func (r *recentRing) bytes(l *Layer) int {
	if r == nil {
		return 0
	}
	return (r.size + r.mark.size + r.first.size) * l.ring.tokenBytes()
}

// covers reports whether the recent tokens before pos are there.
func (r *ring) covers(l *Layer, pos int) bool { return r.lo <= l.RecentStart(pos) && r.hi >= pos }

// Covers reports whether the recent tokens before pos are there, so that a token can follow. Without a RecentWindow
// they always are.
func (s *Store) Covers(pos int) bool {
	return s.recent == nil || pos == 0 || s.recent.covers(s.layer, pos)
}

// Advance makes chunks that are to be written the store's own, and readies the ring, where there is one, for n tokens
// from pos on, which the caller puts (PutRecent); of more than the ring holds only the last ones need to be. The store
// Covers pos.
func (s *Store) Advance(pos, n int) {
	s.own(pos, n)
	if n > 1 {
		s.clearPanel(pos + n)
	}
	r := s.recent
	if r == nil {
		return
	}
	if pos == 0 {
		r.lo, r.due = 0, 0
	}
	r.made = r.due
	r.due = max(r.due, s.layer.CompressedEnd(pos+n-1))
	r.hi = pos + n
	r.lo = max(r.lo, r.hi-r.size)
	s.readyBalance()
}

// Due returns the positions from … to-1 whose rows a pass of n tokens from pos on has to make (AppendRow) before it
// looks at compressed tokens: those that become compressed. The ones before pos are in the ring, see Recent. The pass
// was announced (Advance), or pos is 0.
func (s *Store) Due(pos, n int) (from, to int) {
	if pos > 0 {
		from = s.recent.made
	}
	from, to = max(from, s.layer.First(pos)), s.layer.CompressedEnd(pos+n-1)
	if s.Coded() {
		from &^= recentStep - 1 // codes are made of whole groups
	}
	return from, to
}

// FirstKept returns from which of n positions from pos on a store's ring keeps tokens.
func (s *Store) FirstKept(pos, n int) int { return max(pos, pos+n-s.recent.size) }

// Truncate says that the tokens from pos on are others from now on.
func (s *Store) Truncate(pos int) {
	if r := s.recent; r != nil {
		r.hi, r.mark.hi = min(r.hi, pos), min(r.mark.hi, pos)
		r.made, r.due = min(r.made, pos), min(r.due, pos)
	}
}

// Forget drops all recent tokens but those of the mark, after a failure.
func (s *Store) Forget() {
	if r := s.recent; r != nil {
		r.lo, r.hi, r.due = 0, 0, r.made
	}
}

// Mark remembers the recent tokens before pos, the end of what is there, for Restore.
func (s *Store) Mark(pos int) {
	r := s.recent
	if r == nil {
		return
	}
	if r.mark.size == 0 {
		r.mark = s.layer.ring.newRing(s.layer.ring.markSize())
		s.meter.add(r.mark.size * s.layer.ring.tokenBytes())
	}
	r.mark.take(&r.ring, max(r.lo, pos-r.mark.size), pos)
}

// Marked reports whether the recent tokens before pos are there after Restore.
func (s *Store) Marked(pos int) bool { return s.recent == nil || s.recent.mark.covers(s.layer, pos) }

// Restore goes back to what Mark remembered of tokens before pos, which must be Marked.
func (s *Store) Restore(pos int) {
	if r := s.recent; r != nil {
		r.take(&r.mark, r.mark.lo, pos)
	}
}

// PutRecent keeps key [d], rotated and in the order of BlockRope, and value [v] of key/value head k for the token at
// pos, in half precision. A ring of blocks rounds them, with scratch of as many floats.
func (s *Store) PutRecent(pos, k int, key, value []uint16, scratch []float32) {
	r := s.recent
	r.put(pos%r.size, k, key, value, scratch)
	r.keepFirst(pos, k, key, value, scratch)
}

// keepFirst keeps key and value of head k of one of the first tokens of the text; of others it does nothing.
func (r *recentRing) keepFirst(pos, k int, key, value []uint16, scratch []float32) {
	if pos < r.first.size {
		r.first.put(pos, k, key, value, scratch)
	}
}

// Recent writes what PutRecent has kept of a token in the ring: key [d], not rotated and in the model's order, and
// value [v]. arranged is scratch of d values.
func (s *Store) Recent(key, value, reordered []float32, pos, k int) {
	r := s.recent
	kernel.F16ToF32(reordered, r.key(k, pos))
	s.rope.Undo(key, reordered, pos)
	kernel.F16ToF32(value, r.value(k, pos))
}

// headRange are query heads lo … hi-1, all of block g.
type headRange struct{ g, lo, hi int }

// block returns all heads of block g.
func (l *Layer) block(g int) headRange { return headRange{g, g * l.Group(), (g + 1) * l.Group()} }

func (hs headRange) len() int { return hs.hi - hs.lo }

// byKey calls f for each key/value head of a layer with a RecentWindow that query heads of hs share, with those.
func (l *Layer) byKey(hs headRange, f func(k, lo, hi int)) {
	group := l.Heads / len(l.recent.keys)
	for k := hs.lo / group; k*group < hs.hi; k++ {
		f(k, max(hs.lo, k*group), min(hs.hi, (k+1)*group))
	}
}

// DecodeRecent attends with query heads lo … hi-1 of the token at pos, which share key/value head k, to the first tokens
// of the text that are kept, to the recent ones before it and to itself, whose key and value these are: what the ring
// has of it is not read. q is that of all heads, see NewCompressed. Different heads may go at the same time.
func (l *Layer) DecodeRecent(p *Partial, s *Store, pos, k, lo, hi int, q []float32, key, value []uint16, sc *Scratch) {
	r, from := s.recent, l.RecentStart(pos)
	width, skip, first := l.KeySize, 0, l.First(pos)
	if l.recent != nil {
		width, skip = l.r+r.d, l.r
	}
	early := max(min(r.first.size, l.CompressedEnd(pos))-first, 0)
	ld := early + pos - from + 1
	scores := sc.scores[:(hi-lo)*ld]
	q = q[lo*width+skip:]
	each := func(run func(r *ring, slot, n int) ([]uint16, int), own []uint16, f func(at, n int, rows []uint16, stride int)) {
		if early > 0 {
			rows, stride := run(&r.first, first, early)
			f(0, early, rows, stride)
		}
		for at := from; at < pos; {
			m := min(pos-at, r.size-at%r.size)
			rows, stride := run(&r.ring, at%r.size, m)
			f(early+at-from, m, rows, stride)
			at += m
		}
		f(ld-1, 1, own, len(own))
	}
	keys := func(r *ring, slot, n int) ([]uint16, int) { return r.keys[k].run(sc.rows, slot, n) }
	values := func(r *ring, slot, n int) ([]uint16, int) { return r.valueRun(sc.rows, k, slot, n) }
	each(keys, key, func(at, n int, keys []uint16, stride int) {
		kernel.ScoresF16(scores[at:], ld, q, hi-lo, width, keys, stride, n, r.d)
	})
	l.addKeyMeans(scores, ld, q, hi-lo, width, k, first, early, sc)
	l.addKeyMeans(scores[early:], ld, q, hi-lo, width, k, from, ld-early, sc)
	for h := lo; h < hi && l.slopes != nil; h++ {
		row := scores[(h-lo)*ld:][:ld]
		l.lower(row[:early], h, first, pos)
		l.lower(row[early:], h, from, pos)
	}
	_, parts := l.span(pos)
	for h := lo; h < hi; h++ {
		p.peak[h*slots+parts], p.sum[h*slots+parts] = l.weigh(scores[(h-lo)*ld:][:ld], 0)
	}
	out := p.recent[lo*r.v : hi*r.v]
	clear(out)
	each(values, value, func(at, n int, values []uint16, stride int) {
		kernel.WeightedSumF16(out, r.v, scores[at:], ld, hi-lo, values, stride, n, r.v)
	})
}

// AddRecent adds to values r0 … r1-1 of head h's output, out [r1-r0], what DecodeRecent found for the token at pos.
func (l *Layer) AddRecent(out []float32, p *Partial, pos, h, r0, r1 int, sc *Scratch) {
	w := l.weights(p, pos, h, sc)
	f := w[len(w)-1]
	for i, v := range p.recent[h*l.ring.v:][r0:r1] {
		out[i] += f * v
	}
}

// DecodeCompressed is Decode for query heads h0 … h1-1 only, of a token at pos with OnePart.
func (l *Layer) DecodeCompressed(p *Partial, s *Store, pos, h0, h1 int, q []float32, sc *Scratch) {
	if _, parts := l.span(pos); parts == 0 {
		return
	}
	group := l.Group()
	for g := h0 / group; g*group < h1; g++ {
		l.decode(p, 0, headRange{g, max(h0, g*group), min(h1, (g+1)*group)}, s, pos, q, sc)
	}
}

// compressedScores computes the scores of heads of a block, of all heads' queries q [heads, R + d], with the rows of n
// positions from from on: dst[i*ldd+j] for the i-th of the heads.
func (l *Layer) compressedScores(dst []float32, ldd int, s *Store, hs headRange, from, n int, q []float32, sc *Scratch) {
	l.base(sc.projected[0], sc.constants[0], hs, q)
	for at := 0; at < n; {
		pos := from + at
		m := s.run(pos, n-at)
		p := l.projectQueries(s.rope, hs, pos, m, q, sc)
		for end := at + m; at < end; {
			x := p.at(from + at)
			m := min(end-at, p.block-(from+at)%p.block)
			s.compressedScores(dst[at:], ldd, x, hs.len(), p.blocks*l.KeySize, sc, hs.g, from+at, m)
			if l.recent.means != nil {
				p.addConstants(dst[at:], ldd, hs.len(), from+at, m)
			}
			at += m
		}
	}
}

// projected are queries that are projected to rows, for some consecutive blocks of positions: [heads][blocks][size].
type projected struct {
	x                          []float32
	constants                  []float32 // [heads][blocks] the queries' products with the means of keys, where there are any
	size, block, first, blocks int
}

// at returns the first head's query for a position; those of the other heads are blocks·size behind one another.
func (t *projected) at(pos int) []float32 { return t.x[(pos/t.block-t.first)*t.size:] }

// projectQueries computes the queries of heads for n positions from pos on, which lie in one chunk. They are summed up
// from the pairs that rotate slowest, whose blocks are cut up for those that rotate faster.
func (l *Layer) projectQueries(rope *BlockRope, hs headRange, pos, n int, q []float32, sc *Scratch) projected {
	r := l.recent
	sum := projected{sc.projected[0], sc.constants[0], l.KeySize, chunk, pos / chunk, 1}
	for i, v := range r.rope.levels {
		t := projected{sc.projected[i+1], sc.constants[i+1], l.KeySize, v.block, pos / v.block, (pos+n-1)/v.block - pos/v.block + 1}
		width := 2 * (v.hi - v.lo)
		for b := range t.blocks {
			at := (t.first + b) * v.block
			from, angles := sum.at(at), rope.blockAngles(v, at)
			for h := range hs.len() {
				row := h*t.blocks + b
				copy(t.x[row*t.size:][:t.size], from[h*sum.blocks*t.size:])
				rotated := sc.rotated[row*width:][:width]
				unrotate(rotated, q[(hs.lo+h)*(l.r+r.d)+l.r+2*v.lo:], angles)
				if r.means != nil {
					mean := r.means[(hs.lo+h)/(l.Heads/len(r.keys))][2*(v.lo-r.rope.first):]
					t.constants[row] = sum.constants[sum.row(h, at)] + dot(rotated, mean)
				}
			}
		}
		l.project(t.x, hs, t.blocks, 2*v.lo, width, sc.rotated, width)
		sum = t
	}
	return sum
}

// base computes what queries projected to rows have that does not depend on the position: rotated values, and those
// that RoPE leaves alone.
func (l *Layer) base(sum, constants []float32, hs headRange, q []float32) {
	r := l.recent
	clear(sum)
	width := l.r + r.d
	q = q[hs.lo*width:]
	for i := range hs.len() {
		copy(sum[i*l.KeySize:][:l.r], q[i*width:])
	}
	if plain := r.d - r.rope.rope.Dims(); plain > 0 {
		l.project(sum, hs, 1, r.rope.rope.Dims(), plain, q[l.r+r.rope.rope.Dims():], width)
	}
	l.baseConstants(constants, hs, q)
}

// project adds values first … first+n-1 of heads times their keys to projected queries. Each head has as many rows as
// told, in x they are ldx apart.
func (l *Layer) project(sum []float32, hs headRange, rows, first, n int, x []float32, ldx int) {
	r := l.recent
	l.byKey(hs, func(k, lo, hi int) {
		i := (lo - hs.lo) * rows
		from := (first - 2*r.rope.first) * r.a
		kernel.WeightedSumF16(sum[i*l.KeySize+l.r:], l.KeySize, x[i*ldx:], ldx, (hi-lo)*rows, r.keys[k][from:], r.a, n, r.a)
	})
}
