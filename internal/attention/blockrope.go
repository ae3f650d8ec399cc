package attention

import (
	"fmt"
	"math"
	"sort"

	"github.com/latentgo/latentgo/attn"
)

// Compressed tokens are seen in blocks of positions: of a chunk, or of fineBlock tokens.
const fineBlock = 64

// BlockRope is what rotation is left between a query and tokens that are far away, when keys are cached without RoPE.
// Each pair is rotated in steps: the tokens of a block of positions count as if they were all in its middle, so that
// the query for them is computed once per block. A pair's block has 256 tokens if its phase is wrong by no more than a
// limit then, else 64. Pairs too fast for those are not approximated.
//
// It works on heads in its own order of values: pairs with the fastest first, [re, im] each, then what has no RoPE. It
// is safe for concurrent use while Reserve does not run.
type BlockRope struct {
	rope   *attn.Rope
	order  []int       // the model's pairs, fastest first
	first  int         // of order: pairs before it are not approximated
	levels []ropeLevel // the longest blocks first; one or two
	middle []float32   // cosines and sines in the middles of blocks, a row per shortest block
	within []float32   // angles of the positions of a chunk, without magnitude: [chunk, 2·pairs]
	starts []float32   // angles of the first position of each chunk
}

// ropeLevel are pairs order[lo:hi], which are rotated once per block tokens.
type ropeLevel struct{ block, lo, hi int }

// NewBlockRope plans blocks in which no pair's phase is wrong by more than phase radians, under r and under others that
// rotate the same pairs with other frequencies; see For.
func NewBlockRope(r *attn.Rope, phase float64, others ...*attn.Rope) (*BlockRope, error) {
	if !(phase > 0) || math.IsInf(phase, 0) {
		return nil, fmt.Errorf("phase error of %v radians is not a positive number", phase)
	}
	t := &BlockRope{rope: r, order: make([]int, len(r.Freqs()))}
	for i := range t.order {
		t.order[i] = i
	}
	speed := func(i int) float64 {
		most := math.Abs(r.Freqs()[t.order[i]])
		for _, o := range others {
			most = max(most, math.Abs(o.Freqs()[t.order[i]]))
		}
		return most
	}
	sort.SliceStable(t.order, func(i, j int) bool { return speed(i) > speed(j) })
	hi := len(t.order)
	for _, block := range []int{chunk, fineBlock} {
		lo := hi
		for lo > 0 && speed(lo-1)*float64(block)/2 <= phase {
			lo--
		}
		if lo < hi || block == chunk {
			t.levels = append(t.levels, ropeLevel{block, lo, hi})
		}
		hi = lo
	}
	t.first = hi
	return t.For(r), nil
}

// For returns the same blocks under another of the embeddings that they were planned for.
func (t *BlockRope) For(r *attn.Rope) *BlockRope {
	o := &BlockRope{rope: r, order: t.order, first: t.first, levels: t.levels}
	for pos := range chunk {
		o.within = o.table(o.within, pos, 1)
	}
	return o
}

// table appends cosines and sines, times mag, of all pairs in order.
func (t *BlockRope) table(dst []float32, pos int, mag float64) []float32 {
	for _, p := range t.order {
		s, c := math.Sincos(t.rope.Freqs()[p] * float64(pos))
		dst = append(dst, float32(c*mag), float32(s*mag))
	}
	return dst
}

// Keeps reports whether compressed tokens are seen through a pair of the model.
func (t *BlockRope) Keeps(pair int) bool {
	for _, p := range t.order[t.first:] {
		if p == pair {
			return true
		}
	}
	return false
}

// KeptSize returns how many of a head's d values are approximated: the last ones.
func (t *BlockRope) KeptSize(d int) int { return d - 2*t.first }

// finest is the shortest block.
func (t *BlockRope) finest() int { return t.levels[len(t.levels)-1].block }

