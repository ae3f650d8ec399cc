package attn

import (
	"fmt"

	"github.com/latentgo/latentgo/quant"
)

// Reach is how the heads of compressed rows see near and far tokens, when keys are in the latent without RoPE.
//
// A near token, one of the last Near to Near+31, is seen through its keys: expanded from the row once, when it comes, rotated
// as the model does and kept in a ring of fixed size. A far one is seen through its row: the query is projected to it, anew
// for each block of positions, see Turns. What turns too fast to be the same within a block is left out of far scores; the
// model cannot have made much of it, since it goes round within a few words.
//
// Values come from the rows in any case. In the order of Turns, with R rotated values per row of which the first A latent
// ones are for keys (the values are all L):
//
//	near    score(h, j) = q_h · rope_j(K_g c_j) + q'_h · r_j                    K_g [d, A], one per key/value head
//	far     score(h, j) = (K_gᵀ turn_block(j)⁻¹ rope(q_h)) · c_j + q'_h · r_j
type Reach struct {
	turns *Turns
	near  int        // W
	d     int        // values of a head
	a     int        // A
	keys  [][]uint16 // per key/value head [d, A] in half precision, rows in the order of turns
}

// NewReach returns the reach of a layer whose key/value heads have keys [d, a] each, rows in the order of Turns. near is a
// positive multiple of 32.
func NewReach(t *Turns, near, d, a int, keys [][]uint16) (*Reach, error) {
	if near <= 0 || near%nearStep != 0 {
		return nil, fmt.Errorf("%d near tokens are no positive multiple of %d", near, nearStep)
	}
	if d < t.rope.dims || a <= 0 || len(keys) == 0 {
		return nil, fmt.Errorf("keys of %d values, of which RoPE turns %d, from %d latent ones for %d heads", d, t.rope.dims, a, len(keys))
	}
	for _, k := range keys {
		if len(k) != d*a {
			return nil, fmt.Errorf("key matrix of %d values, want %d·%d", len(k), d, a)
		}
	}
	return &Reach{turns: t, near: near, d: d, a: a, keys: keys}, nil
}

// Turns returns what NewReach was given.
func (r *Reach) Turns() *Turns { return r.turns }

// nearStep tokens in a row have the same near ones before them.
const nearStep = 32

// edge returns the first position that a token at pos sees as near. It is the same for nearStep tokens.
func edge(pos, near int) int { return max(0, pos-near) &^ (nearStep - 1) }

// NearBytes returns how many bytes of expanded keys a decode step of the token at pos reads beside rows, 0 for a layer
// without a Reach.
func (l *Layer) NearBytes(pos int) int {
	if l.reach == nil {
		return 0
	}
	n := pos + 1 - max(edge(pos, l.reach.near), l.first(pos))
	return 2 * n * len(l.reach.keys) * (l.r + l.reach.d)
}

// farDims returns how many values of a head are seen from afar.
func (r *Reach) farDims() int { return r.d - 2*r.turns.first }

// Expand writes the keys of key/value head k, not rotated, for n rows of latent values ldc apart, of which it reads the
// first A: dst[i*ldd:][:d].
func (r *Reach) Expand(dst []float32, ldd, k int, c []float32, ldc, n int) {
	quant.ScoresF16(dst, ldd, c, n, ldc, r.keys[k], r.a, r.d, r.a)
}

// recent is the ring of a store: expanded keys of the newest tokens, per key/value head [size][R + d].
type recent struct {
	keys   [][]uint16
	width  int
	lo, hi int // positions that are there
	from   int // see Missing
}

func (r *recent) size() int { return len(r.keys[0]) / r.width }

// slots returns the keys of head k from position pos to the end of the ring.
func (r *recent) slots(k, pos int) []uint16 { return r.keys[k][pos%r.size()*r.width:] }

