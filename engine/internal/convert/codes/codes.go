package codes

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/convert/regression"
	"github.com/latentgo/latentgo/engine/internal/convert/statistics"
	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/ggtype"
)

// Context is the number of tokens at which a share is a share of all bytes of a session.
const Context = 4096

// Calibrate walks through the layers with windows of text.
func Calibrate(ctx context.Context, m *model.Model, windows [][]int32, progress func(done, total int)) (*Calibration, error) {
	walk, err := statistics.New(ctx, m, windows, nil)
	if err != nil {
		return nil, err
	}
	w := &walker{m: m, walk: walk}
	for _, ids := range windows {
		w.tokens += len(ids)
	}
	n := len(m.Spec().Layers)
	for i := range n {
		if err := w.layer(ctx, m.Layer(i)); err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
		progress(i+1, n)
	}
	return newCalibration(w.layers), nil
}

// walker gathers what text shows, layer after layer.
type walker struct {
	m      *model.Model
	walk   *statistics.Walk
	tokens int
	layers []layer
}

type shapeKey struct {
	size   int
	values bool
}

// Calibration is what is known of all layers: bits are given to all of them together.
type Calibration struct {
	shapes map[shapeKey][]shape
	layers []layer
}

func newCalibration(layers []layer) *Calibration {
	c := &Calibration{layers: layers, shapes: map[shapeKey][]shape{}}
	for _, l := range layers {
		l.keys.options = options(c.shapesOf(l.geo.KeySize, false), l.keys.worth)
		if l.values != nil {
			l.values.options = options(c.shapesOf(l.geo.ValueSize, true), l.values.worth)
		}
	}
	return c
}

// layer is one with codes.
type layer struct {
	index        int
	geo          attn.Geometry
	keys, values *part // of latent attention rows are the keys, and values is nil
}

// named is a part and the name of its tensors.
type named struct {
	*part
	name string
}

// parts returns the layer's two, or the one of its rows.
func (l *layer) parts() []named {
	if l.values == nil {
		return []named{{l.keys, model.LayerName(l.index, model.TensorRowCode)}}
	}
	return []named{{l.keys, model.LayerName(l.index, model.TensorKeyCode)}, {l.values, model.LayerName(l.index, model.TensorValueCode)}}
}

// plainBits returns what a token takes in half floats.
func (l *layer) plainBits() int {
	n := l.geo.KeySize
	if l.values != nil {
		n += l.geo.ValueSize
	}
	return 16 * l.geo.KVHeads * n
}

// newLayer returns the layer at an index with nothing known, nil if it can't have codes.
func newLayer(index int, m model.MixerSpec) *layer {
	if Codable(m) != "" {
		return nil
	}
	if rows, ok := m.(model.MLA); ok {
		g, _ := rows.RowGeometry()
		return &layer{index, g, &part{size: g.KeySize}, nil}
	}
	g := m.(model.Attention).Geometry
	return &layer{index, g, &part{size: g.KeySize}, &part{size: g.ValueSize}}
}

// Refused says what of a layer keeps all of a model from caches in codes, "" for nothing: see model.CheckCache.
func Refused(m model.MixerSpec) string {
	a, _ := m.(model.Attention)
	switch {
	case a.Shares > 0:
		return "keys and values that layers share"
	case a.Index != (model.BlockIndexer{}):
		return "keys and values that are picked by blocks"
	}
	return ""
}

// NoAttention is what Codable says of other mixers.
const NoAttention = "no attention"

// Codable reports why a layer's cache can't have codes, "" if it can.
func Codable(m model.MixerSpec) string {
	if rows, ok := m.(model.MLA); ok {
		if _, ok := rows.RowGeometry(); !ok {
			return "rows that an indexer picks from"
		}
		return ""
	}
	a, ok := m.(model.Attention)
	if !ok {
		return NoAttention
	}
	switch {
	case a.Shares > 0:
		return "keys and values that layers share"
	case a.Compressed != nil && a.Compressed.L > 0:
		return "compressed rows"
	}
	return ""
}

