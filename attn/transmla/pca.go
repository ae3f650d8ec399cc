package transmla

import (
	"fmt"
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/mat"
)

// minVariance bounds condition numbers: directions with less variance than this share of the strongest are not
// amplified.
const minVariance = 1e-8

// latent fills in the part of the row without RoPE: a joint PCA of what is left of the keys and of the values.
//
// The rest of the keys are the components y that lost their rotation, of those that are approximated when recent tokens
// are seen otherwise. A head of group g scores them with q”= conj(a) q', a the constant in place of the rotation. An
// error δy costs Σ_h E[(q”·δy)²] = δyᵀ M δy, an error of the values Σ_g δvᵀ S_g δv with S_g = Σ W_Oᵀ W_O. PCA in
// coordinates in which both metrics are the identity, β·M^(1/2) y and S_g^(1/2) v, finds the L directions to keep. Of
// these, those of which most of the keys can be made come first.
func (c *compressor) latent(out *Compressed) error {
	rest, queries := c.rest()
	k, _ := rest.Dims()
	joint := mat.NewDense(k+c.m.KVHeads*c.m.ValueSize, c.n, nil)
	l := min(c.o.L, k+c.m.KVHeads*c.m.ValueSize) // what a row has beyond that stays 0
	keys := min(c.o.Keys, l)
	var unweigh *mat.Dense
	if k > 0 {
		half, inverse, err := root(c.metric(queries, k), minVariance)
		if err != nil {
			return fmt.Errorf("queries: %w", err)
		}
		joint.Slice(0, k, 0, c.n).(*mat.Dense).Mul(half, rest)
		unweigh = inverse
	}
	values, err := c.weighValues(joint, k)
	if err != nil {
		return err
	}
	beta := c.keyWeight(joint, k)
	scaleRows(joint, 0, k, beta)
	basis, variance, err := principal(moment(joint, c.m.KV), l)
	if err != nil {
		return fmt.Errorf("keys and values: %w", err)
	}
	encode := mat.DenseCopyOf(basis.T())
	if keys < l && k > 0 {
		if err := keysFirst(basis, encode, variance, k); err != nil {
			return fmt.Errorf("keys: %w", err)
		}
	}
	out.Encode.Slice(c.o.R, c.o.R+l, 0, c.n).(*mat.Dense).Mul(encode, joint)
	for g := range c.m.KVHeads {
		at := k + g*c.m.ValueSize
		v := mat.NewDense(c.m.ValueSize, c.o.L, nil)
		v.Slice(0, c.m.ValueSize, 0, l).(*mat.Dense).Mul(values[g], basis.Slice(at, at+c.m.ValueSize, 0, l))
		out.Value = append(out.Value, v)
	}
	if k > 0 {
		var decode mat.Dense // [keys, k]: what the latent says of y
		decode.Mul(basis.Slice(0, k, 0, keys).T(), unweigh)
		decode.Scale(1/beta, &decode)
		for i, q := range out.Query {
			q.Slice(c.o.R, c.o.R+keys, 0, c.m.KeySize).(*mat.Dense).Mul(&decode, queries[i])
		}
	}
	return nil
}

// keysFirst changes the coordinates of the latent: decoder basis [k+…, L], whose first k rows are of keys, and encode
// [L, k+…]. variance is the latent's, so far of independent values. The new ones have variance 1 and are sorted by what
// they say of the keys: those are a PCA of what the latent makes of keys.
func keysFirst(basis, encode *mat.Dense, variance []float64, k int) error {
	_, l := basis.Dims()
	spread := make([]float64, l)
	for j := range spread {
		spread[j] = math.Sqrt(math.Max(variance[j], minVariance*variance[0]))
	}
	for j, s := range spread {
		scaleCol(basis, j, s)
		row := encode.RawRowView(j)
		for i := range row {
			row[i] /= s
		}
	}
	var explained mat.SymDense
	explained.SymOuterK(1, basis.Slice(0, k, 0, l).T())
	rotation, _, err := principal(&explained, l)
	if err != nil {
		return err
	}
	var b, e mat.Dense
	b.Mul(basis, rotation)
	e.Mul(rotation.T(), encode)
	basis.Copy(&b)
	encode.Copy(&e)
	return nil
}

func scaleCol(m *mat.Dense, j int, f float64) {
	rows, _ := m.Dims()
	for i := range rows {
		m.Set(i, j, f*m.At(i, j))
	}
}

