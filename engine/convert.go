package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"runtime/debug"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/attn/transmla"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
	"gonum.org/v1/gonum/mat"
)

// compressOptions says what a model is compressed to, and on what text.
type compressOptions struct {
	plan    []latentShape  // per layer; l = 0 leaves it exact
	windows [][]int32      // calibration text in pieces of 2 tokens or more, each from an empty cache
	compat  bool           // only rotated components that architecture deepseek2 can express
	refine  *refineOptions // nil: no refinement; with compat
}

// compress makes the tensors that a compressed model has in place of its own, by name. The model itself does not change.
// The caller has the turn. progress may be nil.
func (m *Model) compress(ctx context.Context, o compressOptions, progress func(stage string, done, total int)) (map[string]*tensor, error) {
	debug.FreeOSMemory() // of what measured perplexity
	m.file.Release()
	made := map[string]*tensor{}
	c := &converter{m: m, cal: newCalibration(m, o.windows), h: m.h.planned(o.plan), plan: o.plan, made: made, compat: o.compat}
	if err := c.h.makeTurns(m.run.ropes); err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(string, int, int) {}
	}
	if err := c.run(ctx, func(layer int) { progress(StageLayers, layer+1, m.h.layers) }); err != nil || o.refine == nil {
		return made, err
	}
	// The calibration takes much memory, of which this is what is needed from now on: the windows to be refined on are its first.
	seen := &o.refine.seen
	seen.targets, c.cal = c.targets(c.cal.x.rows(0, countTokens(seen.windows))), nil
	return made, c.refine(ctx, o.refine, func(done, total int) { progress(StageRefine, done, total) })
}

// converter turns a model's layers into compressed ones, in order.
type converter struct {
	m    *Model
	cal  *calibration
	h    *hparams      // of the converted model
	plan []latentShape // per layer
	made map[string]*tensor

	compat bool // see compressOptions
}

// ridgeShare is how strongly repaired projections are pulled towards the original, see gram.ridge. RATIONALE.md has the
// figures.
const ridgeShare = 0.2

// Values of transmla.CompressOptions.KeyWeight, for our own form and for that of llama.cpp. RATIONALE.md has the figures.
const (
	keyWeight       = 2.5
	compatKeyWeight = 4
)

// planned returns the hyperparameters of the model that a plan leads to.
func (h *hparams) planned(plan []latentShape) *hparams {
	n := *h
	n.latent, n.phase = plan, reachPhase
	return &n
}

// run converts all layers.
func (c *converter) run(ctx context.Context, done func(layer int)) error {
	if err := c.cal.embed(ctx); err != nil {
		return err
	}
	for i := range c.plan {
		if err := c.layer(ctx, i); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
		done(i)
	}
	return nil
}

// layer converts layer i and moves both streams behind it.
func (c *converter) layer(ctx context.Context, i int) error {
	made := map[string]*tensor{}
	if c.plan[i].l > 0 {
		if err := c.compress(ctx, i, made); err != nil {
			return err
		}
	}
	conv, err := c.load(i, made)
	if err != nil {
		return err
	}
	g, err := c.cal.attend(ctx, i, conv)
	if err != nil {
		return err
	}
	name := func(s string) string { return fmt.Sprintf("blk.%d.%s", i, s) }
	if err := c.repair(g, conv.o, name("attn_output.weight"), made); err != nil {
		return err
	}
	if conv, err = c.load(i, made); err != nil {
		return err
	}
	if err := c.cal.advance(ctx, i, conv); err != nil {
		return err
	}
	debug.FreeOSMemory() // heads' outputs are garbage now, and W_down's normal equations need the room
	if g, err = c.cal.feed(ctx, i, c.compat); err != nil {
		return err
	}
	if g != nil {
		if err := c.repair(g, conv.down, name("ffn_down.weight"), made); err != nil {
			return err
		}
		if conv, err = c.load(i, made); err != nil {
			return err
		}
	}
	if err := c.cal.advanceFeed(ctx, i, conv); err != nil {
		return err
	}
	maps.Copy(c.made, made)
	c.m.file.Release() // the file is gone through once
	return nil
}

