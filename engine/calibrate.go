package engine

import (
	"context"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/latentgo/latentgo/attn/transmla"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/pool"
)

// calibration walks through a model's layers with two residual streams on the same text: x as the model computes it, y as
// the converted model does. Statistics come from y, targets from x.
type calibration struct {
	m       *Model
	windows [][]int32 // of at least two tokens; each starts from an empty cache
	batches [][]int32 // the same tokens, short windows together
	x, y    stream    // windows one after the other
	kept    keeper    // [tokens, heads' values] what W_O gets on y
	scratch gramScratch
	pass    pass
	cancel  atomic.Bool
}

// calibrationBatch is how many tokens a pass takes at most: short windows go together, and long ones are cut.
const calibrationBatch = 512

// newCalibration takes windows of text.
func newCalibration(m *Model, windows [][]int32) *calibration {
	c := &calibration{m: m, windows: windows}
	for i, w := range windows {
		if last := len(c.batches) - 1; i > 0 && len(c.batches[last])+len(w) <= calibrationBatch {
			c.batches[last] = append(slices.Clip(c.batches[last]), w...)
		} else {
			c.batches = append(c.batches, w)
		}
	}
	n := countTokens(windows)
	c.x, c.y = newStream(n, m.h.embed), newStream(n, m.h.embed)
	return c
}

// stage is a piece of a forward pass on one window: what all workers do.
type stage struct {
	*pass
	fn func(w *pool.Worker, ln *lane, lo, hi int)
}

// Work implements pool.Task.
func (s *stage) Work(w *pool.Worker) {
	ln, lo, hi := s.lane(w)
	s.fn(w, ln, lo, hi)
	w.Barrier()
}

// stageOf makes what all workers do with one window or batch, or with a piece of it from p.pos on: x and y are its rows of the streams.
type stageOf = func(p *pass, x, y stream) func(w *pool.Worker, ln *lane, lo, hi int)

// each runs a stage on all windows.
func (c *calibration) each(ctx context.Context, fn stageOf) error { return c.over(ctx, c.windows, fn) }

// eachToken is each for what a token does by itself, whatever the window: many tokens share the unpacking of a weight.
func (c *calibration) eachToken(ctx context.Context, fn stageOf) error {
	return c.over(ctx, c.batches, fn)
}

