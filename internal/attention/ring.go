package attention

import (
	"slices"

	"github.com/latentgo/latentgo/internal/hugepage"
	"github.com/latentgo/latentgo/internal/kernel"
)

// recentRing is the ring of a store: keys, rotated, and values of the newest tokens; and a copy of what a ring held, to
// go back to. Tokens get their rows when they become compressed: those before made have them, those before due when the
// pass has gone well.
type recentRing struct {
	ring
	first     ring // the first tokens of the text
	mark      ring
	made, due int
}

// ring holds keys and values of positions lo … hi-1, per key/value head those of size slots. Of rows of latent attention
// it has no values: they are the ends of the keys.
type ring struct {
	keys, values []ringRows
	d, v, size   int
	lo, hi       int
}

// ringRows are the keys, or values, of a head's slots: half floats as the model has them or, beside codes, blocks of
// kernel.ToBlockFloat. Those take half of the bytes, and their values are half floats as well: a prompt's pass, which has
// its tokens side by side, sees them rounded as a decode step does.
type ringRows struct {
	width int
	half  []uint16
	block []byte
}

// ringShape is what a layer keeps of recent tokens: keys of d values and values of v of some key/value heads.
type ringShape struct {
	tokens int // W
	first  int // tokens at the beginning of a text that are kept too
	heads  int
	d, v   int
	blocks bool // in blocks instead of half floats
	tails  bool // values are the ends of keys
}

// markSize returns how many tokens a mark keeps: the recent ones of the next token and of the last.
func (r *ringShape) markSize() int { return r.tokens + recentStep }

// ringSize returns how many the ring keeps: the recent ones, and some for going back.
func (r *ringShape) ringSize() int { return r.tokens + 2*recentStep }

// tokenBytes is the size of a token's keys and values.
func (r *ringShape) tokenBytes() int {
	v := r.v
	if r.tails {
		v = 0
	}
	if r.blocks {
		return r.heads * (blockBytes(r.d) + blockBytes(v))
	}
	return 2 * r.heads * (r.d + v)
}

// blockBytes returns the size of n values in blocks.
func blockBytes(n int) int { return blocks(n) / kernel.BlockFloatBlock * kernel.BlockFloatSize }

// RingBytes returns how many bytes a store of the layer takes for its newest tokens and its mark, however many tokens
// it holds.
func (l *Layer) RingBytes() int {
	if l.ring == nil {
		return 0
	}
	return (l.ring.ringSize() + l.ring.markSize() + l.ring.first) * l.ring.tokenBytes()
}

func (r *ringShape) newRing(size int) ring {
	x := ring{d: r.d, v: r.v, size: size}
	for range r.heads {
		x.keys = append(x.keys, r.newRows(size, r.d))
		if !r.tails {
			x.values = append(x.values, r.newRows(size, r.v))
		}
	}
	return x
}

func (r *ringShape) newRows(size, width int) ringRows {
	if r.blocks {
		return ringRows{width: width, block: hugepage.Make[byte](size * blockBytes(width))}
	}
	return ringRows{width: width, half: hugepage.Make[uint16](size * width)}
}

// key and value return those of head k at pos, of a ring of half floats.
func (r *ring) key(k, pos int) []uint16   { return r.keys[k].half[pos%r.size*r.d:][:r.d] }
func (r *ring) value(k, pos int) []uint16 { return r.values[k].half[pos%r.size*r.v:][:r.v] }

// blocksAt returns n rows in blocks.
func (x *ringRows) blocksAt(slot, n int) []byte {
	size := blockBytes(x.width)
	return x.block[slot*size:][:n*size]
}

// put keeps half floats as row slot. Those in blocks are rounded, with scratch of as many floats.
func (x *ringRows) put(slot int, row []uint16, scratch []float32) {
	if x.block == nil {
		copy(x.half[slot*x.width:][:x.width], row)
		return
	}
	kernel.F16ToF32(scratch, row[:x.width])
	kernel.ToBlockFloat(x.blocksAt(slot, 1), scratch[:x.width])
}

// run returns n rows from slot on in half floats, and how far they are apart: in dst, where they are in blocks.
func (x *ringRows) run(dst []uint16, slot, n int) (rows []uint16, stride int) {
	if x.block == nil {
		return x.half[slot*x.width:][:n*x.width], x.width
	}
	kernel.BlockFloatToF16(dst, x.blocksAt(slot, n))
	return dst, blocks(x.width)
}

// valueRun is ringRows.run for values of head k.
func (r *ring) valueRun(dst []uint16, k, slot, n int) (rows []uint16, stride int) {
	if r.values != nil {
		return r.values[k].run(dst, slot, n)
	}
	rows, stride = r.keys[k].run(dst, slot, n)
	return rows[r.d-r.v:], stride
}

// put keeps key and value of head k as those of a slot.
func (r *ring) put(slot, k int, key, value []uint16, scratch []float32) {
	r.keys[k].put(slot, key, scratch)
	if r.values != nil {
		r.values[k].put(slot, value, scratch)
	}
}

// copyToken makes slot hold what another ring has of head k in slot at.
func (r *ring) copyToken(slot, k int, from *ring, at int) {
	r.keys[k].copyRow(slot, &from.keys[k], at)
	if r.values != nil {
		r.values[k].copyRow(slot, &from.values[k], at)
	}
}

// copyRow copies a row of from, which has the same shape.
func (x *ringRows) copyRow(slot int, from *ringRows, at int) {
	if x.block == nil {
		copy(x.half[slot*x.width:][:x.width], from.half[at*x.width:])
		return
	}
	copy(x.blocksAt(slot, 1), from.blocksAt(at, 1))
}

// bytes returns the memory.
func (x *ringRows) bytes() []byte {
	if x.block == nil {
		return bytesOf(x.half)
	}
	return x.block
}

// take makes r hold what from has of positions lo … hi-1.
func (r *ring) take(from *ring, lo, hi int) {
	for pos := lo; pos < hi; pos++ {
		for k := range r.keys {
			r.copyToken(pos%r.size, k, from, pos%from.size)
		}
	}
	r.lo, r.hi = lo, hi
}

func (r *ring) clone() ring {
	c := *r
	c.keys, c.values = cloneRows(r.keys), cloneRows(r.values)
	return c
}

func cloneRows(rows []ringRows) []ringRows {
	out := slices.Clone(rows)
	for i := range out {
		out[i].half, out[i].block = slices.Clone(out[i].half), slices.Clone(out[i].block)
	}
	return out
}
