package codes

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/internal/attention"
)

// part is what is known of the keys, or of the values, of a layer: of each key/value head the transform that makes
// components independent, sorted by what they are worth.
type part struct {
	size    int
	heads   []head
	worth   []float32 // of each component, all heads together: what it costs to leave it out
	options []option  // ways to give components bits
	chosen  option
	mean    []float32 // of keys, before RoPE
}

// head is a transform: y = x·forward, x = back·y, [size, size].
type head struct {
	forward, back []float32
	variance      []float32 // of each component
}

// leastShare of a metric's largest eigenvalue is what every direction costs: nothing is quite indifferent.
const leastShare = 1e-4

// newHead finds the transform for vectors with these second moments, whose errors e cost eᵀ·metric·e.
func newHead(moment, metric *mat.SymDense) (h head, err error) {
	n := moment.SymmetricDim()
	root, inverse, err := roots(metric)
	if err != nil {
		return h, err
	}
	var t, weighed mat.Dense
	t.Mul(root, moment)
	weighed.Mul(&t, root)
	var eig mat.EigenSym
	sym := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			sym.SetSym(i, j, (weighed.At(i, j)+weighed.At(j, i))/2)
		}
	}
	if !eig.Factorize(sym, true) {
		return h, errNoEigen
	}
	values := eig.Values(nil)
	var vectors mat.Dense
	eig.VectorsTo(&vectors)
	order := mat.NewDense(n, n, nil)
	for c := range n { // gonum sorts ascending
		h.variance = append(h.variance, float32(max(values[n-1-c], 0)))
		for i := range n {
			order.Set(i, c, vectors.At(i, n-1-c))
		}
	}
	h.forward, h.back = product(root, order), product(inverse, order)
	return h, nil
}

// product returns a·b, row after row.
func product(a, b *mat.Dense) []float32 {
	var p mat.Dense
	p.Mul(a, b)
	out := make([]float32, 0, len(p.RawMatrix().Data))
	for _, v := range p.RawMatrix().Data {
		out = append(out, float32(v))
	}
	return out
}

var errNoEigen = errors.New("no eigenvectors were found: the activations are not finite numbers")

// roots returns the root of a metric, and its inverse.
func roots(metric *mat.SymDense) (root, inverse *mat.Dense, err error) {
	var eig mat.EigenSym
	if !eig.Factorize(metric, true) {
		return nil, nil, errNoEigen
	}
	values := eig.Values(nil)
	n := len(values)
	most := values[n-1]
	if !(most > 0) || math.IsInf(most, 0) {
		most = 1
	}
	var u mat.Dense
	eig.VectorsTo(&u)
	scaled := func(f func(x float64) float64) *mat.Dense {
		s := mat.DenseCopyOf(&u)
		for j, v := range values {
			x := f(math.Sqrt(max(v, 0) + leastShare*most))
			for i := range n {
				s.Set(i, j, s.At(i, j)*x)
			}
		}
		out := new(mat.Dense)
		out.Mul(s, u.T())
		return out
	}
	return scaled(func(x float64) float64 { return x }), scaled(func(x float64) float64 { return 1 / x }), nil
}

// transform returns what the chosen bits make of the part.
func (p *part) transform() attention.Transform {
	bits := p.chosen.bits
	n := len(bits)
	t := attention.Transform{Bits: bits, Deviate: make([]float32, n)}
	for c, b := range bits {
		t.Deviate[c] = float32(1 / quantizer[b].step)
	}
	for _, h := range p.heads {
		worth := make([]float32, n)
		forward, back := make([]float32, p.size*n), make([]float32, p.size*n)
		for c, b := range bits {
			step := quantizer[b].step * math.Sqrt(max(float64(h.variance[c]), 1e-12*float64(h.variance[0]), 1e-30))
			worth[c] = float32(step * step)
			for i := range p.size {
				forward[i*n+c] = float32(float64(h.forward[i*p.size+c]) / step)
				back[i*n+c] = float32(float64(h.back[i*p.size+c]) * step)
			}
		}
		t.Worth = append(t.Worth, worth)
		t.Forward, t.Back = append(t.Forward, forward), append(t.Back, back)
	}
	return t
}