// load builds layer i from the file's tensors and those made so far.
func (c *converter) load(i int, made map[string]*tensor) (*layer, error) {
	ld := &loader{f: c.m.file, over: made}
	l := new(layer)
	ld.layer(l, i, c.h, MLAOff)
	if ld.err == nil {
		c.m.run.include(l, c.h.ff[i])
	}
	return l, ld.err
}

// compress makes the tensors of layer i's compressed attention.
func (c *converter) compress(ctx context.Context, i int, made map[string]*tensor) error {
	var texts *[]transmla.Sample
	if c.compat {
		texts = new([]transmla.Sample)
	}
	kv, q, err := c.cal.moments(ctx, i, texts)
	if err != nil {
		return err
	}
	l, s := &c.m.w.layers[i], c.plan[i]
	span := c.cal.longest()
	if l.geo.Window > 0 {
		span = min(span, l.geo.Window)
	}
	o := transmla.CompressOptions{R: s.r, L: s.l, Keys: s.keys(), Context: span, KeyWeight: keyWeight}
	if s.near > 0 {
		o.Keeps = c.h.turns[l.rope].Keeps
	}
	if c.compat {
		o.Pairs, o.KeyWeight = compatPairs(s.r), compatKeyWeight
	}
	var parts []*transmla.Compressed
	for b := range s.blocks {
		m := c.blockMoments(l, kv, q, b, s.blocks)
		if c.compat {
			if o.Factors, err = c.fit(c.m.run.ropes[l.rope], m, o, *texts); err != nil {
				return err
			}
		}
		p, err := transmla.Compress(c.m.run.ropes[l.rope], m, o)
		if err != nil {
			return err
		}
		parts = append(parts, p)
	}
	return c.latentTensors(i, parts, made)
}

// fit finds how query heads ask rows whose keys are rotated before they are cached, or not at all. Our own form, which rotates them
// however far they are, has no need.
func (c *converter) fit(rope *attn.Rope, m *transmla.Moments, o transmla.CompressOptions, texts []transmla.Sample) ([]transmla.QueryFactors, error) {
	f, err := transmla.NewFit(rope, m, o, texts)
	if err != nil {
		return nil, err
	}
	asks := make([]transmla.QueryFactors, m.Heads)
	return asks, c.m.run.parallel(m.Heads, func(h int) (err error) {
		asks[h], err = f.Factors(h)
		return err
	})
}

// blockMoments cuts the statistics of block b of n out of the layer's.
func (c *converter) blockMoments(l *layer, kv, q *gram, b, n int) *transmla.Moments {
	g := l.geo
	g.KVHeads /= n
	g.Heads /= n
	m := &transmla.Moments{Geometry: g, KV: mat.NewSymDense(g.KVHeads*(g.KeySize+g.ValueSize), nil)}
	at := func(i int) int { // index in the layer's z of index i in the block's
		if k := g.KVHeads * g.KeySize; i >= k {
			return l.geo.KVHeads*g.KeySize + b*g.KVHeads*g.ValueSize + i - k
		}
		return b*g.KVHeads*g.KeySize + i
	}
	for i := range m.KV.SymmetricDim() {
		for j := range i + 1 {
			m.KV.SetSym(i, j, float64(kv.row(at(i))[at(j)]))
		}
	}
	for h := range g.Heads {
		m.Query = append(m.Query, q.diagonal((b*g.Heads+h)*g.KeySize, g.KeySize))
	}
	for k := range g.KVHeads {
		m.Output = append(m.Output, outputMetric(l, b*g.KVHeads+k))
	}
	return m
}

// diagonal returns the block of n rows and columns of AᵀA from index at on.
func (g *gram) diagonal(at, n int) *mat.SymDense {
	s := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			s.SetSym(i, j, float64(g.row(at + i)[at+j]))
		}
	}
	return s
}

