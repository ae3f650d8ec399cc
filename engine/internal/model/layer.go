package model

import "github.com/latentgo/latentgo/internal/kernel"

// Layer is one transformer block with its weights.
type Layer struct {
	Index int // in the model, from 0
	Spec  LayerSpec
	state int // index of the layer whose states it uses

	norm, postNorm       *normWeights // before the mixer, and on its result or nil
	ffnNorm, postFFNNorm *normWeights
	mixedNorm            []*normWeights // on the residual stream behind the mixer: none, one or two
	fedNorm              *normWeights   // on it behind the network, or nil
	mixer                mixer
	part                 int // of a pair of mixers, see both
	ffn                  ffn
	sideNorm             *normWeights
	side                 ffn              // beside both, or nil
	embedding            *layerEmbedding  // or nil
	grams                *nGrams          // or nil
	altUp                *altUp           // or nil
	types                []kernel.ActType // in which the first norm's result is wanted
	around               [2]copiesPart    // the mixer and the network, where the residual stream has copies; or nil
	outScale             float32          // of the residual stream at its end
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
	if l.mixer == nil {
		p.network(w, l)
		return
	}
	if l.Spec.EmbedSkip && l.Index == 0 || len(l.mixedNorm) > 1 {
		copy(w.held[w.lo*p.width:w.hi*p.width], w.x[w.lo*p.width:])
	}
	if p.probe.begins(StageInput) {
		if m, ok := l.ffn.(*experts); ok {
			m.routeInput(p, w)
		}
		l.altUp.start(p, w)
		p.beside(w, l)
		l.grams.add(p, w, l)
		p.read(w, l.around[0])
		p.input(w, l.norm, l.types)
		p.restart(w, l)
		l.altUp.laurel(p, w)
	}
	if p.probe.begins(StageHeads) {
		l.mixer.run(p, w, l)
		if p.probe.ends(StageHeads) {
			return
		}
		p.probe.mixed(p, w)
		if l.Spec.Parallel {
			p.hold(w, l.mixer.bias())
		} else {
			p.result(w, l, l.around[0], l.mixer.bias(), l.postNorm)
			p.normMixed(w, l.mixedNorm)
			l.altUp.join(p, w)
		}
		if p.probe.ends(StageMixed) {
			return
		}
	}
	p.network(w, l)
}

// network runs the feed-forward part of a layer.
func (p *pass) network(w *worker, l *Layer) {
	if l.ffn == nil || p.probe.ends(StageMixed) {
		return
	}
	p.read(w, l.around[1])
	p.input(w, l.ffnNorm, l.ffn.inputs())
	p.restart(w, l)
	l.ffn.run(p, w, l)
	if p.probe.ends(StageHidden) {
		return
	}
	p.probe.fed(p, w)
	p.result(w, l, l.around[1], l.ffn.bias(), l.postFFNNorm)
	if l.Spec.Parallel || l.side != nil {
		p.addHeld(w)
	}
	if l.fedNorm != nil {
		p.normRows(w.x, w.x, l.fedNorm, w.lo, w.hi)
	}
	if l.altUp != nil {
		l.altUp.end(p, w, l)
		return
	}
	l.embedding.add(p, w, l)
	if l.Spec.EmbedSkip {
		addScaled(w.x[w.lo*p.width:w.hi*p.width], w.held[w.lo*p.width:], l.outScale)
	} else if l.outScale != 1 {
		scale(w.x[w.lo*p.width:w.hi*p.width], l.outScale)
	}
}

// normMixed norms the worker's rows of the residual stream behind the mixer. Between the first norm and the second, if
// there are two, the layer's input is added once more.
func (p *pass) normMixed(w *worker, norms []*normWeights) {
	for i, n := range norms {
		if i > 0 {
			p.addHeld(w)
		}
		p.normRows(w.x, w.x, n, w.lo, w.hi)
	}
}

// restart makes the normed input the residual stream in a layer that wants that.
func (p *pass) restart(w *worker, l *Layer) {
	if f := l.Spec.NormedResidual; f != 0 {
		x := w.x[w.lo*p.width : w.hi*p.width]
		copy(x, w.h[w.lo*p.width:])
		scale(x, f)
	}
}

// input norms the residual stream, unless n is nil, and brings the result, w.in, into the types wanted.
func (p *pass) input(w *worker, n *normWeights, types []kernel.ActType) {
	if n != nil {
		p.normRows(w.h, w.x, n, w.lo, w.hi)
	} else {
		copy(w.h[w.lo*p.width:w.hi*p.width], w.x[w.lo*p.width:])
	}
	p.reset(w, &w.in, w.h, p.width)
	p.sync(w)
	p.quantize(w, &w.in, types)
}

// add adds the worker's rows of a block's result p.o to the residual stream, with the block's bias, post-norm and
// factor where there are any.
func (p *pass) add(w *worker, bias []float32, post *normWeights, factor float32) {
	e := p.width
	for t := w.lo; t < w.hi; t++ {
		o := p.o[t*e:][:e]
		if bias != nil || post != nil {
			o = w.h[t*e:][:e] // p.o is for all workers
			copy(o, p.o[t*e:])
			addBias(o, bias, 0, 1)
		}
		if post != nil {
			post.apply(o, o)
		}
		x := w.x[t*e:][:e]
		if factor != 0 {
			addScaled(x, o, factor)
			continue
		}
		for i, v := range o {
			x[i] += v
		}
	}
}

// beside runs the network that gets the layer's input, and keeps its result.
func (p *pass) beside(w *worker, l *Layer) {
	if l.side == nil {
		return
	}
	p.input(w, l.sideNorm, l.side.inputs())
	l.side.run(p, w, l)
	p.hold(w, l.side.bias())
}

// hold keeps the worker's rows of a result while the feed-forward network runs: of a parallel layer's mixer, or of a
// network beside both.
func (p *pass) hold(w *worker, bias []float32) {
	e := p.width
	for t := w.lo; t < w.hi; t++ {
		held := w.held[t*e:][:e]
		copy(held, p.o[t*e:])
		addBias(held, bias, 0, 1)
	}
}

// addHeld adds what is held to the residual stream.
func (p *pass) addHeld(w *worker) {
	e := p.width
	for i, v := range w.held[w.lo*e : w.hi*e] {
		w.x[w.lo*e+i] += v
	}
}
