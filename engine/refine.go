package engine

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"

	"github.com/viterin/vek/vek32"
	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Refinement of the form for llama.cpp by gradients, through the whole model: what a layer loses shows in the next tokens' probabilities
// only, and no layer can tell by itself. With p_t the original's distribution of the token after t, and p̂_t the converted model's,
//
//	loss = mean over t of Σ_x p_t(x)·ln(p_t(x) / p̂_t(x))
//
// falls along its gradient in encoders E, queries Q and values V of all layers (see compat.go), which are kept in the file in full or
// half precision; what the file keeps in few bits stays as it is. Each step is taken on refineTokens tokens of the
// calibration text and of text that the model has written for this purpose. Statistics have seen the one: there, the loss is half of what it
// is elsewhere. So only the other tells whether it paid. The gradients are written by hand: refinelayer.go.
//
// Steps are Muon's (kellerjordan.github.io/posts/muon; arXiv 2502.16982): with G a matrix's gradient and M = refineMomentum·M + G,
//
//	W -= rate · the orthogonal matrix next to G + refineMomentum·M
//
// All directions of a matrix move by the same amount, not only those in which the gradient is large. There are few steps: that matters.

const (
	refineTokens = calibrationWindow // of a step, and at most of a window
	refineRate   = 1e-4              // change of a step, in parts of a tensor's root mean square
	refineWarm   = 8                 // steps until that rate is reached; then it falls as half a cosine wave
	refineHeld   = 8                 // one batch of fresh text in so many tells whether it paid

	refineMomentum = 0.9
)

// refineOptions say on what text to refine, in windows of at most refineTokens.
type refineOptions struct {
	seen  refineText // what statistics come from
	fresh refineText // what they do not come from
	seed  uint64     // of the order in which windows are taken
	steps int        // how many to take: all windows in turn, again and again
	paid  bool       // result: whether it was worth keeping
}

// refineText is text in windows, and what the original model's logits of it come from: the normed stream behind its last layer.
type refineText struct {
	windows [][]int32
	targets coarse // [tokens, width], windows one after the other
}

// parameter is a tensor that is refined, a row of matrices.
type parameter struct {
	w        []float32
	grad     []float32 // shared with the same tensor of other layers, zero between steps
	momentum stream    // rows of all matrices
	rate     float32   // root mean square of w at the start
	parts    []part
}

// part is a matrix of a parameter: where it begins, rows and columns.
type part struct{ at, rows, cols int }

// newParameter returns the parameter w; its matrices have cols columns, and one after the other so many rows, again and again.
func newParameter(w, grad []float32, cols int, rows ...int) *parameter {
	p := &parameter{
		w: w, grad: grad[:len(w)], momentum: newStream(len(w)/cols, cols),
		rate: float32(math.Sqrt(float64(kernel.SumSquares(w)) / float64(len(w)))),
	}
	for at, i := 0, 0; at < len(w); i++ {
		n := rows[i%len(rows)]
		if n > 0 {
			p.parts = append(p.parts, part{at, n, cols})
		}
		at += n * cols
	}
	return p
}

// step moves one part of the parameter. Its gradient becomes zero.
func (p *parameter) step(x part, rate float64, s *refineScratch) {
	n := x.rows * x.cols
	w, g, momentum := p.w[x.at:][:n], p.grad[x.at:][:n], p.momentum.rows(x.at/x.cols, x.rows)
	s.momentum = resized(s.momentum, n)
	m := s.momentum
	momentum.load(m, 0, x.rows)
	vek32.MulNumber_Inplace(m, refineMomentum)
	vek32.Add_Inplace(m, g)
	for i, v := range m {
		g[i] += refineMomentum * v
	}
	momentum.save(m, 0, x.rows)
	// Entries of an orthogonal matrix have the mean square 1/max(rows, cols).
	f := float32(rate) * p.rate * float32(math.Sqrt(float64(max(x.rows, x.cols))))
	for i, v := range s.orthogonal(g, x.rows, x.cols) {
		w[i] -= f * v
	}
	clear(g)
}

