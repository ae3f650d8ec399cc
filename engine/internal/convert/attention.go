package convert

import (
	"context"
	"encoding/binary"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/attn/transmla"
	"github.com/latentgo/latentgo/engine/internal/convert/llamacpp"
	"github.com/latentgo/latentgo/engine/internal/convert/statistics"
	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/ggtype"
)

// Values of transmla.CompressOptions.KeyWeight, for our own form and for that of llama.cpp. RATIONALE.md has the
// figures.
const (
	keyWeight      = 2.5
	llamaKeyWeight = 4
)

// compressAttention makes the tensors of a layer's compressed attention.
func (c *layerwise) compressAttention(ctx context.Context, l *model.Layer, made tensors.Map) error {
	var samples *[]transmla.Sample
	if c.llama {
		samples = new([]transmla.Sample)
	}
	p, _ := l.Projections()
	stats, err := c.walk.Moments(ctx, l, c.centred(l.Index, p), samples)
	if err != nil {
		return err
	}
	rope, _ := c.m.Rope(p.Rope)
	s, o := c.plan[l.Index], c.compressOptions(l.Index, p)
	var parts []*transmla.Compressed
	metrics := tensors.OutputMetrics(p)
	for b := range s.Blocks {
		m := blockMoments(p, stats, metrics, b, s.Blocks)
		if c.llama {
			if o.Factors, err = c.fit(rope, m, o, *samples); err != nil {
				return err
			}
		}
		part, err := transmla.Compress(rope, m, o)
		if err != nil {
			return err
		}
		parts = append(parts, part)
	}
	if s.Recent > 0 {
		if err := addMeans(made, model.LayerName(l.Index, model.TensorKeyMean), stats.Mean); err != nil {
			return err
		}
	}
	return c.attentionTensors(l.Index, p, parts, made)
}

// centred names the key values of layer i whose means are carried beside the rows: those that compressed tokens are
// seen through, and what rows leave out, so that it takes no part in rounding. Rotated values keep their means.
// RATIONALE.md says why.
func (c *layerwise) centred(i int, p model.Projections) func(i int) bool {
	s := c.plan[i]
	if s.Recent == 0 {
		return nil
	}
	if s.R == 0 {
		return func(int) bool { return true }
	}
	rope, block := c.m.Rope(p.Rope)
	kept := slices.Repeat([]bool{true}, p.KeySize)
	for j := range rope.Freqs() {
		a, b := rope.Pair(j)
		kept[a], kept[b] = block.Keeps(j), block.Keeps(j)
	}
	return func(i int) bool { return kept[i%p.KeySize] }
}

// addMeans adds the means of keys.
func addMeans(made tensors.Map, name string, mean []float32) error {
	data, err := tensors.EncodeFloats(ggtype.F32, mean, len(mean))
	made.Add(name, ggtype.F32, data, len(mean))
	return err
}

// compressOptions says how layer i is to be compressed.
func (c *layerwise) compressOptions(i int, p model.Projections) transmla.CompressOptions {
	s, span := c.plan[i], c.walk.Longest()
	if p.Window > 0 {
		span = min(span, p.Window)
	}
	o := transmla.CompressOptions{R: s.R, L: s.L, Keys: s.KeyRank(), Context: span, KeyWeight: keyWeight}
	if s.Recent > 0 {
		_, block := c.m.Rope(p.Rope)
		o.Keeps = block.Keeps
	}
	if c.llama {
		o.Pairs, o.KeyWeight = llamacpp.Pairs(s.R), llamaKeyWeight
	}
	return o
}

// fit finds the factors with which query heads meet rows whose keys are rotated before they are cached, or not at all.
// Our own form, which rotates them however far away they are, has no need.
func (c *layerwise) fit(
	rope *attn.Rope, m *transmla.Moments, o transmla.CompressOptions, samples []transmla.Sample,
) ([]transmla.QueryFactors, error) {
	f, err := transmla.NewFit(rope, m, o, samples)
	if err != nil {
		return nil, err
	}
	out := make([]transmla.QueryFactors, m.Heads)
	return out, c.m.Parallel(m.Heads, func(h int) (err error) {
		out[h], err = f.Factors(h)
		return err
	})
}

