package transmla

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"
	"sort"

	"gonum.org/v1/gonum/mat"
)

// component is one complex direction of the keys that rotate with one frequency:
//
//	y = Σ_g conj(u_g) √D_g k_g,    k_g ≈ D_g^(-1/2) Σ u_g y over the components kept
//
// k_g is the pair of key head g as a complex number, D_g = Σ E|q_h|² over the query heads that share it: with it, the
// variance of y is what the component adds to scores. All operations commute with RoPE.
type component struct {
	pair     int
	u        []complex128 // [G]
	d        []float64    // [G] D_g
	variance float64      // E|y|²
	benefit  float64      // score variance lost without RoPE, or by blocks
}

// components runs a Hermitian PCA for each RoPE pair.
func (c *compressor) components() error {
	c.a = c.constants()
	for i := range c.rope.Freqs() {
		d := c.queryPower(i)
		h := c.hermitian(i, d)
		values, vectors, err := hermitianEigen(h)
		if err != nil {
			return fmt.Errorf("RoPE pair %d: %w", i, err)
		}
		for k, variance := range values {
			loss := 1 - real(c.a[i])*real(c.a[i]) - imag(c.a[i])*imag(c.a[i])
			if c.o.Keeps != nil && c.o.Keeps(i) {
				loss = 0
			}
			c.all = append(c.all, component{i, vectors[k], d, variance, variance * loss})
		}
	}
	return nil
}

// queryPower returns D_g of pair i for each key/value head.
func (c *compressor) queryPower(i int) []float64 {
	a, b := c.rope.Pair(i)
	d := make([]float64, c.m.KVHeads)
	total := 0.0
	for h, q := range c.m.Query {
		p := q.At(a, a) + q.At(b, b)
		d[h/c.m.Group()] += p
		total += p
	}
	for g := range d { // a head without queries must stay invertible
		d[g] = math.Max(d[g], 1e-6*total+1e-30)
	}
	return d
}

// hermitian returns √D E[k kᴴ] √D of pair i.
func (c *compressor) hermitian(i int, d []float64) *mat.CDense {
	a, b := c.rope.Pair(i)
	n := len(d)
	h := mat.NewCDense(n, n, nil)
	for g := range n {
		for k := range n {
			ga, gb := g*c.m.KeySize+a, g*c.m.KeySize+b
			ka, kb := k*c.m.KeySize+a, k*c.m.KeySize+b
			re := c.m.KV.At(ga, ka) + c.m.KV.At(gb, kb)
			im := c.m.KV.At(gb, ka) - c.m.KV.At(ga, kb)
			s := math.Sqrt(d[g] * d[k])
			h.Set(g, k, complex(re*s, im*s))
		}
	}
	return h
}

// constants returns, for each pair, the constant that replaces its rotation best: E[e^(-jθΔ)] over distances Δ, which
// count 1/(Δ+1) since attention looks at close tokens more often than at distant ones. Where keys are rotated after
// all, it is 1.
func (c *compressor) constants() []complex128 {
	a := make([]complex128, len(c.rope.Freqs()))
	if c.o.Keeps != nil {
		for i := range a {
			a[i] = 1
		}
		return a
	}
	total := 0.0
	for t := range max(c.o.Context, 1) {
		total += 1 / float64(t+1)
	}
	for i, f := range c.rope.Freqs() {
		for t := range max(c.o.Context, 1) {
			a[i] += cmplx.Rect(1/float64(t+1)/total, -f*float64(t))
		}
	}
	return a
}

// choose sorts the components: the first R/2 keep RoPE, those whose rotation is worth most, or the strongest of each
// pair that the options name.
func (c *compressor) choose() {
	sort.SliceStable(c.all, func(i, j int) bool { return c.all[i].benefit > c.all[j].benefit })
	for k, pair := range c.o.Pairs {
		at := k + slices.IndexFunc(c.all[k:], func(y component) bool { return y.pair == pair })
		y := c.all[at]
		copy(c.all[k+1:at+1], c.all[k:at])
		c.all[k] = y
	}
}

// rotated fills in the part of the row that keeps RoPE.
func (c *compressor) rotated(out *Compressed) {
	for range c.queryMatrices() {
		out.Query = append(out.Query, mat.NewDense(c.o.R+c.o.Keys, c.m.KeySize, nil))
	}
	for k, y := range c.all[:c.o.R/2] {
		out.Pairs = append(out.Pairs, y.pair)
		re, im := c.encoder(y)
		out.Encode.SetRow(2*k, re)
		out.Encode.SetRow(2*k+1, im)
		for i, q := range out.Query {
			re, im := c.query(y, c.group(i))
			if c.o.Factors != nil {
				multiply(re, im, cmplx.Conj(c.o.Factors[i].Rotated[k]))
			}
			q.SetRow(2*k, re)
			q.SetRow(2*k+1, im)
		}
	}
}

// multiply multiplies rows of complex numbers by f.
func multiply(re, im []float64, f complex128) {
	for i := range re {
		re[i], im[i] = real(f)*re[i]-imag(f)*im[i], real(f)*im[i]+imag(f)*re[i]
	}
}

// encoder returns the rows of z ↦ Re y and z ↦ Im y.
func (c *compressor) encoder(y component) (re, im []float64) {
	a, b := c.rope.Pair(y.pair)
	re, im = make([]float64, c.n), make([]float64, c.n)
	for g, u := range y.u {
		at, s := g*c.m.KeySize, math.Sqrt(y.d[g])
		re[at+a], re[at+b] = s*real(u), s*imag(u)
		im[at+a], im[at+b] = -s*imag(u), s*real(u)
	}
	return re, im
}

// query returns the rows of q ↦ Re q', Im q', q' = conj(u_g) D_g^(-1/2) q: the query of a head of group g for y.
func (c *compressor) query(y component, g int) (re, im []float64) {
	a, b := c.rope.Pair(y.pair)
	re, im = make([]float64, c.m.KeySize), make([]float64, c.m.KeySize)
	u, s := y.u[g], 1/math.Sqrt(y.d[g])
	re[a], re[b] = s*real(u), s*imag(u)
	im[a], im[b] = -s*imag(u), s*real(u)
	return re, im
}
