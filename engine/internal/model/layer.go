package model

import "github.com/latentgo/latentgo/internal/kernel"

// Layer is one transformer block with its weights.
type Layer struct {
	Index int // in the model, from 0
	Spec  LayerSpec

	norm, postNorm       []float32 // before the mixer, and on its result or nil
	ffnNorm, postFFNNorm []float32
	mixer                mixer
	ffn                  ffn
}

// mixer lets the tokens of each sequence see those before them.
type mixer interface {
	// include makes room for the mixer in the buffers of a pass.
	include(e *executor)
	// inputs returns the types in which it wants its input.
	inputs() []kernel.ActType
	// run computes p.o [rows, width] from the normed input w.in, without the bias. It ends with a barrier.
	run(p *pass, w *worker, l *Layer)
	// bias returns what is added to p.o, or nil.
	bias() []float32
	// shareable reports whether a row gets the same bits whoever else is in a pass, and however a prompt is cut.
	shareable() bool
	// newState returns what it remembers of a new sequence, which will have n tokens, or any number when n is 0.
	newState(f CacheFormat, n int) State
	// size returns what a state takes.
	size(f CacheFormat) CacheSize
	// bytes returns the size of the matrices that a token uses, and of what a token at position depth reads of a state.
	bytes(f CacheFormat, depth int) (weights, cache int)
}

// ffn is the part of a layer that each token goes through by itself.
type ffn interface {
	include(e *executor)
	inputs() []kernel.ActType
	// run computes p.o [rows, width] from the normed input w.in, without the bias. It ends with a barrier.
	run(p *pass, w *worker, l *Layer)
	// bias returns what is added to p.o, or nil.
	bias() []float32
	// bytes returns the size of the matrices that a token uses.
	bytes() int
}

// layer runs one layer: the only place that says how a block flows. A probe may begin and end within it.
func (p *pass) layer(w *worker, l *Layer) {
	if p.probe.begins(StageInput) {
		p.input(w, l.norm, l.mixer.inputs())
	}
	if p.probe.begins(StageHeads) {
		l.mixer.run(p, w, l)
		if p.probe.ends(StageHeads) {
			return
		}
		p.probe.mixed(p, w)
		p.add(w, l.mixer.bias(), l.postNorm)
		if p.probe.ends(StageMixed) {
			return
		}
	}
	p.input(w, l.ffnNorm, l.ffn.inputs())
	l.ffn.run(p, w, l)
	if p.probe.ends(StageHidden) {
		return
	}
	p.probe.fed(p, w)
	p.add(w, l.ffn.bias(), l.postFFNNorm)
}

// input norms the residual stream and brings the result, w.in, into the types wanted.
func (p *pass) input(w *worker, weight []float32, types []kernel.ActType) {
	p.rmsNorm(w.h, w.x, weight, w.lo, w.hi)
	p.reset(w, &w.in, w.h, p.width)
	p.sync(w)
	p.quantize(w, &w.in, types)
}

// add adds the worker's rows of a block's result p.o to the residual stream, with the block's bias and post-norm where there are any.
func (p *pass) add(w *worker, bias, post []float32) {
	e := p.width
	for t := w.lo; t < w.hi; t++ {
		o := p.o[t*e:][:e]
		if bias != nil || post != nil {
			o = w.h[t*e:][:e] // p.o is for all workers
			copy(o, p.o[t*e:])
			addBias(o, bias, 0, 1)
		}
		if post != nil {
			norm(o, o, post, p.spec.Eps)
		}
		x := w.x[t*e:][:e]
		for i, v := range o {
			x[i] += v
		}
	}
}