// orthogonal returns about the orthogonal matrix next to x [rows, cols]: its singular values become 0.7 to 1.2, by Newton and Schulz's
// iteration with Muon's coefficients
//
//	X ← a·X + (b·XXᵀ + c·(XXᵀ)²)·X
func (s *refineScratch) orthogonal(x []float32, rows, cols int) []float32 {
	const a, b, c = 3.4445, -4.7750, 2.0315
	turn := rows > cols
	if turn {
		x = turned(&s.turned, x, rows, cols, cols)
		rows, cols = cols, rows
	}
	s.x, s.next = resized(s.x, rows*cols), resized(s.next, rows*cols)
	s.square, s.fourth = resized(s.square, rows*rows), resized(s.fourth, rows*rows)
	vek32.MulNumber_Into(s.x, x, 1/(float32(math.Sqrt(float64(kernel.SumSquares(x))))+1e-20))
	for range 5 {
		clear(s.square)
		kernel.WeightedSumF32(s.square, rows, s.x, cols, rows, turned(&s.weights, s.x, rows, cols, cols), rows, cols, rows)
		clear(s.fourth)
		kernel.WeightedSumF32(s.fourth, rows, s.square, rows, rows, s.square, rows, rows, rows)
		for i, v := range s.square {
			s.fourth[i] = b*v + c*s.fourth[i]
		}
		vek32.MulNumber_Into(s.next, s.x, a)
		kernel.WeightedSumF32(s.next, cols, s.fourth, rows, rows, s.x, cols, rows, cols)
		s.x, s.next = s.next, s.x
	}
	if turn {
		return turned(&s.turned, s.x, rows, cols, cols)
	}
	return s.x
}

// refiner refines a converted model.
type refiner struct {
	c      *converter
	layers []*refined
	tape   *refineTape
	inputs []stream  // per layer, what a step's tokens come in with
	input  []float32 // the same of one layer, [tokens, width]
	back   []float32 // the residual stream, and its gradient
	batch  []refineBatch
	seen   int // of them, how many are of text that statistics have seen: the first
	act    kernel.Act
}

// refineBatch are windows of n tokens that a step takes together.
type refineBatch struct {
	windows [][]int32
	n       int
	target  coarse // [n, width]
}

// refine improves the tensors in c.made. It leaves them as they are when that does not pay on the part of the fresh text that is held back.
func (c *converter) refine(ctx context.Context, o *refineOptions, progress func(done, total int)) error {
	r := &refiner{c: c, tape: new(refineTape)}
	if err := r.prepare(o); err != nil {
		return err
	}
	c.m.run.clean()
	debug.FreeOSMemory()
	train, held := r.parts()
	steps := o.steps
	if len(train) == 0 {
		steps = 0
	}
	work, done := steps+2*len(held), 0
	tick := func() error {
		done++
		progress(done, work)
		return ctx.Err()
	}
	before, err := r.divergence(held, tick)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(o.seed, 0))
	for i := range steps {
		at := i % len(train)
		if at == 0 {
			rng.Shuffle(len(train), func(i, j int) { train[i], train[j] = train[j], train[i] })
		}
		rate := refineRate * min(1, float64(i+1)/refineWarm) * max(0.02, (1+math.Cos(math.Pi*float64(i+1)/float64(steps)))/2)
		r.step(train[at], rate)
		if err := tick(); err != nil {
			return err
		}
	}
	after, err := r.divergence(held, tick)
	if err != nil {
		return err
	}
	if o.paid = after < before; !o.paid {
		return nil
	}
	r.tape, r.inputs, r.batch = nil, nil, nil // what is written needs the room
	debug.FreeOSMemory()
	return r.write()
}

// parts returns the batches to take steps on and those of fresh text that are held back.
func (r *refiner) parts() (train, held []refineBatch) {
	every := min(refineHeld, len(r.batch)-r.seen)
	for i, b := range r.batch {
		if no := i - r.seen + 1; no > 0 && no%refineHeld == every/2 {
			held = append(held, b)
		} else {
			train = append(train, b)
		}
	}
	return train, held
}

// prepare loads the text and the converted layers.
func (r *refiner) prepare(o *refineOptions) error {
	r.add(o.seen)
	r.seen = len(r.batch)
	r.add(o.fresh)
	var grads [3][]float32
	for i := range r.c.plan {
		l, err := r.c.load(i, r.c.made)
		if err != nil {
			return err
		}
		if grads[0] == nil {
			g, row := l.geo, l.lat.row()
			grads[0] = make([]float32, row*r.c.h.embed)
			grads[1] = make([]float32, g.Heads*row*g.KeySize)
			grads[2] = make([]float32, g.Heads*g.ValueSize*l.lat.l)
		}
		r.layers = append(r.layers, newRefined(l, grads))
		r.inputs = append(r.inputs, newStream(refineTokens, r.c.h.embed))
	}
	r.input, r.back = make([]float32, refineTokens*r.c.h.embed), make([]float32, refineTokens*r.c.h.embed)
	return nil
}

// targets returns what a stream behind the last layer is normed to.
func (c *converter) targets(x stream) coarse {
	n, e := len(x.scale), c.h.embed
	out := newCoarse(n, e)
	sharer(c.m.run.parallel).rows(n, func(_, lo, hi int) {
		rows := make([]float32, (hi-lo)*e)
		x.rows(lo, hi-lo).load(rows, 0, hi-lo)
		for t := range hi - lo {
			norm(rows[t*e:][:e], rows[t*e:][:e], c.m.w.norm, c.h.eps)
		}
		out.from(lo).save(rows, 0, hi-lo)
	})
	return out
}