// newRecent returns the ring of a layer, nil when it needs none.
func newRecent(l *Layer) *recent {
	if l.reach == nil {
		return nil
	}
	r := &recent{width: l.r + l.reach.d}
	for range l.reach.keys {
		r.keys = append(r.keys, make([]uint16, (l.reach.near+nearStep)*r.width))
	}
	return r
}

// Expect readies the ring, where there is one, for n tokens from pos on, whose keys the caller puts (Recall) one after the
// other.
func (s *Store) Expect(pos, n int) {
	r := s.recent
	if r == nil {
		return
	}
	s.Forget(pos)
	r.from = max(edge(pos, s.layer.reach.near), s.layer.first(pos))
	if r.lo <= r.from && r.hi > r.from {
		r.from = r.hi
	} else {
		r.lo = r.from
	}
	r.hi = pos + n
	r.lo = max(r.lo, r.hi-r.size())
}

// Missing returns the first of the positions before the tokens expected whose keys the caller must put first.
func (s *Store) Missing() int { return s.recent.from }

// Forget drops what is known of tokens from pos on beside their rows. Who appends there without Recall must call it, and who
// fails to put keys.
func (s *Store) Forget(pos int) {
	if r := s.recent; r != nil {
		r.hi = min(r.hi, pos)
		r.lo = min(r.lo, r.hi)
	}
}

// Recall puts values 2·p0 … 2·p1-1 of the key of key/value head k for the token at pos; row is its row as it is cached, tmp
// scratch of d values. Rotated values go with p0 = 0. Different parts may be put at the same time.
func (s *Store) Recall(pos, k, p0, p1 int, row, tmp []float32) {
	s.layer.nearKey(s.recent.slots(k, pos)[:s.recent.width], pos, k, p0, p1, row, tmp)
}

// NearKey writes the whole key of key/value head k for the token at pos to dst [R+d], see Recall. Put puts it there.
func (l *Layer) NearKey(dst []uint16, pos, k int, row, tmp []float32) {
	l.nearKey(dst, pos, k, 0, (l.reach.d+1)/2, row, tmp)
}

// Put puts what NearKey wrote.
func (s *Store) Put(pos, k int, key []uint16) { copy(s.recent.slots(k, pos)[:s.recent.width], key) }

func (l *Layer) nearKey(dst []uint16, pos, k, p0, p1 int, row, tmp []float32) {
	r := l.reach
	lo, hi := 2*p0, min(2*p1, r.d)
	if p0 == 0 {
		quant.F32ToF16(dst, row[:l.r])
	}
	quant.ScoresF16(tmp[lo:], hi-lo, row[l.r:], 1, r.a, r.keys[k][lo*r.a:], r.a, hi-lo, r.a)
	r.turns.rotate(tmp, p0, min(p1, len(r.turns.order)), pos)
	quant.F32ToF16(dst[l.r+lo:], tmp[lo:hi])
}

// headRange are query heads lo … hi-1, all of block g.
type headRange struct{ g, lo, hi int }

// block returns all heads of block g.
func (l *Layer) block(g int) headRange { return headRange{g, g * l.Group(), (g + 1) * l.Group()} }

func (hs headRange) len() int { return hs.hi - hs.lo }

// byKey calls f for each key/value head of a reaching layer that query heads of hs share, with those.
func (l *Layer) byKey(hs headRange, f func(k, lo, hi int)) {
	group := l.Heads / len(l.reach.keys)
	for k := hs.lo / group; k*group < hs.hi; k++ {
		f(k, max(hs.lo, k*group), min(hs.hi, (k+1)*group))
	}
}

// reachScores computes the scores of heads of a block, of all heads' queries q [heads, R + d], with positions
// from … from+n-1 for a token at pos: dst[i*ldd+j] for the i-th of the heads.
func (l *Layer) reachScores(dst []float32, ldd int, s *Store, pos int, hs headRange, from, n int, q []float32, sc *Scratch) {
	far := min(max(edge(pos, l.reach.near)-from, 0), n)
	l.farScores(dst, ldd, s, hs, from, far, q, sc)
	width := s.recent.width
	for at := far; at < n; {
		m := min(n-at, s.recent.size()-(from+at)%s.recent.size())
		l.byKey(hs, func(k, lo, hi int) {
			quant.ScoresF16(dst[(lo-hs.lo)*ldd+at:], ldd, q[lo*width:], hi-lo, width, s.recent.slots(k, from+at), width, m, width)
		})
		at += m
	}
}

