package statistics

import (
	"context"
	"slices"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/attn/transmla"
	"github.com/latentgo/latentgo/engine/internal/convert/regression"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/pool"
)

// sampleTokens is how many tokens of text transmla.Fit gets: it has a hundred unknowns.
const sampleTokens = 4096

// Moments are second moments of a layer's activations: sums over the tokens.
type Moments struct {
	KV, Query *regression.NormalEquations // of [keys of all heads | values of all heads], and of the queries
	// Mean of each key value that was to be centred, 0 for the others. What was centred counts in KV without its mean.
	Mean []float32
}

// Moments gathers them on stream y. centred names the key values that are to be centred; nil is none. When samples is
// not nil, it gets what transmla.Fit wants.
func (k *Walk) Moments(ctx context.Context, l *model.Layer, centred func(i int) bool, samples *[]transmla.Sample) (*Moments, error) {
	p, _ := l.Projections()
	g := p.Geometry
	nz, nq := g.KVHeads*(g.KeySize+g.ValueSize), g.Heads*g.KeySize
	m := &Moments{KV: regression.New(nz, 1, &k.scratch), Query: regression.New(nq, 0, &k.scratch)}
	c := newCentre(m, nz, g.KVHeads*g.KeySize, centred)
	seq, s := k.sequence(nil), &sampler{geo: g, out: samples}
	err := k.each(ctx, func(p piece) error {
		if p.held {
			return nil
		}
		keep := s.begin(p.pos, len(p.ids))
		return k.probe(p, seq, &model.Probe{
			Layer: l, From: model.StageInput, To: model.StageProjected, Load: p.y.Load,
			Projected: func(w *pool.Worker, queries, z []float32, n int) {
				keep(w, queries, z, n)
				ones := c.shift(w, z, n)
				m.KV.Add(w, z, ones, n)
				m.Query.Add(w, queries, nil, n)
			},
		})
	})
	if err == nil {
		k.flush(m.KV, m.Query)
		c.finish()
	}
	return m, err
}

// RowMoments is Moments of a layer of latent attention: KV of rows, Query of the queries for them, those of all heads
// together. Nothing is centred.
func (k *Walk) RowMoments(ctx context.Context, l *model.Layer, p model.RowProjections) (*Moments, error) {
	const some = 4096 // queries that are added at once
	d := p.KeySize
	m := &Moments{KV: regression.New(d, 0, &k.scratch), Query: regression.New(d, 0, &k.scratch)}
	seq := k.sequence(nil)
	err := k.each(ctx, func(part piece) error {
		return k.probe(part, seq, &model.Probe{
			Layer: l, From: model.StageInput, To: model.StageProjected, Load: part.y.Load,
			Projected: func(w *pool.Worker, queries, rows []float32, n int) {
				m.KV.Add(w, rows, nil, n)
				for all := n * p.Heads; all > 0; all -= some {
					m.Query.Add(w, queries, nil, min(all, some))
					queries = queries[min(all, some)*d:]
				}
			},
		})
	})
	if err == nil {
		k.flush(m.KV, m.Query)
	}
	return m, err
}

// sampler keeps the first windows' keys, values and some of their queries.
type sampler struct {
	geo  attn.Geometry
	out  *[]transmla.Sample // nil: nothing is kept
	kept int
	on   bool // the current window is kept
}

// begin makes room for n tokens of a window from pos on. What it returns keeps them; all workers call that.
func (s *sampler) begin(pos, n int) func(w *pool.Worker, q, z []float32, n int) {
	if pos == 0 {
		if s.on = s.out != nil && s.kept < sampleTokens; s.on {
			*s.out = append(*s.out, transmla.Sample{})
		}
	}
	if !s.on {
		return func(*pool.Worker, []float32, []float32, int) {}
	}
	const stride = transmla.SampleStride
	nz, nq := s.geo.KVHeads*(s.geo.KeySize+s.geo.ValueSize), s.geo.Heads*s.geo.KeySize
	sample := &(*s.out)[len(*s.out)-1]
	sample.Tokens += n
	sample.KV = slices.Grow(sample.KV, n*nz)[:sample.Tokens*nz]
	queries := sample.Tokens / stride * nq
	sample.Queries = slices.Grow(sample.Queries, queries-len(sample.Queries))[:queries]
	s.kept += n
	return func(w *pool.Worker, q, z []float32, n int) {
		lo, hi := w.Share(n)
		for t := lo; t < hi; t++ {
			at := pos + t
			copy(sample.KV[at*nz:], z[t*nz:][:nz])
			if (at+1)%stride == 0 {
				copy(sample.Queries[at/stride*nq:], q[t*nq:][:nq])
			}
		}
	}
}
