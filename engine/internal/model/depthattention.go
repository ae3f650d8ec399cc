package model

import (
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// DepthAttention is Kimi K3's attention of a row to what the residual stream was before (attention residuals): in every
// Block-th layer the stream is kept and begins anew with the mixer's result. What goes into a part is a sum of all kept
// so far and of the stream, whose weights are a softmax of their products with a vector, normed.
type DepthAttention struct {
	Block int
}

// depthPart is that of a part, or of the end, with its weights.
type depthPart struct {
	score   []float32 // [width]
	eps     float32
	kept    int  // vectors that are kept before
	restart bool // the stream is kept, and the result begins a new one
}

func (s DepthAttention) count(spec *Spec) (vectors, kept int) {
	return 1 + s.before(len(spec.Layers)), 0
}

// before returns how many vectors are kept before layer i.
func (s DepthAttention) before(i int) int { return (i + s.Block - 1) / s.Block }

func (s DepthAttention) part(ld *Loader, i int, network bool) copiesPart {
	if network {
		return s.load(ld, LayerName(i, "ffn_res_score"), s.before(i+1))
	}
	d := s.load(ld, LayerName(i, "attn_res_score"), s.before(i))
	d.restart = i%s.Block == 0
	return d
}

func (s DepthAttention) ends(ld *Loader) copiesEnds {
	return s.load(ld, "output_res_score", s.before(len(ld.spec.Layers)))
}

func (s DepthAttention) load(ld *Loader, name string, kept int) *depthPart {
	return &depthPart{score: ld.vector(name+".weight", ld.spec.Width, true), eps: ld.spec.Eps, kept: kept}
}

func (d *depthPart) spread(p *pass, w *worker) {
	for t := w.lo; t < w.hi; t++ {
		copy(p.copiesOf(w, t), w.x[t*p.width:][:p.width])
	}
}

// read and join: the stream is the first vector.
func (d *depthPart) read(p *pass, w *worker) {
	e := p.width
	weights := sized(&w.mix.tmp, d.kept+1)
	for t := w.lo; t < w.hi; t++ {
		all := p.copiesOf(w, t)
		for j := range weights {
			x := all[j*e:][:e]
			f := 1 / math.Sqrt(float64(kernel.SumSquares(x)/float32(e)+d.eps))
			weights[j] = float32(f) * vek32.Dot(x, d.score)
		}
		softmax(weights)
		weighted(w.x[t*e:][:e], all, weights)
		if d.restart {
			copy(all[(d.kept+1)*e:][:e], all)
		}
	}
}

func (d *depthPart) join(p *pass, w *worker) { d.read(p, w) }

func (d *depthPart) write(p *pass, w *worker, bias []float32) {
	for t := w.lo; t < w.hi; t++ {
		x := p.copiesOf(w, t)[:p.width]
		if d.restart {
			clear(x)
		}
		addScaled(x, p.output(w, t, bias), 1)
	}
}
