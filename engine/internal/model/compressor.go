package model

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// compressor makes one row of each pool of neighbouring tokens, from the first token on (DeepSeek V4). Value c of it is
//
//	Σ_i softmax_i(g_i,c + a_i,c) · k_i,c        k = W_k · h   g = W_g · h
//
// over the pool's tokens i, normed and rotated to the first one's position at its end. With overlap k, g and a have
// twice as many values: a pool's own tokens count with the second half, and those of the pool before with the first.
//
// What a pool still needs of earlier passes is in a ring of tokens [k | g], a part of a recurrent state.
type compressor struct {
	kv, gate Linear    // [values, width]
	places   []float32 // a [tokens, values]
	norm     *normWeights
	tokens   int // of a pool
	overlap  bool
	rope     int              // index in Spec.Ropes
	turned   bool             // rows are multiplied by a Hadamard matrix, as an indexer's are
	rows     *attention.Layer // by which rows are cached
	at       int              // where the ring begins in the state
}

// compressor loads that of tensors "<name>_kv" and so on, of rows of size values.
func (ld *Loader) compressor(i int, name string, size int, s *PoolAttention) *compressor {
	full := func(part string) string { return LayerName(i, name+"_"+part) }
	c := &compressor{tokens: s.Pool, overlap: s.Overlap, rope: s.Rope}
	n := size
	if s.Overlap {
		n *= 2
	}
	c.kv, c.gate = ld.linear(full("kv"), n, ld.spec.Width, false), ld.linear(full("gate"), n, ld.spec.Width, false)
	c.places, c.norm = ld.floats(full("ape.weight"), n, s.Pool), ld.norm(full("norm"), size)
	if ld.err == nil {
		var err error
		c.rows, err = attention.NewLatent(1, 1, 0, size, 0)
		ld.failLayer(i, err)
	}
	return c
}

// ring returns how many tokens it has, and stateSize the values that these take.
func (c *compressor) ring() int {
	if c.overlap {
		return 2 * c.tokens
	}
	return c.tokens
}

func (c *compressor) stateSize() int { return c.ring() * 2 * c.kv.Rows }

// slot returns k and g of the token at pos in a state.
func (c *compressor) slot(state []float32, pos int) (k, g []float32) {
	n := c.kv.Rows
	row := state[c.at+pos%c.ring()*2*n:][:2*n]
	return row[:n], row[n:]
}

// compressorInput is what a compressor works on in a pass.
type compressorInput struct {
	k, g []float32 // [rows, values]
	seg  *segment
	past []float32 // state before the segment
}

// token returns k and g of the token at pos, which may be before the segment.
func (in *compressorInput) token(c *compressor, pos int) (k, g []float32) {
	if t := pos - in.seg.pos; t >= 0 {
		n := c.kv.Rows
		return in.k[(in.seg.at+t)*n:][:n], in.g[(in.seg.at+t)*n:][:n]
	}
	return c.slot(in.past, pos)
}

// keep writes this worker's share of the ring behind the segment.
func (c *compressor) keep(w *worker, in compressorInput, after []float32) {
	end := in.seg.pos + in.seg.n
	lo, hi := w.Share(c.ring())
	for i := lo; i < hi; i++ {
		c.keepAt(in, after, end-c.ring()+i)
	}
}

// keepAt writes what the ring has of the token at pos; there is none before the text.
func (c *compressor) keepAt(in compressorInput, after []float32, pos int) {
	if pos < 0 {
		return
	}
	k, g := in.token(c, pos)
	toK, toG := c.slot(after, pos)
	copy(toK, k)
	copy(toG, g)
}

// pools makes this worker's share of the rows of pools that the segment ends, and caches them in dst. Others may use them
// after a barrier.
func (c *compressor) pools(p *pass, w *worker, in compressorInput, dst *attention.Store) {
	first, end := in.seg.pos/c.tokens, (in.seg.pos+in.seg.n)/c.tokens
	lo, hi := w.Share(end - first)
	if lo == hi {
		return
	}
	size, rope := c.rows.ValueSize, p.ropes[c.rope].rope
	row, table := sized(&w.pick.row, size), sized(&w.small.out, rope.Dims())
	for j := first + lo; j < first+hi; j++ {
		c.pool(w, in, row, j)
		c.norm.apply(row, row)
		rope.Table(table, j*c.tokens)
		rope.Rotate(row[size-len(table):], table)
		if c.turned {
			kernel.Hadamard(row, false) // which products don't change: half floats round as llama.cpp's do
		}
		dst.Append(j, 0, row, nil)
	}
}

// pool sums up pool j.
func (c *compressor) pool(w *worker, in compressorInput, dst []float32, j int) {
	n, values := len(dst), c.kv.Rows
	buf := sized(&w.pick.block, 3*n)
	peak, sum, tmp := buf[:n], buf[n:2*n], buf[2*n:]
	each := func(do func(k, g, a []float32)) {
		if c.overlap && j > 0 {
			for i := range c.tokens {
				k, g := in.token(c, (j-1)*c.tokens+i)
				do(k[:n], g[:n], c.places[i*values:][:n])
			}
		}
		for i := range c.tokens {
			k, g := in.token(c, j*c.tokens+i)
			do(k[values-n:], g[values-n:], c.places[(i+1)*values-n:][:n])
		}
	}
	begun := false
	each(func(_, g, a []float32) {
		vek32.Add_Into(tmp, g, a)
		if !begun {
			begun = true
			copy(peak, tmp)
		}
		vek32.Maximum_Inplace(peak, tmp)
	})
	clear(dst)
	clear(sum)
	each(func(k, g, a []float32) {
		vek32.Add_Into(tmp, g, a)
		vek32.Sub_Inplace(tmp, peak)
		kernel.ExpSum(tmp, tmp, 0)
		vek32.Add_Inplace(sum, tmp)
		vek32.Mul_Inplace(tmp, k)
		vek32.Add_Inplace(dst, tmp)
	})
	vek32.Div_Inplace(dst, sum)
}

// newPools returns the state of a new sequence's rows, in a format.
func (c *compressor) newPools(f CacheFormat, n int) State {
	return perPool{newStore(c.rows, f, (n+c.tokens-1)/c.tokens), c.tokens}
}

// rotateEnd rotates the last values of x by a table, or with back the other way round.
func rotateEnd(rope *attn.Rope, x, table []float32, back bool) {
	x = x[len(x)-rope.Dims():]
	if !back {
		rope.Rotate(x, table)
		return
	}
	for i := 0; i < len(table); i += 2 {
		a, b := rope.Pair(i / 2)
		c, s := table[i], table[i+1]
		x[a], x[b] = x[a]*c+x[b]*s, x[b]*c-x[a]*s
	}
}