// over runs a stage on windows or batches.
func (c *calibration) over(ctx context.Context, windows [][]int32, fn stageOf) error {
	c.cancel.Store(false)
	stop := context.AfterFunc(ctx, func() { c.cancel.Store(true) })
	defer stop()
	at := 0
	for _, ids := range windows {
		for pos, piece := range pieced(ids) {
			n := len(piece)
			c.pass = pass{runner: c.m.run, ids: piece, pos: pos}
			c.pass.prepare()
			s := &stage{&c.pass, fn(&c.pass, c.x.rows(at, n), c.y.rows(at, n))}
			if r := c.m.run.pool.Run(s, &c.cancel); r != nil {
				return c.m.fault(r)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			at += n
		}
	}
	return nil
}

// pieced yields a window in pieces of at most calibrationBatch tokens, about equally long, and where they begin. None is a single token,
// which would make a decode step.
func pieced(ids []int32) iter.Seq2[int, []int32] {
	return func(yield func(int, []int32) bool) {
		n := (len(ids) + calibrationBatch - 1) / calibrationBatch
		for i := range n {
			lo, hi := i*len(ids)/n, (i+1)*len(ids)/n
			if !yield(lo, ids[lo:hi]) {
				return
			}
		}
	}
}

// embed starts both streams.
func (c *calibration) embed(ctx context.Context) error {
	err := c.eachToken(ctx, func(p *pass, x, _ stream) func(*pool.Worker, *lane, int, int) {
		return func(_ *pool.Worker, ln *lane, lo, hi int) {
			p.embed(ln, lo, hi)
			x.save(ln.x, lo, hi)
		}
	})
	copy(c.y.half, c.x.half)
	copy(c.y.scale, c.x.scale)
	return err
}

// scratchStore returns an empty cache for one window of layer l.
func scratchStore(l *layer, n int) *attention.Store {
	return attention.NewShortStore(l.attn, attention.F16, n)
}

// fitTokens is how many tokens of text transmla.Fit gets: it has a hundred unknowns.
const fitTokens = 4096

// moments gathers the statistics that transmla.Compress wants, from stream y and the original layer l: sums over the tokens. When texts is
// not nil, it gets what transmla.Fit wants.
func (c *calibration) moments(ctx context.Context, i int, texts *[]transmla.Sample) (kv, q *gram, err error) {
	l, g := &c.m.w.layers[i], c.m.w.layers[i].geo
	nz, nq := g.KVHeads*(g.KeySize+g.ValueSize), g.Heads*g.KeySize
	kv, q = newGram(nz, 0, &c.scratch), newGram(nq, 0, &c.scratch)
	var z []float32
	kept, keep := 0, false
	err = c.each(ctx, func(p *pass, _, y stream) func(*pool.Worker, *lane, int, int) {
		n := len(p.ids)
		z = resized(z, n*nz)
		if p.pos == 0 {
			if keep = texts != nil && kept < fitTokens; keep {
				*texts = append(*texts, transmla.Sample{})
			}
		}
		var text *transmla.Sample
		if keep {
			text = &(*texts)[len(*texts)-1]
			text.Tokens += n
			text.KV = slices.Grow(text.KV, n*nz)[:text.Tokens*nz]
			asked := text.Tokens / transmla.SampleStride * nq
			text.Queries = slices.Grow(text.Queries, asked-len(text.Queries))[:asked]
			kept += n
		}
		return func(w *pool.Worker, ln *lane, lo, hi int) {
			y.load(ln.x, lo, hi)
			p.bind(w, ln, l, i)
			p.rmsNorm(ln.h, ln.x, l.attnNorm, lo, hi)
			p.quantize(w, &ln.in, l.inForms, lo, hi)
			p.projectInput(w, ln, l)
			w.Barrier()
			for t := lo; t < hi; t++ {
				p.readyQuery(p.q[t*nq:][:nq], l, p.pos+t)
				p.gather(z[t*nz:][:nz], l, t)
				if text == nil {
					continue
				}
				at := p.pos + t
				copy(text.KV[at*nz:], z[t*nz:][:nz])
				if (at+1)%transmla.SampleStride == 0 {
					copy(text.Queries[at/transmla.SampleStride*nq:], p.q[t*nq:][:nq])
				}
			}
			w.Barrier()
			kv.add(w, z, nil, n)
			q.add(w, p.q, nil, n)
		}
	})
	if err == nil {
		c.flush(kv, q)
	}
	return kv, q, err
}

// flush adds the rows that wait in grams.
func (c *calibration) flush(grams ...*gram) {
	if r := c.m.run.pool.Run(flushTask(grams), nil); r != nil {
		panic(r)
	}
}

// flushTask is gram.flush for several, of which some may be nil, on all workers.
type flushTask []*gram

// Work implements pool.Task.
func (t flushTask) Work(w *pool.Worker) {
	for _, g := range t {
		if g != nil {
			g.flush(w)
		}
	}
}

// gather writes [keys of all heads | values of all heads] of token t, with biases and norm, before RoPE.
func (p *pass) gather(z []float32, l *layer, t int) {
	g := l.geo
	nk, nv := g.KVHeads*g.KeySize, g.KVHeads*g.ValueSize
	copy(z, p.k[t*nk:][:nk])
	copy(z[nk:], p.v[t*nv:][:nv])
	for k := range g.KVHeads {
		p.readyKV(l, k, z[k*g.KeySize:][:g.KeySize], z[nk+k*g.ValueSize:][:g.ValueSize])
	}
}

// drift is how much of the difference between the streams each repaired projection makes good for: half was better than
// none and than all of it.
const drift = 0.5

// attend runs the original attention on x and the converted layer's heads on y, and gathers the regression of the one's
// output on the other's heads. x becomes the stream behind the attention.
func (c *calibration) attend(ctx context.Context, i int, conv *layer) (*evidence, error) {
	l, e := &c.m.w.layers[i], c.m.h.embed
	width := l.geo.Heads * l.geo.ValueSize
	ev := c.evidence(len(c.windows), width, e)
	c.kept = newKeeper(len(c.y.scale), conv.o)
	rest := c.kept
	var target []float32
	store, narrow := scratchStore(l, c.longest()), scratchStore(conv, c.longest())
	err := c.each(ctx, func(p *pass, x, y stream) func(*pool.Worker, *lane, int, int) {
		n, g, kept := len(p.ids), ev.of(p), rest
		rest = rest.after(n)
		target = resized(target, n*e)
		store.Advance(p.pos, n)
		narrow.Advance(p.pos, n)
		return func(w *pool.Worker, ln *lane, lo, hi int) {
			x.load(ln.x, lo, hi)
			p.bind(w, ln, l, i)
			p.heads(w, ln, l, store, lo, hi)
			p.combine(w, ln, l, lo, hi)
			p.target(ln, target, l.postAttnNorm, y, lo, hi)
			p.addTo(ln, l.oBias, l.postAttnNorm, lo, hi)
			x.save(ln.x, lo, hi)
			w.Barrier()
			y.load(ln.x, lo, hi)
			p.bind(w, ln, conv, i)
			p.heads(w, ln, conv, narrow, lo, hi)
			kept.save(ln.att, lo, hi)
			w.Barrier()
			g.add(w, ln.att, target, n)
		}
	})
	if err == nil {
		c.flush(ev.fit, ev.check)
	}
	return ev, err
}

// target is what a repaired projection should give: p.o, what the original one gave, and a part of the drift, from ln.x to y. A norm
// behind the projection would change the drift's size: none then.
func (p *pass) target(ln *lane, dst []float32, post []float32, y stream, lo, hi int) {
	e := p.h.embed
	copy(dst[lo*e:hi*e], p.o[lo*e:])
	if post != nil {
		return
	}
	y.load(ln.h, lo, hi)
	for j := lo * e; j < hi*e; j++ {
		dst[j] += drift * (ln.x[j] - ln.h[j])
	}
}

// advance adds the converted layer's attention to y: W_O of what attend has kept.
func (c *calibration) advance(ctx context.Context, i int, conv *layer) error {
	rest := c.kept
	c.kept = nil // the regression that follows needs the room
	return c.eachToken(ctx, func(p *pass, _, y stream) func(*pool.Worker, *lane, int, int) {
		kept := rest
		rest = rest.after(len(p.ids))
		return func(w *pool.Worker, ln *lane, lo, hi int) {
			y.load(ln.x, lo, hi)
			p.bind(w, ln, conv, i)
			kept.load(ln.att, lo, hi)
			p.combine(w, ln, conv, lo, hi)
			p.addTo(ln, conv.oBias, conv.postAttnNorm, lo, hi)
			y.save(ln.x, lo, hi)
		}
	})
}

// feed runs the original feed-forward on x, which becomes the layer's output. When its W_down is to be repaired, it gathers the
// regression of the result on the hidden values of y; nil when they are too many for one.
func (c *calibration) feed(ctx context.Context, i int, repair bool) (*evidence, error) {
	l, e, width := &c.m.w.layers[i], c.m.h.embed, c.m.h.ff[i]
	var ev *evidence
	if repair && width <= maxRegression {
		ev = c.evidence(len(c.batches), width, e)
	}
	var target []float32
	err := c.eachToken(ctx, func(p *pass, x, y stream) func(*pool.Worker, *lane, int, int) {
		n := len(p.ids)
		var g *gram
		if ev != nil {
			g = ev.of(p)
		}
		target = resized(target, n*e)
		return func(w *pool.Worker, ln *lane, lo, hi int) {
			x.load(ln.x, lo, hi)
			p.bind(w, ln, l, i)
			p.hidden(w, ln, l, lo, hi)
			p.down(w, ln, l, lo, hi)
			if g != nil {
				p.target(ln, target, l.postFFNNorm, y, lo, hi)
			}
			p.addTo(ln, l.downBias, l.postFFNNorm, lo, hi)
			x.save(ln.x, lo, hi)
			if g == nil {
				return
			}
			w.Barrier()
			y.load(ln.x, lo, hi)
			p.bind(w, ln, l, i)
			p.hidden(w, ln, l, lo, hi)
			g.add(w, p.gate, target, n)
		}
	})
	if err == nil && ev != nil {
		c.flush(ev.fit, ev.check)
	}
	return ev, err
}

// maxRegression is the largest number of inputs of a projection that is repaired: normal equations take memory with its
// square and time with its cube, five minutes for each layer at the 14,336 of Llama 3 8B.
const maxRegression = 8192

// advanceFeed adds the converted layer's feed-forward to y. Its hidden values are computed again: to keep them takes more memory than all
// else.
func (c *calibration) advanceFeed(ctx context.Context, i int, conv *layer) error {
	return c.eachToken(ctx, func(p *pass, _, y stream) func(*pool.Worker, *lane, int, int) {
		return func(w *pool.Worker, ln *lane, lo, hi int) {
			y.load(ln.x, lo, hi)
			p.bind(w, ln, conv, i)
			p.feedForward(w, ln, conv, lo, hi)
			y.save(ln.x, lo, hi)
		}
	})
}

// longest returns the length of the longest window.
func (c *calibration) longest() int {
	n := 0
	for _, w := range c.windows {
		n = max(n, len(w))
	}
	return n
}

// evidence is what a regression is fitted to, and what it is judged by: one window or batch in checkEvery, when there are so many.
type evidence struct {
	fit, check *gram // check is nil for few windows
	no         int   // of the window or batch
}

// checkEvery is how many there are for each that judges.
const checkEvery = 6

// evidence returns room for what n windows or batches say.
func (c *calibration) evidence(n, a, b int) *evidence {
	e := &evidence{fit: newGram(a, b, &c.scratch)}
	if n >= checkEvery {
		e.check = newGram(a, b, &c.scratch)
	}
	return e
}

// of returns the gram for a pass, all pieces of a window or batch the same.
func (e *evidence) of(p *pass) *gram {
	if p.pos == 0 {
		e.no++
	}
	if e.check != nil && e.no%checkEvery == 0 {
		return e.check
	}
	return e.fit
}