// farScores is reachScores of far positions.
func (l *Layer) farScores(dst []float32, ldd int, s *Store, hs headRange, from, n int, q []float32, sc *Scratch) {
	if n > 0 {
		l.base(sc.turned[0], hs, q)
	}
	for at := 0; at < n; {
		pos := from + at
		m := run(pos, n-at)
		turned := l.turnedQueries(hs, pos, m, q, sc)
		for end := at + m; at < end; {
			x := turned.at(from + at)
			m := min(end-at, turned.block-(from+at)%turned.block)
			if s.format == Q8 {
				a, b := l.parts()
				sc.queries.Set(x, hs.len(), turned.blocks*l.KeySize, a, b)
			}
			s.scores(dst[at:], ldd, x, hs.len(), turned.blocks*l.KeySize, sc, 0, hs.g, from+at, m)
			at += m
		}
	}
}

// turned are queries that are projected to rows, for some consecutive blocks of positions: [heads][blocks][size].
type turned struct {
	x                          []float32
	size, block, first, blocks int
}

// at returns the first head's query for a position; those of the other heads are blocks·size behind one another.
func (t *turned) at(pos int) []float32 { return t.x[(pos/t.block-t.first)*t.size:] }

// turnedQueries computes the queries of heads for n positions from pos on, which lie in one chunk. They are summed up from the
// pairs that turn slowest, whose blocks are cut up for those that turn faster.
func (l *Layer) turnedQueries(hs headRange, pos, n int, q []float32, sc *Scratch) turned {
	r := l.reach
	sum := turned{sc.turned[0], l.KeySize, chunk, pos / chunk, 1}
	for i, v := range r.turns.levels {
		t := turned{sc.turned[i+1], l.KeySize, v.block, pos / v.block, (pos+n-1)/v.block - pos/v.block + 1}
		width := 2 * (v.hi - v.lo)
		for b := range t.blocks {
			at := (t.first + b) * v.block
			from, angles := sum.at(at), r.turns.angles(v, at)
			for h := range hs.len() {
				row := h*t.blocks + b
				copy(t.x[row*t.size:][:t.size], from[h*sum.blocks*t.size:])
				back(sc.pairs[row*width:], q[(hs.lo+h)*(l.r+r.d)+l.r+2*v.lo:], angles)
			}
		}
		l.project(t.x, hs, t.blocks, 2*v.lo, width, sc.pairs, width)
		sum = t
	}
	return sum
}

// base computes what queries projected to rows have that does not depend on the position: rotated values, and those that RoPE
// leaves alone.
func (l *Layer) base(sum []float32, hs headRange, q []float32) {
	r := l.reach
	clear(sum)
	width := l.r + r.d
	q = q[hs.lo*width:]
	for i := range hs.len() {
		copy(sum[i*l.KeySize:][:l.r], q[i*width:])
	}
	if plain := r.d - r.turns.rope.dims; plain > 0 {
		l.project(sum, hs, 1, r.turns.rope.dims, plain, q[l.r+r.turns.rope.dims:], width)
	}
}

// project adds values first … first+n-1 of heads times their keys to projected queries. Each head has as many rows as told, in x
// they are ldx apart.
func (l *Layer) project(sum []float32, hs headRange, rows, first, n int, x []float32, ldx int) {
	r := l.reach
	l.byKey(hs, func(k, lo, hi int) {
		i := (lo - hs.lo) * rows
		quant.MixF16(sum[i*l.KeySize+l.r:], l.KeySize, x[i*ldx:], ldx, (hi-lo)*rows, r.keys[k][first*r.a:], r.a, n, r.a)
	})
}
