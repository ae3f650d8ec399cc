package refine

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/kernel"
)

// layer is a layer of the form for llama.cpp: what is refined of it, and what stays as it is.
type layer struct {
	attn.Geometry
	r, l                 int     // rotated and latent values of a row
	scale                float32 // of queries
	rope                 *attn.Rope
	pairs                []int32 // [r/2] RoPE pair of each rotated pair
	norm, ffnNorm        []float32
	q, o, gate, up, down model.Linear

	encode *parameter // E [R+L, width]
	query  *parameter // Q [heads, R+L, d]
	value  *parameter // V [heads, v, L]
}

// row returns the values of a row.
func (l *layer) row() int { return l.r + l.l }

func (l *layer) parameters() []*parameter { return []*parameter{l.encode, l.query, l.value} }

// gradients are those of the parameters of one layer; all layers take turns with them.
type gradients struct{ encode, query, value []float32 }

// load returns converted layer i.
func (r *refiner) load(i int, g *gradients) (*layer, error) {
	converted, err := r.m.LoadLayer(i, r.spec, r.made)
	if err != nil {
		return nil, err
	}
	p, _ := converted.Projections()
	f, _ := converted.Gated()
	a := r.spec.Layers[i].Mixer.(model.Attention)
	l := &layer{
		Geometry: a.Geometry, r: a.Compressed.R, l: a.Compressed.L, scale: a.Scale,
		norm: p.Norm, ffnNorm: f.Norm, q: p.Q, o: p.O, gate: f.Gate, up: f.Up, down: f.Down,
	}
	l.rope, _ = r.m.Rope(a.Rope)
	set := tensors.Set{File: r.m.File(), Made: r.made}
	name := func(n string) string { return model.LayerName(i, n) }
	if l.pairs, err = set.Ints(name(model.TensorPairs)); err != nil {
		return nil, err
	}
	var stacks [3][]*kernel.Matrix
	for j, n := range []string{model.TensorEncode, model.TensorQuery, model.TensorValue} {
		if stacks[j], err = set.Matrices(name(n)); err != nil {
			return nil, err
		}
	}
	if g.encode == nil {
		g.encode = make([]float32, l.row()*r.spec.Width)
		g.query = make([]float32, l.Heads*l.row()*l.KeySize)
		g.value = make([]float32, l.Heads*l.ValueSize*l.l)
	}
	l.encode = newParameter(floats(stacks[0], 1), g.encode, r.spec.Width, l.r, l.l)
	l.query = newParameter(floats(stacks[1], l.Heads), g.query, l.KeySize, l.r, l.l)
	l.value = newParameter(floats(stacks[2], l.Heads), g.value, l.l, l.ValueSize)
	return l, nil
}

// floats returns n matrices; when there are fewer, heads share them.
func floats(ms []*kernel.Matrix, n int) []float32 {
	out := make([]float32, 0, n*ms[0].Rows*ms[0].Cols)
	for h := range n {
		out = append(out, model.Linear{Matrix: ms[h*len(ms)/n], Scale: 1}.Floats()...)
	}
	return out
}
