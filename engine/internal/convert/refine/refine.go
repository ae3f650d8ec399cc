// Package refine improves the form for llama.cpp by gradients through the whole model: what a layer loses shows in the
// next tokens' probabilities only, and no layer can tell by itself. With p_t the original's distribution of the token
// after t, and p̂_t the converted model's,
//
//	loss = mean over t of Σ_x p_t(x)·ln(p_t(x) / p̂_t(x))
//
// falls along its gradient in encoders E, queries Q and values V of all layers (see package llamacpp), which are kept
// in the file in full or half precision; what the file keeps in few bits stays as it is. Each step is taken on
// batchTokens tokens of the calibration text and of text that the model has written for this purpose. Statistics have
// seen the one: there, the loss is half of what it is elsewhere. So only the other tells whether it paid.
//
// The gradients are written by hand (backward.go). The forward pass beside them (forward.go) computes in single
// precision and records what they need; it is the only one beside package model's.
package refine

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"

	"github.com/latentgo/latentgo/engine/internal/convert/activation"
	"github.com/latentgo/latentgo/engine/internal/convert/calibration"
	"github.com/latentgo/latentgo/engine/internal/convert/regression"
	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

const (
	batchTokens = calibration.Window // of a step, and at most of a window
	maxRate     = 1e-4               // change of a step, in parts of a tensor's root mean square
	warmSteps   = 8                  // until that rate is reached; then it falls as half a cosine wave
	heldEvery   = 8                  // one batch of fresh text in so many tells whether it paid
)

// Text is text in windows of at most calibration.Window tokens, and what the original model's logits of it come from:
// the normed stream behind its last layer.
type Text struct {
	Windows [][]int32
	Targets activation.Q8 // [tokens, width], windows one after the other
}

// TargetsOf returns what a stream behind the last layer of m is normed to.
func TargetsOf(m *model.Model, x activation.F16) activation.Q8 {
	n, e := x.Len(), m.Spec().Width
	out := activation.NewQ8(n, e)
	regression.Parallel(m.Parallel).Rows(n, func(_, lo, hi int) {
		rows := make([]float32, (hi-lo)*e)
		x.Rows(lo, hi-lo).Load(rows, 0, hi-lo)
		for t := range hi - lo {
			model.Norm(rows[t*e:][:e], rows[t*e:][:e], m.OutputNorm(), m.Spec().Eps)
		}
		out.From(lo).Save(rows, 0, hi-lo)
	})
	return out
}

// Options say on what text to refine.
type Options struct {
	Seen  Text   // what statistics come from
	Fresh Text   // what they do not come from
	Seed  uint64 // of the order in which windows are taken
	Steps int    // how many to take: all windows in turn, again and again
}

// refiner refines a converted model.
type refiner struct {
	m       *model.Model // the original
	spec    *model.Spec  // of the converted model
	made    tensors.Map
	layers  []*layer
	tape    *tape
	inputs  []activation.F16 // per layer, what a step's tokens come in with
	input   []float32        // the same of one layer, [tokens, width]
	back    []float32        // the residual stream, and its gradient
	batches []batch
	seen    int // of them, how many are of text that statistics have seen: the first
	act     kernel.Act
}

// batch are windows of n tokens that a step takes together.
type batch struct {
	windows [][]int32
	n       int
	target  activation.Q8 // [n, width]
}

// Run improves the tensors in made, with which the layers of m become those of spec. It leaves them as they are, and
// returns false, when that does not pay on the part of the fresh text that is held back. progress gets the passes done,
// of which a step is one.
func Run(
	ctx context.Context, m *model.Model, spec *model.Spec, made tensors.Map, o Options, progress func(done, total int),
) (paid bool, err error) {
	r := &refiner{m: m, spec: spec, made: made, tape: new(tape)}
	if err := r.prepare(o); err != nil {
		return false, err
	}
	m.Release()
	debug.FreeOSMemory()
	train, held := r.split()
	if len(train) == 0 {
		o.Steps = 0
	}
	done := 0
	tick := func() error {
		done++
		progress(done, o.Steps+2*len(held))
		return ctx.Err()
	}
	before, err := r.divergence(held, tick)
	if err != nil {
		return false, err
	}
	if err := r.steps(train, o, tick); err != nil {
		return false, err
	}
	after, err := r.divergence(held, tick)
	if err != nil || !(after < before) {
		return false, err
	}
	r.tape, r.inputs, r.batches = nil, nil, nil // what is written needs the room
	debug.FreeOSMemory()
	return true, r.write()
}