// rest returns the encoder rows [k, n] of the key components that lose RoPE, and of key dimensions that never had it,
// with the query rows q” for them of each query matrix, [k, d].
func (c *compressor) rest() (*mat.Dense, []*mat.Dense) {
	var left []component
	for _, y := range c.all[c.o.R/2:] {
		if c.o.Keeps == nil || c.o.Keeps(y.pair) { // by blocks nothing else is
			left = append(left, y)
		}
	}
	plain := c.m.KeySize - c.rope.Dims()
	k := 2*len(left) + c.m.KVHeads*plain
	if k == 0 {
		return new(mat.Dense), nil
	}
	rows := mat.NewDense(k, c.n, nil)
	queries := make([]*mat.Dense, c.queryMatrices())
	for i := range queries {
		queries[i] = mat.NewDense(k, c.m.KeySize, nil)
	}
	mag := c.rope.Magnitude() * c.rope.Magnitude()
	if c.o.Keeps != nil { // keys and queries get it when they are rotated
		mag = 1
	}
	for i, y := range left {
		re, im := c.encoder(y)
		rows.SetRow(2*i, re)
		rows.SetRow(2*i+1, im)
		for m, q := range queries {
			re, im := c.query(y, c.group(m))
			a := c.a[y.pair] * complex(mag, 0)
			if c.o.Factors != nil {
				a *= c.o.Factors[m].Latent[y.pair]
			}
			multiply(re, im, cmplx.Conj(a))
			q.SetRow(2*i, re)
			q.SetRow(2*i+1, im)
		}
	}
	for i, q := range queries {
		g := c.group(i)
		for j := range plain {
			at := 2*len(left) + g*plain + j
			rows.Set(at, g*c.m.KeySize+c.rope.Dims()+j, 1)
			q.Set(at, c.rope.Dims()+j, 1)
		}
	}
	return rows, queries
}

// metric returns M = Σ_h E[q” q”ᵀ], [k, k].
func (c *compressor) metric(queries []*mat.Dense, k int) *mat.SymDense {
	m := mat.NewSymDense(k, nil)
	for h, q := range c.m.Query {
		add(m, moment(queries[h*len(queries)/c.m.Heads], q))
	}
	return m
}

// weighValues writes the rows S_g^(1/2) v of all groups to joint from row k on and returns S_g^(-1/2).
func (c *compressor) weighValues(joint *mat.Dense, k int) ([]*mat.Dense, error) {
	var inverses []*mat.Dense
	for g, s := range c.m.Output {
		half, inverse, err := root(s, minVariance)
		if err != nil {
			return nil, fmt.Errorf("output projection: %w", err)
		}
		inverses = append(inverses, inverse)
		row, col := k+g*c.m.ValueSize, c.m.KVHeads*c.m.KeySize+g*c.m.ValueSize
		joint.Slice(row, row+c.m.ValueSize, col, col+c.m.ValueSize).(*mat.Dense).Copy(half)
	}
	return inverses, nil
}

// keyWeight returns β: KeyWeight times what makes the variances of both parts equal.
func (c *compressor) keyWeight(joint *mat.Dense, k int) float64 {
	rows, _ := joint.Dims()
	variance := func(lo, hi int) float64 {
		if lo == hi {
			return 0
		}
		return mat.Trace(moment(joint.Slice(lo, hi, 0, c.n).(*mat.Dense), c.m.KV))
	}
	keys, values := variance(0, k), variance(k, rows)
	if !(keys > 0) || !(values > 0) {
		return 1
	}
	return c.o.KeyWeight * math.Sqrt(values/keys)
}

// moment returns B S Bᵀ.
func moment(b *mat.Dense, s *mat.SymDense) *mat.SymDense {
	var t, full mat.Dense
	t.Mul(b, s)
	full.Mul(&t, b.T())
	n, _ := b.Dims()
	out := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			out.SetSym(i, j, (full.At(i, j)+full.At(j, i))/2)
		}
	}
	return out
}

func add(dst, src *mat.SymDense) { dst.AddSym(dst, src) }

func scaleRows(m *mat.Dense, lo, hi int, f float64) {
	if lo < hi {
		_, n := m.Dims()
		s := m.Slice(lo, hi, 0, n).(*mat.Dense)
		s.Scale(f, s)
	}
}
