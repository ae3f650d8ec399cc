package model

import (
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// HyperConnections are copies of the residual stream that each mixer and network mixes (arXiv 2409.19606; with Sinkhorn
// manifold-constrained, arXiv 2512.24880). With x the copies S_1 … S_n in a row divided by their root mean square,
// m = F·x makes a part's input and what becomes of the copies with its result y,
//
//	Σ_j (σ(a·m_j + b_j) + ε)·S_j        S_i' = (Post·σ(a'·m_{n+i} + b_{n+i}) + ε')·y + Σ_j C_ij·S_j
//
// C is the identity, or a matrix of m's other values, made nearly doubly stochastic by dividing rows and columns by
// their sums in turn. The embedding is the first value of all copies.
type HyperConnections struct {
	Copies   int
	Eps      float32 // ε
	Post     float32
	PostEps  float32 // ε'
	Sinkhorn int     // rounds of divisions; 0: C is the identity
	// Head says that the model's last norm gets a sum that is weighted like a part's input (output_hc_fn); otherwise the
	// mean of the copies.
	Head bool
}

// hyper is that of a part, or of the end, with its weights.
type hyper struct {
	spec        HyperConnections
	normEps     float32
	fn          []float32 // F [values, n·width]
	scale, base []float32 // a of each kind of value, b [values]
}

// MaxCopies is more than any model has.
const MaxCopies = 8

// values returns how many a part's F gives.
func (s *HyperConnections) values() int {
	if s.Sinkhorn > 0 {
		return (2 + s.Copies) * s.Copies
	}
	return 2 * s.Copies
}

func (s HyperConnections) count(*Spec) (vectors, kept int) { return s.Copies, s.values() }

func (s HyperConnections) load(ld *Loader, name string, values, kinds int) *hyper {
	return &hyper{
		spec: s, normEps: ld.spec.Eps,
		fn:    ld.floats(name+"_fn.weight", s.Copies*ld.spec.Width, values),
		scale: ld.vector(name+"_scale.weight", kinds, true),
		base:  ld.vector(name+"_base.weight", values, true),
	}
}

func (s HyperConnections) part(ld *Loader, i int, network bool) copiesPart {
	name, kinds := "hc_attn", 2
	if network {
		name = "hc_ffn"
	}
	if s.Sinkhorn > 0 {
		kinds = 3
	}
	return s.load(ld, LayerName(i, name), s.values(), kinds)
}

func (s HyperConnections) ends(ld *Loader) copiesEnds {
	if !s.Head {
		return &hyper{spec: s}
	}
	return s.load(ld, "output_hc", s.Copies, 1)
}

func (h *hyper) spread(p *pass, w *worker) { spreadCopies(p, w) }

// spreadCopies makes all copies what they are a copy of.
func spreadCopies(p *pass, w *worker) {
	for t := w.lo; t < w.hi; t++ {
		x := w.x[t*p.width:][:p.width]
		for all := p.copiesOf(w, t); len(all) > 0; all = all[p.width:] {
			copy(all, x)
		}
	}
}

func (h *hyper) join(p *pass, w *worker) {
	n := h.spec.Copies
	var room [MaxCopies]float32
	for t := w.lo; t < w.hi; t++ {
		all, weights := p.copiesOf(w, t), room[:n]
		if h.fn != nil {
			h.mix(weights, all)
			h.inputs(weights)
		} else {
			for j := range weights {
				weights[j] = 1 / float32(n)
			}
		}
		weighted(w.x[t*p.width:][:p.width], all, weights)
	}
}

// mix computes F·x of a row's copies.
func (h *hyper) mix(dst, all []float32) {
	f := float32(1 / math.Sqrt(float64(kernel.SumSquares(all)/float32(len(all))+h.normEps)))
	for i := range dst {
		dst[i] = f * vek32.Dot(h.fn[i*len(all):][:len(all)], all)
	}
}

// inputs makes the first values of m the weights of a part's input.
func (h *hyper) inputs(m []float32) {
	for j := range m {
		m[j] = sigmoidOf(h.scale[0]*m[j]+h.base[j]) + h.spec.Eps
	}
}

func (h *hyper) read(p *pass, w *worker) {
	n, k := h.spec.Copies, h.spec.values()
	for t := w.lo; t < w.hi; t++ {
		all, m := p.copiesOf(w, t), w.kept[t*k:][:k]
		h.mix(m, all)
		h.inputs(m[:n])
		for j := n; j < 2*n; j++ {
			m[j] = h.spec.Post*sigmoidOf(h.scale[1]*m[j]+h.base[j]) + h.spec.PostEps
		}
		if h.spec.Sinkhorn > 0 {
			for j := 2 * n; j < k; j++ {
				m[j] = h.scale[2]*m[j] + h.base[j]
			}
			sinkhorn(m[2*n:], n, h.spec.Sinkhorn, h.spec.Eps)
		}
		weighted(w.x[t*p.width:][:p.width], all, m[:n])
	}
}

// sinkhorn makes logits c [from, to] of n copies nearly doubly stochastic: a softmax of what each gives, then so many
// divisions by the sums of what each gets, between them by those of what each gives.
func sinkhorn(c []float32, n, rounds int, eps float32) {
	for i := range n {
		softmax(c[i*n:][:n])
		for j := range n {
			c[i*n+j] += eps
		}
	}
	for round := range rounds {
		for i := 0; round > 0 && i < n; i++ {
			sum := eps
			for _, v := range c[i*n:][:n] {
				sum += v
			}
			scale(c[i*n:][:n], 1/sum)
		}
		for j := range n {
			sum := eps
			for i := range n {
				sum += c[i*n+j]
			}
			for i := range n {
				c[i*n+j] /= sum
			}
		}
	}
}

// weighted writes to dst the sum of vectors of its length with the weights given.
func weighted(dst, all, weights []float32) {
	clear(dst)
	for j, f := range weights {
		addScaled(dst, all[j*len(dst):], f)
	}
}

func (h *hyper) write(p *pass, w *worker, bias []float32) {
	n, e, k := h.spec.Copies, p.width, h.spec.values()
	var s [MaxCopies]float32
	for t := w.lo; t < w.hi; t++ {
		all, m := p.copiesOf(w, t), w.kept[t*k:][:k]
		o, post, c := p.output(w, t, bias), m[n:2*n], m[2*n:]
		if len(c) == 0 {
			for j, f := range post {
				addScaled(all[j*e:][:e], o, f)
			}
			continue
		}
		for i, y := range o {
			for j := range n {
				s[j] = all[j*e+i]
			}
			for to, f := range post {
				sum := f * y
				for from := range n {
					sum += c[from*n+to] * s[from]
				}
				all[to*e+i] = sum
			}
		}
	}
}