// outputMetric returns Σ W_Oᵀ W_O over the query heads that share key/value head k.
func outputMetric(l *layer, k int) *mat.SymDense {
	v := l.geo.ValueSize
	w := dense(l.o)
	s := mat.NewSymDense(v, nil)
	for h := k * l.geo.Group(); h < (k+1)*l.geo.Group(); h++ {
		rows, _ := w.Dims()
		part := w.Slice(0, rows, h*v, (h+1)*v)
		var t mat.SymDense
		t.SymOuterK(1, part.T())
		s.AddSym(s, &t)
	}
	return s
}

// dense returns a matrix in double precision, [rows, cols].
func dense(l linear) *mat.Dense {
	d := mat.NewDense(l.Rows, l.Cols, nil)
	row := make([]float32, l.Cols)
	for r := range l.Rows {
		l.Row(row, r)
		for j, v := range row {
			d.Set(r, j, float64(v*l.scale))
		}
	}
	return d
}

// encoderType returns the type of what makes rows of n inputs, in a model whose projections have type t: it costs nothing beside theirs.
func encoderType(t kernel.Type, n int) kernel.Type {
	if n%32 != 0 || t == ggtype.F32 || t == ggtype.F16 || t == ggtype.BF16 {
		return ggtype.F16
	}
	return ggtype.Q8_0
}

// latentTensors adds a compressed layer's tensors to made.
func (c *converter) latentTensors(i int, parts []*transmla.Compressed, made map[string]*tensor) error {
	l, s := &c.m.w.layers[i], c.plan[i]
	var enc, query, value []*mat.Dense
	var pairs []byte
	for _, p := range parts {
		enc = append(enc, p.Encode)
		query, value = append(query, p.Query...), append(value, p.Value...)
		for _, x := range p.Pairs {
			pairs = binary.LittleEndian.AppendUint32(pairs, uint32(x))
		}
	}
	name := func(s string) string { return fmt.Sprintf("blk.%d.%s", i, s) }
	add := func(n string, typ kernel.Type, data []byte, shape ...int) {
		made[name(n)] = madeTensor(name(n), typ, data, shape...)
	}
	if s.r > 0 {
		add(tensorPairs, ggtype.I32, pairs, s.r/2, s.blocks)
	}
	row := s.r + s.l
	write := func(n string, typ kernel.Type, m []*mat.Dense) error {
		rows, cols := m[0].Dims()
		data, err := encode(typ, m...)
		add(n, typ, data, cols, rows, len(m))
		return err
	}
	if err := write(tensorQuery, ggtype.F16, query); err != nil {
		return err
	}
	if err := write(tensorValue, ggtype.F16, value); err != nil {
		return err
	}
	if !c.compat { // keys and values are needed anyway
		_, cols := enc[0].Dims()
		return write(tensorEncKV, encoderType(l.k.Type, cols), enc)
	}
	folded, bias := fold(l, enc)
	if bias != nil {
		data, err := encode(ggtype.F32, mat.NewDense(1, len(bias), bias))
		if err != nil {
			return err
		}
		add(tensorEncBias, ggtype.F32, data, len(bias))
	}
	typ := encoderType(ggtype.Q8_0, c.m.h.embed)
	data, err := encode(typ, folded)
	add(tensorEnc, typ, data, c.m.h.embed, s.blocks*row)
	return err
}

// fold multiplies the blocks' encoders by the projections of keys and values: [blocks·(R+L), width]. The bias is nil when
// the model has none.
func fold(l *layer, enc []*mat.Dense) (*mat.Dense, []float64) {
	g := l.geo
	k, v := dense(l.k), dense(l.v)
	row, _ := enc[0].Dims()
	_, width := k.Dims()
	out := mat.NewDense(row*len(enc), width, nil)
	var bias []float64
	heads := g.KVHeads / len(enc)
	for b, e := range enc {
		nk, nv := heads*g.KeySize, heads*g.ValueSize
		var keys, values mat.Dense
		keys.Mul(e.Slice(0, row, 0, nk), k.Slice(b*nk, (b+1)*nk, 0, width))
		values.Mul(e.Slice(0, row, nk, nk+nv), v.Slice(b*nv, (b+1)*nv, 0, width))
		out.Slice(b*row, (b+1)*row, 0, width).(*mat.Dense).Add(&keys, &values)
		if l.kBias != nil || l.vBias != nil {
			z := mat.NewVecDense(nk+nv, nil)
			for j := range nk {
				if l.kBias != nil {
					z.SetVec(j, float64(l.kBias[b*nk+j]))
				}
			}
			for j := range nv {
				if l.vBias != nil {
					z.SetVec(nk+j, float64(l.vBias[b*nv+j]))
				}
			}
			var x mat.VecDense
			x.MulVec(e, z)
			bias = append(bias, x.RawVector().Data...)
		}
	}
	return out, bias
}