// blockMoments cuts the statistics of block b of n out of the layer's.
func blockMoments(p model.Projections, stats *statistics.Moments, metrics []*mat.SymDense, b, n int) *transmla.Moments {
	g := p.Geometry
	g.KVHeads /= n
	g.Heads /= n
	m := &transmla.Moments{Geometry: g, KV: mat.NewSymDense(g.KVHeads*(g.KeySize+g.ValueSize), nil)}
	at := func(i int) int { // index in the layer's z of index i in the block's
		if k := g.KVHeads * g.KeySize; i >= k {
			return p.KVHeads*p.KeySize + b*g.KVHeads*g.ValueSize + i - k
		}
		return b*g.KVHeads*g.KeySize + i
	}
	for i := range m.KV.SymmetricDim() {
		for j := range i + 1 {
			m.KV.SetSym(i, j, float64(stats.KV.Row(at(i))[at(j)]))
		}
	}
	for h := range g.Heads {
		m.Query = append(m.Query, stats.Query.Block((b*g.Heads+h)*g.KeySize, g.KeySize))
	}
	m.Output = metrics[b*g.KVHeads:][:g.KVHeads]
	return m
}

// attentionTensors adds the tensors of compressed layer i to made.
func (c *layerwise) attentionTensors(i int, p model.Projections, parts []*transmla.Compressed, made tensors.Map) error {
	var enc, query, value []*mat.Dense
	var pairs []byte
	for _, part := range parts {
		enc = append(enc, part.Encode)
		query, value = append(query, part.Query...), append(value, part.Value...)
		for _, x := range part.Pairs {
			pairs = binary.LittleEndian.AppendUint32(pairs, uint32(x))
		}
	}
	name := func(s string) string { return model.LayerName(i, s) }
	if s := c.plan[i]; s.R > 0 {
		made.Add(name(model.TensorPairs), ggtype.I32, pairs, s.R/2, s.Blocks)
	}
	if err := addStack(made, name(model.TensorQuery), ggtype.F16, query); err != nil {
		return err
	}
	if err := addStack(made, name(model.TensorValue), ggtype.F16, value); err != nil {
		return err
	}
	if !c.llama { // keys and values are needed anyway
		_, cols := enc[0].Dims()
		return addStack(made, name(model.TensorEncodeKV), tensors.EncoderType(p.K.Type, cols), enc)
	}
	return c.foldedTensors(i, p, enc, made)
}

// addStack adds a tensor that holds matrices of one size.
func addStack(made tensors.Map, name string, typ ggtype.Type, m []*mat.Dense) error {
	rows, cols := m[0].Dims()
	data, err := tensors.Encode(typ, m...)
	made.Add(name, typ, data, cols, rows, len(m))
	return err
}

// foldedTensors adds encoders that take a layer's input instead of its keys and values.
func (c *layerwise) foldedTensors(i int, p model.Projections, enc []*mat.Dense, made tensors.Map) error {
	folded, bias := fold(p, enc)
	if bias != nil {
		data, err := tensors.Encode(ggtype.F32, mat.NewDense(1, len(bias), bias))
		if err != nil {
			return err
		}
		made.Add(model.LayerName(i, model.TensorEncodeBias), ggtype.F32, data, len(bias))
	}
	rows, width := folded.Dims()
	typ := tensors.EncoderType(ggtype.Q8_0, width)
	data, err := tensors.Encode(typ, folded)
	made.Add(model.LayerName(i, model.TensorEncode), typ, data, width, rows)
	return err
}

// fold multiplies the blocks' encoders by the projections of keys and values: [blocks·(R+L), width]. The bias is nil
// when the model has none.
func fold(p model.Projections, enc []*mat.Dense) (*mat.Dense, []float64) {
	k, v := tensors.Dense(p.K), tensors.Dense(p.V)
	row, _ := enc[0].Dims()
	_, width := k.Dims()
	out := mat.NewDense(row*len(enc), width, nil)
	var bias []float64
	heads := p.KVHeads / len(enc)
	nk, nv := heads*p.KeySize, heads*p.ValueSize
	for b, e := range enc {
		var keys, values mat.Dense
		keys.Mul(e.Slice(0, row, 0, nk), k.Slice(b*nk, (b+1)*nk, 0, width))
		values.Mul(e.Slice(0, row, nk, nk+nv), v.Slice(b*nv, (b+1)*nv, 0, width))
		out.Slice(b*row, (b+1)*row, 0, width).(*mat.Dense).Add(&keys, &values)
		if p.KBias == nil && p.VBias == nil {
			continue
		}
		z := mat.NewVecDense(nk+nv, nil)
		for j := range nk {
			if p.KBias != nil {
				z.SetVec(j, float64(p.KBias[b*nk+j]))
			}
		}
		for j := range nv {
			if p.VBias != nil {
				z.SetVec(nk+j, float64(p.VBias[b*nv+j]))
			}
		}
		var x mat.VecDense
		x.MulVec(e, z)
		bias = append(bias, x.RawVector().Data...)
	}
	return out, bias
}
