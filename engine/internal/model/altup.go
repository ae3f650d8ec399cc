package model

import (
	"math"
	"slices"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// AltUp is Gemma 3n's residual stream in several copies (arXiv 2301.13310), of which layers work on the first. From the
// copies S a layer first predicts what they will be,
//
//	P_j = S_j + Σ_k a_jk·S_k        a = A · m(S_0)    m(x) = tanh(R · norm(x)/width)
//
// then makes x of P_0 as any layer does, with the sum of attention and a low-rank map of its input (LAuReL, arXiv
// 2411.07501) divided by √2, and corrects all by what x has more than P_0:
//
//	C_j = P_j + (1 + b_j)·(x - P_0)        b = B · m(x)
//
// The layer's embedding works on C_0 and is added to the other copies. The zero value is one stream.
type AltUp struct {
	Streams int
	Laurel  int // rank of LAuReL
}

// altUp is that of a layer with its weights.
type altUp struct {
	n                        int
	router, predict, correct []float32 // R [n, width], A [n·n, n], B [n, n]
	norm                     *normWeights
	scale                    []float32 // [width] of C_0 before the layer's embedding
	left, right              Linear    // of LAuReL: [rank, width], [width, rank]
	laurelNorm               *normWeights
	rightTypes               []kernel.ActType
}

// streams are the matrices that make copies of the embedding, and one residual stream of the copies.
type streams struct {
	spread, join           []Linear // [width, width] for each copy but the first
	spreadTypes, joinTypes []kernel.ActType
}

func (ld *Loader) streams() *streams {
	n, width := ld.spec.AltUp.Streams-1, ld.spec.Width
	s := &streams{spread: ld.linears("altup_proj", n, width, width, false), join: ld.linears("altup_unembd_proj", n, width, width, false)}
	s.spreadTypes, s.joinTypes = actTypes(s.spread...), actTypes(s.join...)
	return s
}

// altUp loads that of layer i, nil for none.
func (ld *Loader) altUp(i int) *altUp {
	s, width := ld.spec.AltUp, ld.spec.Width
	if s.Streams == 0 {
		return nil
	}
	name := func(n string) string { return LayerName(i, n) }
	a := &altUp{
		n:          s.Streams,
		router:     ld.floats(name("altup_router.weight"), width, s.Streams),
		predict:    ld.floats(name("altup_predict_coef.weight"), s.Streams, s.Streams*s.Streams),
		correct:    ld.floats(name("altup_correct_coef.weight"), s.Streams, s.Streams),
		norm:       ld.layerNorm(i, "altup_router_norm"),
		scale:      ld.vector(name("altup_correct_scale.weight"), width, true),
		left:       ld.linear(name("laurel_l"), s.Laurel, width, false),
		right:      ld.linear(name("laurel_r"), width, s.Laurel, false),
		laurelNorm: ld.layerNorm(i, "laurel_post_norm"),
	}
	a.rightTypes = actTypes(a.right)
	return a
}

// inputs returns the types in which a layer's first norm is wanted, beside those of its mixer.
func (a *altUp) inputs(types []kernel.ActType) []kernel.ActType {
	if a == nil {
		return types
	}
	return distinct(append(slices.Clone(types), actTypes(a.left)...))
}

func (a *altUp) include(e *executor) {
	if a != nil {
		e.most.ff, e.most.held = max(e.most.ff, a.left.Rows), e.width
		e.most.streams = a.n * e.width
	}
}

// bytes returns the size of the matrices that a token uses; a may be nil.
func (a *altUp) bytes() int {
	if a == nil {
		return 0
	}
	return matrixBytes(a.left.Matrix, a.right.Matrix)
}

// coefficients computes C · tanh(R · norm(x)/width), one for each of len(dst) rows of C. scratch has the length of x.
func (a *altUp) coefficients(dst, c, x, scratch []float32) {
	a.norm.apply(scratch, x)
	clear(dst)
	for k := range a.n {
		v := vek32.Dot(scratch, a.router[k*len(x):][:len(x)]) / float32(len(x))
		m := float32(math.Tanh(float64(v)))
		for i := range dst {
			dst[i] += m * c[i*a.n+k]
		}
	}
}

// start predicts the worker's rows of the copies, and makes the first their residual stream.
func (a *altUp) start(p *pass, w *worker) {
	if a == nil {
		return
	}
	e, n := p.width, a.n
	var room [maxStreams * maxStreams]float32
	coef := room[:n*n]
	var s [maxStreams]float32
	for t := w.lo; t < w.hi; t++ {
		all := w.streams[t*n*e:][:n*e]
		a.coefficients(coef, a.predict, all[:e], w.h[t*e:][:e])
		for i := range e {
			for k := range n {
				s[k] = all[k*e+i]
			}
			for j := range n {
				sum := s[j]
				for k := range n {
					sum += coef[j*n+k] * s[k]
				}
				all[j*e+i] = sum
			}
		}
		copy(w.x[t*e:][:e], all)
	}
}

// laurel computes what join adds from the layer's normed input, w.in and w.h, and keeps it in w.held.
func (a *altUp) laurel(p *pass, w *worker) {
	if a == nil {
		return
	}
	p.project(w, &w.in, projection{a.left, p.gate})
	w.Barrier()
	p.reset(w, &w.ffn, p.gate, a.left.Rows)
	p.sync(w)
	p.quantize(w, &w.ffn, a.rightTypes)
	p.project(w, &w.ffn, projection{a.right, p.o})
	w.Barrier()
	e := p.width
	for t := w.lo; t < w.hi; t++ {
		held := w.held[t*e:][:e]
		a.laurelNorm.apply(held, p.o[t*e:][:e])
		addScaled(held, w.h[t*e:], 1)
	}
}

// join adds it to the residual stream, to which attention has been added.
func (a *altUp) join(p *pass, w *worker) {
	if a == nil {
		return
	}
	p.addHeld(w)
	scale(w.x[w.lo*p.width:w.hi*p.width], math.Sqrt2/2)
}

// end corrects the worker's rows of the copies, and adds the layer's embedding to all but the first.
func (a *altUp) end(p *pass, w *worker, l *Layer) {
	e, n := p.width, a.n
	var room [maxStreams]float32
	coef := room[:n]
	for t := w.lo; t < w.hi; t++ {
		x, all := w.x[t*e:][:e], w.streams[t*n*e:][:n*e]
		a.coefficients(coef, a.correct, x, w.h[t*e:][:e])
		addScaled(x, all[:e], -1)
		for j := range n {
			addScaled(all[j*e:][:e], x, 1+coef[j])
		}
		for i, f := range a.scale {
			x[i] = all[i] * f
		}
	}
	p.input(w, nil, l.embedding.types)
	l.embedding.mix(p, w, l)
	for t := w.lo; t < w.hi; t++ {
		h := w.h[t*e:][:e]
		l.embedding.norm.apply(h, p.o[t*e:][:e])
		for j := 1; j < n; j++ {
			addScaled(w.streams[(t*n+j)*e:][:e], h, 1)
		}
	}
}

// maxStreams is more copies than any model has.
const maxStreams = 8

// spreadStreams makes copies of the embeddings, each of the length of the first.
func (p *pass) spreadStreams(w *worker) {
	s := p.model.streams
	if s == nil {
		return
	}
	p.input(w, nil, s.spreadTypes)
	e, n := p.width, len(s.spread)+1
	for t := w.lo; t < w.hi; t++ {
		copy(w.streams[t*n*e:][:e], w.x[t*e:])
	}
	for j, m := range s.spread {
		p.project(w, &w.in, projection{m, p.o})
		w.Barrier()
		for t := w.lo; t < w.hi; t++ {
			dst := w.streams[(t*n+j+1)*e:][:e]
			clear(dst)
			addScaled(dst, p.o[t*e:], lengthRatio(w.x[t*e:][:e], p.o[t*e:][:e]))
		}
		w.Barrier()
	}
}

// joinStreams makes the residual stream of the copies: their mean, after a product of all but the first that has the
// first's length.
func (p *pass) joinStreams(w *worker) {
	s := p.model.streams
	if s == nil {
		return
	}
	e, n := p.width, len(s.join)+1
	clear(w.held[w.lo*e : w.hi*e])
	w.Barrier() // all have read p.o
	for j, m := range s.join {
		for t := w.lo; t < w.hi; t++ {
			copy(w.x[t*e:][:e], w.streams[(t*n+j+1)*e:])
		}
		p.input(w, nil, s.joinTypes)
		p.project(w, &w.in, projection{m, p.o})
		w.Barrier()
		for t := w.lo; t < w.hi; t++ {
			o := p.o[t*e:][:e]
			addScaled(w.held[t*e:][:e], o, lengthRatio(w.streams[t*n*e:][:e], o))
		}
		w.Barrier()
	}
	for t := w.lo; t < w.hi; t++ {
		x := w.x[t*e:][:e]
		for i, v := range w.held[t*e:][:e] {
			x[i] = (w.streams[t*n*e+i] + v) / float32(n)
		}
	}
}

// lengthRatio returns |a| / |b|.
func lengthRatio(a, b []float32) float32 {
	return float32(math.Sqrt(float64(kernel.SumSquares(a)) / float64(kernel.SumSquares(b))))
}