// encode writes matrices one after the other as type t.
func encode(t kernel.Type, ms ...*mat.Dense) ([]byte, error) {
	var out []byte
	for _, m := range ms {
		rows, cols := m.Dims()
		x := make([]float32, rows*cols)
		for i := range rows {
			for j := range cols {
				x[i*cols+j] = float32(m.At(i, j))
			}
		}
		b := make([]byte, t.RowBytes(cols)*rows)
		if err := kernel.Quantize(b, t, x); err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
	return out, nil
}

func madeTensor(name string, typ kernel.Type, data []byte, shape ...int) *tensor {
	t := &tensor{name: name, typ: typ, bytes: func() ([]byte, error) { return data, nil }}
	for _, n := range shape {
		t.shape = append(t.shape, uint64(n))
	}
	return t
}

// repair replaces a projection by the regression on what was gathered, in the projection's own type where that can be
// written. It goes only so far as pays on the part of the text that it was not fitted to, rounding included.
func (c *converter) repair(ev *evidence, old linear, name string, made map[string]*tensor) error {
	defer debug.FreeOSMemory() // normal equations are the most memory that a conversion takes, and are garbage now
	g, each := ev.fit, sharer(c.m.run.parallel)
	before := floatRows(old)
	rows, metric, err := g.ridge(before, ridgeShare, each)
	if err != nil {
		return err
	}
	var j *judge
	loss := math.Inf(1)
	if ev.check != nil {
		j = newJudge(ev.check, each)
		loss = j.shrink(rows, before)
	}
	typ := writable(old.Type)
	data, err := c.round(rows, g.a, old.scale, typ, metric)
	if err != nil {
		return err
	}
	if j != nil {
		m, err := kernel.NewMatrix(typ, g.b, g.a, data)
		if err != nil {
			return err
		}
		if !(j.loss(floatRows(linear{m, old.scale})) < loss) {
			return nil
		}
	}
	made[name] = madeTensor(name, typ, data, g.a, g.b)
	return nil
}

// floatRows returns a projection's weights, [rows, cols].
func floatRows(l linear) []float32 {
	out := make([]float32, l.Rows*l.Cols)
	for r := range l.Rows {
		row := out[r*l.Cols:][:l.Cols]
		l.Row(row, r)
		scale(row, l.scale)
	}
	return out
}

// round encodes rows of n weights, divided by scale, so that the error of products stays small in the metric given.
func (c *converter) round(rows []float32, n int, scale float32, typ kernel.Type, metric *factor) ([]byte, error) {
	fb := kernel.NewGPTQ(n, metric.at)
	size := typ.RowBytes(n)
	data := make([]byte, size*len(rows)/n)
	err := c.m.run.parallel(len(rows)/n, func(r int) error {
		row := make([]float32, n)
		for j := range row {
			row[j] = rows[r*n+j] / scale
		}
		return fb.Quantize(data[r*size:][:size], typ, row)
	})
	return data, err
}

// writable returns the type itself, or for types without an encoder the smallest one that loses no more.
func writable(t kernel.Type) kernel.Type {
	switch t {
	case ggtype.F32, ggtype.F16, ggtype.BF16, ggtype.Q4_0, ggtype.Q4_1, ggtype.Q5_0, ggtype.Q5_1, ggtype.Q8_0:
		return t
	case ggtype.Q5_K:
		return ggtype.Q5_1
	case ggtype.Q6_K, ggtype.Q8_K:
		return ggtype.Q8_0
	}
	return ggtype.Q4_1
}