// Reserve computes the angles for contexts up to n tokens.
func (t *BlockRope) Reserve(n int) {
	for i := len(t.starts) / (2 * len(t.order)); i*chunk < n; i++ {
		t.starts = t.table(t.starts, i*chunk, t.rope.Magnitude())
	}
	width, fine := 2*(len(t.order)-t.first), t.finest()
	for i := len(t.middle) / max(width, 1); width > 0 && i*fine < n; i++ {
		for _, l := range t.levels {
			middle := float64(i*fine&^(l.block-1)) + float64(l.block)/2
			for _, p := range t.order[l.lo:l.hi] {
				s, c := math.Sincos(t.rope.Freqs()[p] * middle)
				t.middle = append(t.middle, float32(c*t.rope.Magnitude()), float32(s*t.rope.Magnitude()))
			}
		}
	}
}

// blockAngles returns cosine and sine of level l's pairs in the block of a position.
func (t *BlockRope) blockAngles(l ropeLevel, pos int) []float32 {
	// Rows go from the longest blocks to the shortest, which is from the slowest pairs to the fastest.
	at := pos/t.finest()*2*(len(t.order)-t.first) + 2*(len(t.order)-l.hi)
	return t.middle[at:][:2*(l.hi-l.lo)]
}

// Reorder writes a head in this order, without RoPE.
func (t *BlockRope) Reorder(dst, src []float32) {
	for i, p := range t.order {
		a, b := t.rope.Pair(p)
		dst[2*i], dst[2*i+1] = src[a], src[b]
	}
	copy(dst[t.rope.Dims():], src[t.rope.Dims():])
}

// Rotate rotates a head in this order by its position.
func (t *BlockRope) Rotate(x []float32, pos int) {
	start, within := t.angles(pos)
	x = x[:len(start)]
	for i := 0; i+1 < len(x); i += 2 {
		a, b, c, d := start[i], start[i+1], within[i], within[i+1]
		rotatePair(x[i:i+2], a*c-b*d, a*d+b*c)
	}
}

// Undo undoes Reorder and Rotate: dst is the head in the model's order, without RoPE.
func (t *BlockRope) Undo(dst, x []float32, pos int) {
	start, within := t.angles(pos)
	f := float32(1 / (t.rope.Magnitude() * t.rope.Magnitude()))
	for i, p := range t.order {
		a, b, c, d := start[2*i], start[2*i+1], within[2*i], within[2*i+1]
		pair := [2]float32{x[2*i], x[2*i+1]}
		rotatePair(pair[:], f*(a*c-b*d), -f*(a*d+b*c))
		re, im := t.rope.Pair(p)
		dst[re], dst[im] = pair[0], pair[1]
	}
	copy(dst[t.rope.Dims():], x[t.rope.Dims():])
}

// angles returns the two numbers per pair whose product rotates it to a position.
func (t *BlockRope) angles(pos int) (start, within []float32) {
	n := 2 * len(t.order)
	return t.starts[pos/chunk*n:][:n], t.within[pos%chunk*n:][:n]
}

// rotatePair multiplies a pair by c + js.
func rotatePair(x []float32, c, s float32) { x[0], x[1] = x[0]*c-x[1]*s, x[0]*s+x[1]*c }

// rotateKept rotates the part of a head that is approximated, by the middles of the blocks of a position: x is what
// follows the first 2·first values.
func (t *BlockRope) rotateKept(x []float32, pos int) {
	for _, l := range t.levels {
		for i, a := 0, t.blockAngles(l, pos); i < len(a); i += 2 {
			rotatePair(x[2*(l.lo-t.first)+i:], a[i], a[i+1])
		}
	}
}

// unrotate writes pairs of a rotated head, x, as they are seen from where a has cosines and sines: dst [len(a)].
func unrotate(dst, x, a []float32) {
	dst, x = dst[:len(a)], x[:len(a)]
	for i := 1; i < len(a); i += 2 {
		c, s, re, im := a[i-1], a[i], x[i-1], x[i]
		dst[i-1], dst[i] = re*c+im*s, im*c-re*s
	}
}
