package model

import (
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
)

// NormSpec is the kind of a model's norms. The zero value is RMS norm, x / rms(x) · weight.
type NormSpec struct {
	Mean bool // layer norm: the mean is subtracted first
	Bias bool // added behind the weight, where the file has it
	Bare bool // there is neither weight nor bias
}

// NoNorm in place of a norm's name says that there is none.
const NoNorm = "none"

// normWeights is a norm with its weights.
type normWeights struct {
	weight, bias []float32 // nil: none
	mean         bool
	eps          float32
}

// norm loads "<name>.weight", which some files write without the suffix, and what else the spec's norms have, for
// vectors of n values.
func (ld *Loader) norm(name string, n int) *normWeights {
	s := ld.spec.Norm
	w := &normWeights{mean: s.Mean, eps: ld.spec.Eps}
	if !s.Bare {
		w.weight = ld.vector(ld.suffixed(name), n, true)
	}
	if s.Bias {
		w.bias = ld.vector(name+".bias", n, false)
	}
	return w
}

// streamNorm loads the norm of the residual stream that a spec names, nil for NoNorm.
func (ld *Loader) streamNorm(name string) *normWeights {
	if name == NoNorm {
		return nil
	}
	return ld.norm(name, ld.spec.Width)
}

// layerNorm is streamNorm in layer i.
func (ld *Loader) layerNorm(i int, name string) *normWeights {
	if name == NoNorm {
		return nil
	}
	return ld.norm(LayerName(i, name), ld.spec.Width)
}

// sumNorms loads the norms of a layer that has them on the residual stream. Some files have a second one behind
// attention.
func (ld *Loader) sumNorms(l *Layer) {
	name := func(n string) string { return LayerName(l.Index, n) }
	l.mixedNorm = append(l.mixedNorm, ld.norm(name("attn_output_norm"), ld.spec.Width))
	if ld.has(name("attn_norm_2.weight")) {
		l.mixedNorm = append(l.mixedNorm, ld.norm(name("attn_norm_2"), ld.spec.Width))
	}
	l.fedNorm = ld.norm(name("layer_output_norm"), ld.spec.Width)
}

// weights returns the weights of a norm, nil where there is none.
func (n *normWeights) weights() []float32 {
	if n == nil {
		return nil
	}
	return n.weight
}

// apply norms one vector; dst may be x.
func (n *normWeights) apply(dst, x []float32) {
	if !n.mean && n.bias == nil && n.weight != nil {
		norm(dst, x, n.weight, n.eps)
		return
	}
	mean := float32(0)
	if n.mean {
		mean = meanOf(x)
	}
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = v - mean
	}
	scale(dst, float32(1/math.Sqrt(float64(kernel.SumSquares(dst)/float32(len(x))+n.eps))))
	if n.weight != nil {
		for i, f := range n.weight[:len(dst)] {
			dst[i] *= f
		}
	}
	addBias(dst, n.bias, 0, 1)
}

// norm is RMS norm of one vector; dst may be x.
func norm(dst, x, weight []float32, eps float32) {
	f := float32(1 / math.Sqrt(float64(kernel.SumSquares(x)/float32(len(x))+eps)))
	weight, dst = weight[:len(x)], dst[:len(x)]
	for i, v := range x {
		dst[i] = v * f * weight[i]
	}
}

// unitNorm is norm without weights, in place.
func unitNorm(x []float32, eps float32) {
	scale(x, float32(1/math.Sqrt(float64(kernel.SumSquares(x)/float32(len(x))+eps))))
}

// meanOf returns the mean of at least one value.
func meanOf(x []float32) float32 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v)
	}
	return float32(sum / float64(len(x)))
}

// normRows norms rows lo … hi-1 of x [rows, width].
func (p *pass) normRows(dst, x []float32, n *normWeights, lo, hi int) {
	e := p.width
	for t := lo; t < hi; t++ {
		n.apply(dst[t*e:][:e], x[t*e:][:e])
	}
}