// layer gathers what is known of a layer and moves the stream behind it.
func (w *walker) layer(ctx context.Context, l *model.Layer) error {
	out := newLayer(l.Index, l.Spec.Mixer)
	if out == nil {
		return w.walk.Follow(ctx, l)
	}
	energy, err := 0.0, error(nil)
	if out.values == nil {
		energy, err = w.rows(ctx, l, out)
	} else {
		energy, err = w.keysValues(ctx, l, out)
	}
	if err != nil {
		return err
	}
	if err := w.walk.Follow(ctx, l); err != nil {
		return err
	}
	if !normed(l) {
		out.weigh(energy * w.walk.Weakness())
	}
	w.layers = append(w.layers, *out)
	return nil
}

// normed reports whether a norm behind the heads or the attention changes the size of what errors cost.
func normed(l *model.Layer) bool {
	a, _ := l.Spec.Mixer.(model.Attention)
	return l.Spec.PostNorm || a.SubNorm
}

// damagePower is between all layers alike and the share that an error has of the residual stream: what later layers make
// of it evens out a part of the difference. docs/experiments.md has the figures.
const damagePower = 0.7

// weigh gives errors of the layer their worth among those of others: share is what all values of a token, with nothing
// averaged, add to the residual stream, in squares and as a share. With a norm behind the heads or the attention that is
// not known, and all layers are alike.
func (l *layer) weigh(share float64) {
	f := float32(math.Pow(share, damagePower))
	for _, p := range l.parts() {
		for i := range p.worth {
			p.worth[i] *= f
		}
	}
}

// keysValues finds the transforms of a layer's keys and values, and the energy of a token's values behind W_O.
func (w *walker) keysValues(ctx context.Context, l *model.Layer, out *layer) (energy float64, err error) {
	p, _ := l.Projections()
	g := p.Geometry
	rope, _ := w.m.Rope(p.Rope)
	stats, err := w.walk.Moments(ctx, l, slow(rope, p.KeySize, w.m.Spec().LongRope && p.Rope == 0), nil)
	if err != nil {
		return 0, err
	}
	at := positions(rope, w.m.Spec().Context)
	keys, values := out.keys, out.values
	var moments []*mat.SymDense
	metrics := tensors.OutputMetrics(p)
	weight := make([]float64, g.KVHeads)
	for k := range g.KVHeads {
		moments = append(moments, block(stats.KV, g.KVHeads*g.KeySize+k*g.ValueSize, g.ValueSize, w.tokens))
		weight[k] = traceOfProduct(moments[k], metrics[k])
		energy += weight[k]
	}
	for k := range g.KVHeads {
		h, err := newHead(moments[k], metrics[k])
		if err != nil {
			return 0, err
		}
		values.add(h, 1/max(energy, 1e-30))
		query := mat.NewSymDense(g.KeySize, nil)
		for i := range p.Group() {
			query.AddSym(query, block(stats.Query, (k*p.Group()+i)*g.KeySize, g.KeySize, w.tokens*p.Group()))
		}
		moment := block(stats.KV, k*g.KeySize, g.KeySize, w.tokens)
		if h, err = newHead(at.mean(moment), at.mean(query)); err != nil {
			return 0, err
		}
		keys.add(h, weight[k]/max(energy, 1e-30))
	}
	keys.mean = stats.Mean
	return energy, nil
}

// rows finds the transform of a layer's rows, and the energy of a token's values behind W_O. Errors of a row cost as
// those of a key, and of its latent as those of the value besides.
func (w *walker) rows(ctx context.Context, l *model.Layer, out *layer) (energy float64, err error) {
	p, _ := l.RowProjections()
	stats, err := w.walk.RowMoments(ctx, l, p)
	if err != nil {
		return 0, err
	}
	rope, _ := w.m.Rope(p.Rope)
	at := positions(rope, w.m.Spec().Context)
	moment := block(stats.KV, 0, p.KeySize, w.tokens)
	metric := at.mean(block(stats.Query, 0, p.KeySize, w.tokens*p.Heads))
	values := tensors.LatentMetric(p)
	latent := block(stats.KV, p.R, p.ValueSize, w.tokens)
	energy = traceOfProduct(latent, values)
	for i := range p.ValueSize {
		for j := range i + 1 {
			metric.SetSym(p.R+i, p.R+j, metric.At(p.R+i, p.R+j)+values.At(i, j)/max(energy, 1e-30))
		}
	}
	h, err := newHead(at.mean(moment), metric)
	if err == nil {
		out.keys.add(h, 1)
	}
	return energy, err
}

