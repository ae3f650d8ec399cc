package model

import (
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
)

// perLayer is what makes a token's embeddings for all layers (Gemma 3n and 4): from the token's row of a table E, and
// from the embedding x that the residual stream starts with,
//
//	e_l = (norm(W_l·x / √width) + √size · E_l) / √2
type perLayer struct {
	table *kernel.Matrix // [vocab, layers·size]: per_layer_token_embd
	proj  Linear         // [layers·size, width]: per_layer_model_proj
	norm  *normWeights   // [size]
	types []kernel.ActType
}

func (ld *Loader) perLayer() *perLayer {
	s := ld.spec
	all := s.LayerEmbedding * len(s.Layers)
	m := &perLayer{
		table: ld.matrix("per_layer_token_embd.weight", s.Vocab, all),
		proj:  ld.linear("per_layer_model_proj", all, s.Width, false),
		norm:  ld.norm("per_layer_proj_norm", s.LayerEmbedding),
	}
	m.types = actTypes(m.proj)
	return m
}

// embedLayers computes the embeddings that layers add, p.perLayer: [rows, layers·size], of a probe only its layer's. It
// ends with a barrier where there are any.
func (p *pass) embedLayers(w *worker) {
	m := p.model.perLayer
	if m == nil {
		return
	}
	size, proj, from, all := p.model.spec.LayerEmbedding, m.proj, 0, m.table.Cols
	if p.probe != nil {
		from, all = p.probe.Layer.Index*size, size
		proj = m.proj.rows(from, all)
	}
	p.reset(w, &w.in, w.x, p.width)
	p.sync(w)
	p.quantize(w, &w.in, m.types)
	p.project(w, &w.in, projection{proj, p.perLayer})
	w.Barrier()
	row := sized(&w.small.in, m.table.Cols)
	lo, hi := w.Share(len(p.pos))
	for t := lo; t < hi; t++ {
		e := p.perLayer[t*all:][:all]
		scale(e, float32(1/math.Sqrt(float64(p.width))))
		m.table.Row(row, int(p.ids[t]))
		for i := 0; i < all; i += size {
			part := e[i:][:size]
			m.norm.apply(part, part)
			addScaled(part, row[from+i:], float32(math.Sqrt(float64(size))))
		}
		scale(e, math.Sqrt2/2)
	}
	w.Barrier()
}

// layerEmbedding returns the embedding that layer l adds to row t.
func (p *pass) layerEmbedding(t int, l *Layer) []float32 {
	size := p.model.spec.LayerEmbedding
	if p.probe != nil {
		return p.perLayer[t*size:][:size]
	}
	return p.perLayer[t*l.embedding.all+l.Index*size:][:size]
}

// layerEmbedding adds to the residual stream x at the end of a layer what it makes of the layer's embedding e:
//
//	x += norm(W_proj · (gelu(W_gate · x) ⊙ e))
type layerEmbedding struct {
	gate  Linear // [size, width]: inp_gate
	norm  *normWeights
	all   int // embeddings of all layers together
	types []kernel.ActType
	downProjection
}

// layerEmbedding loads that of layer i, nil for none.
func (ld *Loader) layerEmbedding(i int) *layerEmbedding {
	s := ld.spec
	if s.LayerEmbedding == 0 {
		return nil
	}
	m := &layerEmbedding{
		gate: ld.linear(LayerName(i, "inp_gate"), s.LayerEmbedding, s.Width, false),
		norm: ld.layerNorm(i, "post_norm"),
		all:  s.LayerEmbedding * len(s.Layers),
	}
	m.down = ld.linear(LayerName(i, "proj"), s.Width, s.LayerEmbedding, false)
	m.types, m.downTypes = actTypes(m.gate), actTypes(m.down)
	return m
}

func (m *layerEmbedding) include(e *executor) {
	if m != nil {
		e.most.ff, e.most.perLayer = max(e.most.ff, m.gate.Rows), m.all
	}
}

// bytes returns the size of the matrices that a token uses; m may be nil.
func (m *layerEmbedding) bytes() int {
	if m == nil {
		return 0
	}
	return matrixBytes(m.gate.Matrix, m.down.Matrix)
}

// add computes p.o from the worker's rows of the residual stream, and adds it to them; m may be nil.
func (m *layerEmbedding) add(p *pass, w *worker, l *Layer) {
	if m == nil {
		return
	}
	p.input(w, nil, m.types)
	m.mix(p, w, l)
	p.add(w, nil, m.norm, 0)
}

// mix computes p.o from the input w.in. It ends with a barrier.
func (m *layerEmbedding) mix(p *pass, w *worker, l *Layer) {
	size := m.gate.Rows
	p.project(w, &w.in, projection{m.gate, p.gate})
	w.Barrier()
	lo, hi := w.Share(len(p.pos))
	for t := lo; t < hi; t++ {
		x := p.gate[t*size:][:size]
		kernel.GELUMul(x, x, p.layerEmbedding(t, l))
	}
	w.Barrier()
	m.quantizeHidden(p, w)
	p.project(w, &w.ffn, projection{m.down, p.o})
	w.Barrier()
}