// add makes batches of windows.
func (r *refiner) add(text refineText) {
	at := 0
	for i, w := range text.windows {
		if i == 0 || r.batch[len(r.batch)-1].n+len(w) > refineTokens {
			r.batch = append(r.batch, refineBatch{})
		}
		b := &r.batch[len(r.batch)-1]
		b.windows, b.n = append(b.windows, w), b.n+len(w)
		at += len(w)
		b.target = text.targets.from(at - b.n)
	}
}

// each is the runner's: it calls fn for 0 … n-1.
func (r *refiner) each(n int, fn func(i int)) {
	_ = r.c.m.run.parallel(n, func(i int) error { fn(i); return nil })
}

// forward runs a batch through the layers: r.back is the residual stream behind the last.
func (r *refiner) forward(b refineBatch) {
	e := r.c.h.embed
	x, t := r.back[:b.n*e], 0
	for _, w := range b.windows {
		for _, id := range w {
			r.c.m.w.embed.Row(x[t*e:][:e], int(id))
			t++
		}
	}
	r.start(b)
	for i, l := range r.layers {
		r.each(b.n, func(t int) { r.inputs[i].save(x, t, t+1) })
		r.layerForward(l, r.load(i, b.n), x)
		r.c.m.file.Release()
	}
}

// load returns what n tokens come into layer i with.
func (r *refiner) load(i, n int) []float32 {
	r.each(n, func(t int) { r.inputs[i].load(r.input, t, t+1) })
	return r.input
}

// divergence returns the loss on batches.
func (r *refiner) divergence(batches []refineBatch, tick func() error) (float64, error) {
	sum, n := 0.0, 0
	for _, b := range batches {
		r.forward(b)
		sum += float64(b.n) * r.lossBack(b, false)
		n += b.n
		if err := tick(); err != nil {
			return 0, err
		}
	}
	return sum / float64(max(n, 1)), nil
}

// step takes one step on a batch.
func (r *refiner) step(b refineBatch, rate float64) {
	r.gradient(b, func(l *refined) { r.update(l, rate) })
}

// gradient computes the loss and its gradient; use gets the layers, last first, when their gradients are complete.
func (r *refiner) gradient(b refineBatch, use func(l *refined)) float64 {
	r.forward(b)
	loss := r.lossBack(b, true)
	for i := len(r.layers) - 1; i >= 0; i-- {
		x := r.load(i, b.n)
		r.record(r.layers[i], x)
		r.layerBack(r.layers[i], x, r.back[:b.n*r.c.h.embed])
		use(r.layers[i])
		r.c.m.file.Release()
	}
	return loss
}

// update moves a layer's parameters.
func (r *refiner) update(l *refined, rate float64) {
	type item struct {
		*parameter
		part
	}
	var items []item
	for _, p := range []*parameter{l.enc, l.query, l.value} {
		for _, x := range p.parts {
			items = append(items, item{p, x})
		}
	}
	r.each(len(items), func(i int) {
		s := r.tape.scratch()
		items[i].step(items[i].part, rate, s)
		r.tape.give(s)
	})
}

// write replaces the tensors of c.made, and gives up the layers for them. Encoders keep single precision as in the file that is written.
func (r *refiner) write() error {
	for i, l := range r.layers {
		r.layers[i] = nil
		g, row := l.geo, l.lat.row()
		add := func(name string, typ kernel.Type, w []float32, n, rows, cols int) error {
			var ms []*mat.Dense
			for len(w) > 0 {
				d := mat.NewDense(rows, cols, nil)
				for j, v := range w[:rows*cols] {
					d.RawMatrix().Data[j] = float64(v)
				}
				ms, w = append(ms, d), w[rows*cols:]
			}
			data, err := encode(typ, ms...)
			if err != nil {
				return fmt.Errorf("layer %d: refined %s: %w", i, name, err)
			}
			name = layerTensor(i, name)
			if n == 0 {
				r.c.made[name] = madeTensor(name, typ, data, cols, rows)
			} else {
				r.c.made[name] = madeTensor(name, typ, data, cols, rows, n)
			}
			return nil
		}
		if err := add(tensorEnc, ggtype.F32, l.enc.w, 0, row, r.c.h.embed); err != nil {
			return err
		}
		if err := add(tensorQuery, ggtype.F16, l.query.w, g.Heads, row, g.KeySize); err != nil {
			return err
		}
		if err := add(tensorValue, ggtype.F16, l.value.w, g.Heads, g.ValueSize, l.lat.l); err != nil {
			return err
		}
	}
	return nil
}