// split returns the batches to take steps on and those of fresh text that are held back.
func (r *refiner) split() (train, held []batch) {
	every := min(heldEvery, len(r.batches)-r.seen)
	for i, b := range r.batches {
		if no := i - r.seen + 1; no > 0 && no%heldEvery == every/2 {
			held = append(held, b)
		} else {
			train = append(train, b)
		}
	}
	return train, held
}

// prepare loads the text and the converted layers.
func (r *refiner) prepare(o Options) error {
	r.add(o.Seen)
	r.seen = len(r.batches)
	r.add(o.Fresh)
	var grads gradients
	width := r.spec.Width
	for i := range r.spec.Layers {
		l, err := r.load(i, &grads)
		if err != nil {
			return err
		}
		r.layers = append(r.layers, l)
		r.inputs = append(r.inputs, activation.NewF16(batchTokens, width))
	}
	r.input, r.back = make([]float32, batchTokens*width), make([]float32, batchTokens*width)
	return nil
}

// add makes batches of windows.
func (r *refiner) add(text Text) {
	at := 0
	for i, w := range text.Windows {
		if i == 0 || r.batches[len(r.batches)-1].n+len(w) > batchTokens {
			r.batches = append(r.batches, batch{})
		}
		b := &r.batches[len(r.batches)-1]
		b.windows, b.n = append(b.windows, w), b.n+len(w)
		at += len(w)
		b.target = text.Targets.From(at - b.n)
	}
}

// steps takes all steps.
func (r *refiner) steps(train []batch, o Options, tick func() error) error {
	rng := rand.New(rand.NewPCG(o.Seed, 0))
	for i := range o.Steps {
		at := i % len(train)
		if at == 0 {
			rng.Shuffle(len(train), func(i, j int) { train[i], train[j] = train[j], train[i] })
		}
		done := float64(i + 1)
		rate := maxRate * min(1, done/warmSteps) * max(0.02, (1+math.Cos(math.Pi*done/float64(o.Steps)))/2)
		r.gradient(train[at], func(l *layer) { r.update(l, rate) })
		if err := tick(); err != nil {
			return err
		}
	}
	return nil
}

// divergence returns the loss on batches.
func (r *refiner) divergence(batches []batch, tick func() error) (float64, error) {
	sum, n := 0.0, 0
	for _, b := range batches {
		r.forward(b)
		sum += float64(b.n) * r.loss(b, false)
		n += b.n
		if err := tick(); err != nil {
			return 0, err
		}
	}
	return sum / float64(max(n, 1)), nil
}

// gradient computes the loss and its gradient; use gets the layers, last first, when their gradients are complete.
func (r *refiner) gradient(b batch, use func(l *layer)) float64 {
	r.forward(b)
	loss := r.loss(b, true)
	for i := len(r.layers) - 1; i >= 0; i-- {
		x := r.loadInput(i, b.n)
		r.record(r.layers[i], x)
		r.layerBack(r.layers[i], x, r.back[:b.n*r.spec.Width])
		use(r.layers[i])
		r.m.File().Release()
	}
	return loss
}

// update moves a layer's parameters.
func (r *refiner) update(l *layer, rate float64) {
	type item struct {
		*parameter
		part
	}
	var items []item
	for _, p := range l.parameters() {
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

// write replaces the tensors that were made, and gives up the layers for them. Encoders keep single precision as in the
// file that is written.
func (r *refiner) write() error {
	for i, l := range r.layers {
		r.layers[i] = nil
		add := func(name string, typ kernel.Type, w []float32, dims ...int) error {
			name = model.LayerName(i, name)
			data, err := tensors.EncodeFloats(typ, w, dims[0])
			if err != nil {
				return fmt.Errorf("refined %s: %w", name, err)
			}
			r.made.Add(name, typ, data, dims...)
			return nil
		}
		if err := add(model.TensorEncode, ggtype.F32, l.encode.w, r.spec.Width, l.row()); err != nil {
			return err
		}
		if err := add(model.TensorQuery, ggtype.F16, l.query.w, l.KeySize, l.row(), l.Heads); err != nil {
			return err
		}
		if err := add(model.TensorValue, ggtype.F16, l.value.w, l.l, l.ValueSize, l.Heads); err != nil {
			return err
		}
	}
	return nil
}

// each calls fn for 0 … n-1 on all workers.
func (r *refiner) each(n int, fn func(i int)) {
	_ = r.m.Parallel(n, func(i int) error { fn(i); return nil })
}
