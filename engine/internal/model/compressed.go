package model

import (
	"fmt"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Names of a compressed layer's tensors, after "blk.N.".
const (
	TensorEncodeKV = "attn_latent_kv.weight" // [heads·(d+v), R+L, blocks], fastest dimension first as all here
	TensorPairs    = "attn_latent_pairs"     // [R/2, blocks], I32
	TensorKeyMean  = "attn_latent_k.mean"    // [heads·d], F32: what rows hold keys without; may be missing, only with a recent window
	TensorQuery    = "attn_latent_q.weight"  // [d, R+key size, key/value heads]
	TensorValue    = "attn_latent_v.weight"  // [L, v, key/value heads]

	// Of a form for llama.cpp, before it is written, in place of TensorEncodeKV:
	TensorEncode     = "attn_latent.weight" // [width, blocks·(R+L)]
	TensorEncodeBias = "attn_latent.bias"   // [blocks·(R+L)]
)

// maxRecent bounds the recent window.
const maxRecent = 4096

// compressed is grouped-query attention over compressed rows. Its cache holds, per block of key/value heads, one row
// [R rotated | L latent] per token, from which keys and values are made again.
//
// There are two forms. In our own, recent tokens are kept beside as the model has them and the rows of the others hold
// keys without RoPE (recent.go). In the form for llama.cpp, RoPE is applied before rows are cached, and a row comes
// straight from the layer's input.
type compressed struct {
	projections
	output
	latent
	encode     Linear           // [blocks·(R+L), width]: rows from the layer's input, in the form for llama.cpp
	encodeBias []float32        // or nil
	encodeKV   []*kernel.Matrix // otherwise: per block [R+L, heads·(d+v)], rows from its keys and values
	pairs      []int32          // [blocks·R/2] RoPE pair of each rotated pair
	keyMean    []float32        // [key/value heads, d], of the keys that encodeKV takes; nil for none
	recent     *attention.RecentWindow
}

// loadCompressed loads a compressed layer's own tensors; a has the projection of queries and W_O.
func loadCompressed(ld *Loader, i int, a *gqa, s CompressedShape) mixer {
	name := func(n string) string { return LayerName(i, n) }
	g, row := a.spec.Geometry, s.R+s.L
	c := &compressed{projections: a.projections, output: a.output}
	if a.spec.ALiBi != 0 || a.spec.Both {
		ld.failLayer(i, fmt.Errorf("compressed rows under ALiBi or attention to later tokens: %w", ErrUnsupported))
		return c
	}
	c.latent = latent{geo: g, r: s.R, l: s.L, blocks: s.Blocks, keys: s.KeyRank(), source: c}
	if s.Recent == 0 && ld.has(name(TensorEncode)) {
		c.encode = Linear{ld.matrix(name(TensorEncode), s.Blocks*row, ld.spec.Width), 1, nil, nil}
		c.encodeBias = ld.vector(name(TensorEncodeBias), s.Blocks*row, false)
		ld.ignore(name("attn_k"), name("attn_v"))
	} else {
		c.encodeKV = ld.matrices(name(TensorEncodeKV), s.Blocks, row, g.KVHeads/s.Blocks*(g.KeySize+g.ValueSize))
		c.loadKeysValues(ld, name, ld.spec.Width)
	}
	rope := ld.ropes[c.spec.Rope]
	c.pairs = ld.pairs(name(TensorPairs), s, rope.rope.Dims()/2)
	c.query = ld.perHead(name(TensorQuery), g, s.R+c.keys, g.KeySize)
	c.value = ld.perHead(name(TensorValue), g, g.ValueSize, s.L)
	if ld.err != nil {
		return c
	}
	if m := rope.rope.Magnitude(); a.rotated != nil && m != 1 {
		ld.failLayer(i, fmt.Errorf("compressed rows under norms that come after RoPE of magnitude %v, not 1: %w", m, ErrUnsupported))
		return c
	}
	c.projections.types, c.output.types = actTypes(c.inputMatrices()...), actTypes(c.o)
	if s.Recent > 0 {
		if c.keyMean = ld.vector(name(TensorKeyMean), g.KVHeads*g.KeySize, false); ld.err != nil {
			return c
		}
		ld.failLayer(i, c.buildRecent(s, rope.block))
	} else {
		ld.failLayer(i, c.buildRotated())
	}
	return c
}

// buildRotated builds attention over rows that are rotated before they are cached.
func (c *compressed) buildRotated() error {
	g := c.geo
	for _, q := range c.query {
		c.key = append(c.key, transposed(q, c.r, c.l))
	}
	var err error
	if c.attn, err = attention.NewLatent(g.Heads, c.blocks, c.r, c.l, g.Window); err != nil {
		return err
	}
	c.attn.SetSoftmax(c.softmax)
	c.expanded, err = attention.NewGQA(attn.Geometry{
		Heads: g.Heads, KVHeads: max(len(c.query), len(c.value)), KeySize: c.r + g.KeySize, ValueSize: g.ValueSize, Window: g.Window,
	})
	if err == nil {
		c.expanded.SetSoftmax(c.softmax)
	}
	return err
}

// checkPerKey makes sure that there is one matrix for each key/value head.
func (c *compressed) checkPerKey() error {
	if n := c.geo.KVHeads; len(c.query) != n || len(c.value) != n {
		return fmt.Errorf("%q and %q have %d and %d matrices for %d key/value heads: %w",
			TensorQuery, TensorValue, len(c.query), len(c.value), n, ErrInvalid)
	}
	return nil
}

// perHead loads matrices [rows, cols] of which a tensor has one for each key/value head, or for each query head.
func (ld *Loader) perHead(name string, g attn.Geometry, rows, cols int) []*kernel.Matrix {
	n := g.KVHeads
	if t, err := ld.tensor(name); err == nil && len(t.Shape) == 3 && t.Shape[2] == uint64(g.Heads) {
		n = g.Heads
	}
	return ld.matrices(name, n, rows, cols)
}

// pairs loads the RoPE pairs of a layer's rotated values.
func (ld *Loader) pairs(name string, s CompressedShape, limit int) []int32 {
	if s.R == 0 {
		return nil
	}
	return ld.ints(name, 0, int32(limit-1), s.R/2, s.Blocks)
}

func (c *compressed) inputs() []kernel.ActType { return c.projections.types }

// inputMatrices are the matrices that the layer's input is multiplied by.
func (c *compressed) inputMatrices() []Linear {
	if c.encodeKV == nil {
		return []Linear{c.q, c.encode}
	}
	return []Linear{c.q, c.k, c.v, c.gate}
}

func (c *compressed) include(e *executor) {
	c.projections.include(e)
	c.includeRows(e)
}

func (c *compressed) newState(f CacheFormat, n int) State { return newStore(c.forms[f], f, n) }

func (c *compressed) size(f CacheFormat) CacheSize { return cacheSize(c.forms[f], f) }

func (c *compressed) bytes(f CacheFormat, depth int) (weights, cache int) {
	weights = matrixBytes(c.q.Matrix, c.k.Matrix, c.v.Matrix, c.gate.Matrix, c.o.Matrix, c.encode.Matrix)
	weights += matrixBytes(c.encodeKV...) + matrixBytes(c.query...) + matrixBytes(c.value...)
	return weights, c.rowBytes(f, depth)
}

func (c *compressed) run(p *pass, w *worker, l *Layer) {
	if p.probe.begins(StageInput) {
		out := []projection{{c.q, p.q}, {c.encode, p.k}, {}, {}}[:2]
		if c.encodeKV != nil {
			out = []projection{{c.q, p.q}, {c.k, p.k}, {c.v, p.v}, {c.gate, p.gates}}
		}
		p.project(w, &w.in, out...)
		w.Barrier()
		c.copyKeys(p, w)
		c.normWhole(p, w)
		switch {
		case c.recent == nil:
			c.readyQueries(p, w)
			c.attend(p, w, l)
		case p.single():
			c.recentOne(p, w, l)
		default:
			c.recentMany(p, w, l)
		}
		c.applyGate(p, w)
	}
	p.probe.headsDone(p, w)
	if !p.probe.ends(StageHeads) {
		c.output.project(p, w)
	}
}

// readyQueries readies the worker's rows of queries in a batch; a decode step does so with its own copy.
func (c *compressed) readyQueries(p *pass, w *worker) {
	if p.single() {
		return
	}
	n := c.geo.Heads * c.geo.KeySize
	for t := w.lo; t < w.hi; t++ {
		c.unrotatedQuery(p, p.q[t*n:][:n], p.table(c.spec.Rope, t), p.pos[t])
	}
}

// blockPairs returns the RoPE pairs of block b.
func (c *compressed) blockPairs(b int) []int32 { return c.pairs[b*c.r/2:][:c.r/2] }

// block returns the block that query head h belongs to.
func (c *compressed) block(h int) int { return h / (c.geo.Heads / c.blocks) }

// decodeQueries implements rowSource.
func (c *compressed) decodeQueries(p *pass, w *worker) {
	g, row := c.geo, c.attn.KeySize
	q := w.query[:g.Heads*g.KeySize]
	copy(q, p.q)
	c.unrotatedQuery(p, q, p.table(c.spec.Rope, 0), p.pos[0])
	heads := g.Heads / len(c.query)
	lo, hi := w.Share(len(c.query) * row / 2)
	for i, t := range c.query {
		r0, r1 := max(2*lo-i*row, 0), min(2*hi-i*row, row) // even, so that pairs stay together
		if r0 >= r1 {
			continue
		}
		dst := p.queries[i*heads*row:][:heads*row]
		w.small.mulRows(dst, t, r0, r1, q[i*heads*g.KeySize:], heads)
		for h := range heads {
			p0, p1 := min(r0, c.r)/2, min(r1, c.r)/2
			rotatePairs(dst[h*row+2*p0:], c.blockPairs(c.block(i*heads + h))[p0:p1], p.tables[c.spec.Rope])
		}
	}
}

// row implements rowSource.
func (c *compressed) row(p *pass, w *worker, b, t int, dst []float32) {
	n := len(dst)
	if c.encodeKV == nil {
		copy(dst, p.k[(t*c.blocks+b)*n:][:n])
		if c.encodeBias != nil {
			addBias(dst, c.encodeBias[b*n:][:n], 0, 1)
		}
	} else {
		w.small.mul(dst, c.encodeKV[b], n, c.keysValues(p, w, b, t), 1)
	}
	rotatePairs(dst, c.blockPairs(b), p.table(c.spec.Rope, t))
}

// keysValues returns [keys | values] of block b's heads of row t, with biases and norm, before RoPE.
func (c *compressed) keysValues(p *pass, w *worker, b, t int) []float32 {
	g := c.geo
	heads := g.KVHeads / c.blocks
	z := sized(&w.small.in, heads*(g.KeySize+g.ValueSize))
	keys, values := z[:heads*g.KeySize], z[heads*g.KeySize:]
	copy(keys, p.k[(t*g.KVHeads+b*heads)*g.KeySize:])
	copy(values, p.v[(t*g.KVHeads+b*heads)*g.ValueSize:])
	for i := range heads {
		c.unrotatedKV(b*heads+i, keys[i*g.KeySize:][:g.KeySize], values[i*g.ValueSize:][:g.ValueSize])
	}
	c.centre(b, keys)
	return z
}

// centre takes the means from the keys of block b's heads.
func (c *compressed) centre(b int, keys []float32) {
	if c.keyMean != nil {
		vek32.Sub_Inplace(keys, c.keyMean[b*len(keys):][:len(keys)])
	}
}

// rowQueries implements rowSource.
func (c *compressed) rowQueries(p *pass, w *worker, lo, hi int) {
	c.projectQueries(p, w, lo, hi, c.attn.KeySize, c.attn.KeySize, 0)
}

// expandedQueries implements rowSource.
func (c *compressed) expandedQueries(p *pass, w *worker, lo, hi int) {
	g, width := c.geo, c.expanded.KeySize
	c.projectQueries(p, w, lo, hi, c.r, width, 0)
	for i := lo * g.Heads; i < hi*g.Heads; i++ {
		copy(p.queries[i*width+c.r:][:g.KeySize], p.q[i*g.KeySize:])
	}
}

// projectQueries writes the first n values of each query head's row, rotated, width apart from column col on.
func (c *compressed) projectQueries(p *pass, w *worker, lo, hi, n, width, col int) {
	g := c.geo
	group := g.Heads / len(c.query)
	if n == 0 {
		return
	}
	for k, t := range c.query {
		at := func(i, size int) int { return ((lo+i/group)*g.Heads + k*group + i%group) * size }
		w.small.gather(t, n, (hi-lo)*group,
			func(i int) []float32 { return p.q[at(i, g.KeySize):] },
			func(i int) []float32 { return p.queries[at(i, width)+col:] })
		for i := range (hi - lo) * group {
			rotatePairs(p.queries[at(i, width)+col:], c.blockPairs(c.block(k*group)), p.table(c.spec.Rope, lo+i/group))
		}
	}
}