// add adds a head, whose errors cost so much more than 1.
func (p *part) add(h head, cost float64) {
	if p.worth == nil {
		p.worth = make([]float32, p.size)
	}
	for i, v := range h.variance {
		p.worth[i] += float32(cost) * v
	}
	p.heads = append(p.heads, h)
}

// block returns n rows and columns of second moments from index at on: means over as many tokens.
func block(e *regression.NormalEquations, at, n, tokens int) *mat.SymDense {
	s := e.Block(at, n)
	s.ScaleSym(1/float64(tokens), s)
	return s
}

func traceOfProduct(a, b *mat.SymDense) float64 {
	sum := 0.0
	for i := range a.SymmetricDim() {
		for j := range a.SymmetricDim() {
			sum += a.At(i, j) * b.At(i, j)
		}
	}
	return sum
}

// Tensors gives all layers their bits, for a cache of a share of the bytes of half floats, all bytes of a session of
// Context tokens, and makes the tensors of calibrated codes.
func (c *Calibration) Tensors(share float64) (tensors.Map, error) {
	budget, lists, heads := 0.0, [][]option(nil), []int(nil)
	for _, l := range c.layers {
		extra := 8 * float64(attention.CodedExtra(l.geo, l.values == nil)) / Context
		budget += float64(l.plainBits())*share - extra - float64(8*l.geo.KVHeads)
		for _, p := range l.parts() {
			lists = append(lists, p.options)
			heads = append(heads, l.geo.KVHeads)
		}
	}
	chosen := allocate(lists, heads, int(budget))
	if chosen == nil || len(c.layers) == 0 {
		return nil, fmt.Errorf("a cache of %.3g %% of half floats: too small for the model: %w", 100*share, model.ErrUnsupported)
	}
	made := tensors.Map{}
	for _, l := range c.layers {
		for _, p := range l.parts() {
			p.chosen, chosen = chosen[0], chosen[1:]
		}
		if err := l.write(made); err != nil {
			return nil, err
		}
	}
	return made, nil
}

func (c *Calibration) shapesOf(size int, values bool) []shape {
	key := shapeKey{size, values}
	if c.shapes[key] == nil {
		c.shapes[key] = shapes(size, values)
	}
	return c.shapes[key]
}

// write adds the layer's tensors.
func (l *layer) write(made tensors.Map) error {
	for _, p := range l.parts() {
		t, name := p.transform(), p.name
		n := len(t.Bits)
		var bits []byte
		for _, b := range t.Bits {
			bits = binary.LittleEndian.AppendUint32(bits, uint32(b))
		}
		made.Add(name+model.CodeBits, ggtype.I32, bits, n)
		if err := addFloats(made, name+model.CodeDeviate, [][]float32{t.Deviate}, n); err != nil {
			return err
		}
		if err := addFloats(made, name+model.CodeWorth, t.Worth, n, len(t.Worth)); err != nil {
			return err
		}
		for part, m := range map[string][][]float32{model.CodeForward: t.Forward, model.CodeBack: t.Back} {
			if err := addFloats(made, name+part, m, n, p.size, len(m)); err != nil {
				return err
			}
		}
	}
	if l.values != nil {
		name := model.LayerName(l.index, model.TensorKeyCode)
		made.Add(name+model.CodeMeanStep, ggtype.I32, binary.LittleEndian.AppendUint32(nil, uint32(attention.MaxMeanStep)), 1)
	}
	return l.writeMean(made)
}

// writeMean adds the mean of keys; rows have none.
func (l *layer) writeMean(made tensors.Map) error {
	if l.values == nil {
		return nil
	}
	name := model.LayerName(l.index, model.TensorKeyCode+model.CodeMean)
	return addFloats(made, name, [][]float32{l.keys.mean}, l.geo.KeySize, l.geo.KVHeads)
}

func addFloats(made tensors.Map, name string, parts [][]float32, dims ...int) error {
	var all []float32
	for _, p := range parts {
		all = append(all, p...)
	}
	data, err := tensors.EncodeFloats(ggtype.F32, all, dims[0])
	made.Add(name, ggtype.F32, data, dims...)
	return err
}
