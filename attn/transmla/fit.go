package transmla

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"
	"sync"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
	"gonum.org/v1/gonum/mat"
)

// Sample is a piece of calibration text as a layer's attention sees it: before RoPE, with biases and norms, from an
// empty cache.
type Sample struct {
	Tokens  int
	KV      []float32 // [tokens, G·(d+v)]: z of each token, see Moments
	Queries []float32 // [tokens/SampleStride, heads·d], of tokens SampleStride-1, 2·SampleStride-1, …, scaled
}

// SampleStride is how many tokens of a Sample there are for each whose queries count.
const SampleStride = 16

const (
	fitDistance  = 0.1  // share of the weights that falls off with the distance only
	fitMinWeight = 5e-4 // smallest weight that counts
	fitRidge     = 0.1  // how strongly factors are pulled to 1, in parts of the variance of what they multiply
)

// QueryFactors are complex factors of a query head: of its RoPE pairs where they meet keys that lost their rotation, on
// top of the constant that stands in the rotation's place, and of rotated pairs of the row.
type QueryFactors struct {
	Latent  []complex128 // per pair of the model
	Rotated []complex128 // [R/2]
}

// Fit finds each query head's factors for compressed rows. Compress puts one constant in the place of a RoPE pair's
// rotation, the same for all heads, from a guess of how far back queries look. But a head that looks at the token
// before wants another one than a head that looks everywhere. So each RoPE pair of a head's query gets a complex factor
// where it meets the latent, and each rotated pair of the row another. With δ_ts, the score that token t gives to s
// through its row, minus the model's, and weights w_ts of sum 1,
//
//	Σ_t Σ_s w_ts (δ_ts - Σ_r w_tr δ_tr)²,    w_ts = 0.9·softmax_s(score_ts) + 0.1·[1/(t-s+1) of sum 1]
//
// is least: for the softmax alone the divergence of the attention from the model's, to second order and but for a
// factor; what falls off with the distance keeps words that have no attention from getting some. It is a linear
// regression. A Fit is safe for concurrent use.
type Fit struct {
	rope      *attn.Rope
	g         attn.Geometry
	c         *Compressed // with all of the keys in place of a latent
	samples   []Sample
	rows      []*mat.Dense   // per sample [tokens, R+L], not rotated
	rotations [][]complex128 // [longest sample][pairs]: e^(jθt), without magnitude
	heads     []fitHead      // per key head
}

// fitHead is what query heads that share a key head have in common, per sample, made for the first of them.
type fitHead struct {
	once    sync.Once
	decoded []*mat.Dense // [tokens, d]: what rows say of keys
	keys    [][]float32  // [tokens, d]: the keys, rotated, pairs as [re, im] in their order
}

// NewFit prepares the fit for what Compress would do with the same arguments, without Factors. Samples must be of the
// moments' geometry.
func NewFit(rope *attn.Rope, m *Moments, o CompressOptions, samples []Sample) (*Fit, error) {
	o.Factors = nil
	c, err := newCompressor(rope, m, o)
	if err != nil {
		return nil, err
	}
	f := &Fit{rope: rope, g: m.Geometry, c: c.whole(), samples: samples, heads: make([]fitHead, m.KVHeads)}
	n, g := c.n, f.g
	for i, t := range samples {
		if t.Tokens < 1 || len(t.KV) != t.Tokens*n || len(t.Queries) != t.Tokens/SampleStride*g.Heads*g.KeySize {
			return nil, fmt.Errorf("text %d of %d tokens: %d values of keys and values, %d of queries: %w", i, t.Tokens, len(t.KV), len(t.Queries), ErrMoments)
		}
		z := mat.NewDense(t.Tokens, n, nil)
		for j, v := range t.KV {
			z.RawMatrix().Data[j] = float64(v)
		}
		rows := new(mat.Dense)
		rows.Mul(z, f.c.Encode.T())
		f.rows = append(f.rows, rows)
		for len(f.rotations) < t.Tokens {
			r := make([]complex128, len(rope.Freqs()))
			for j, θ := range rope.Freqs() {
				r[j] = cmplx.Rect(1, θ*float64(len(f.rotations)))
			}
			f.rotations = append(f.rotations, r)
		}
	}
	return f, nil
}

// whole returns rows of which nothing is cut off, in place of a latent.
func (c *compressor) whole() *Compressed {
	rest, queries := c.rest()
	k, _ := rest.Dims()
	c.o.L, c.o.Keys = k, k
	out := &Compressed{R: c.o.R, L: k, Encode: mat.NewDense(c.o.R+k, c.n, nil)}
	c.rotated(out)
	if k == 0 {
		return out
	}
	out.Encode.Slice(c.o.R, c.o.R+k, 0, c.n).(*mat.Dense).Copy(rest)
	for i, q := range out.Query {
		q.Slice(c.o.R, c.o.R+k, 0, c.m.KeySize).(*mat.Dense).Copy(queries[i])
	}
	return out
}

// Factors returns the factors of query head h.
func (f *Fit) Factors(h int) (QueryFactors, error) {
	n := 2 * f.unknowns()
	sums := mat.NewSymDense(n+1, nil)
	for i := range f.samples {
		f.equations(sums, h, i)
	}
	total := 0.0
	for i := range n {
		total += sums.At(i, i)
	}
	b := mat.NewVecDense(n, nil)
	for i := range n {
		diagonal := sums.At(i, i)
		pull := fitRidge*diagonal + 1e-4*total/float64(n) + math.SmallestNonzeroFloat32
		sums.SetSym(i, i, diagonal+pull)
		b.SetVec(i, sums.At(i, n)+pull*float64(1-i%2))
	}
	var solver mat.Cholesky
	var u mat.VecDense
	if !solver.Factorize(sums.SliceSym(0, n)) || solver.SolveVecTo(&u, b) != nil {
		return QueryFactors{}, fmt.Errorf("query head %d: scores that are not finite: %w", h, ErrMoments)
	}
	factor := func(i int) complex128 { return complex(u.AtVec(2*i), -u.AtVec(2*i+1)) }
	var out QueryFactors
	for i := range f.rope.Freqs() {
		out.Latent = append(out.Latent, factor(i))
	}
	for j := range f.c.R / 2 {
		out.Rotated = append(out.Rotated, factor(len(f.rope.Freqs())+j))
	}
	return out, nil
}

// unknowns returns how many factors a head has: those of RoPE pairs in the latent, then those of rotated pairs.
func (f *Fit) unknowns() int { return len(f.rope.Freqs()) + f.c.R/2 }

// equations adds the normal equations of the regression of head h's scores on sample i: for a query, a row per key of
// 2·unknowns values and what the factors should give, [keys, 2·unknowns + 1], taken from its mean and weighted.
func (f *Fit) equations(sums *mat.SymDense, h, i int) {
	sample, g, r, d := f.samples[i], h/f.g.Group(), f.c.R, f.g.KeySize
	query, head := f.c.Query[g], f.head(g)
	width := 2*f.unknowns() + 1
	q, rotated := mat.NewVecDense(d, nil), mat.NewVecDense(max(r, 1), nil)
	var data, transposed, weights []float32
	part := make([]float32, width*width)
	for t := SampleStride - 1; t < sample.Tokens; t += SampleStride {
		for j := range d {
			q.SetVec(j, float64(sample.Queries[(t/SampleStride*f.g.Heads+h)*d+j]))
		}
		if r > 0 {
			rotated.MulVec(query.Slice(0, r, 0, d), q)
		}
		x := q.RawVector().Data
		first, scores := f.scores(t, x, head.keys[i])
		data, weights = data[:0], weights[:0]
		for j, w := range scoreWeights(scores) {
			if w >= fitMinWeight {
				weights = append(weights, w)
				data = slices.Grow(data, width)[:len(data)+width]
				row := data[len(data)-width:]
				f.equation(row, x, rotated.RawVector().Data, head.decoded[i].RawRowView(first+j), f.rows[i].RawRowView(first+j), t-first-j, float64(scores[j]))
			}
		}
		n := len(weights)
		if n == 0 {
			continue
		}
		centre(data, weights)
		transposed = slices.Grow(transposed[:0], len(data))[:len(data)]
		kernel.Transpose(transposed, n, data, width, n, width)
		kernel.WeightedSumF32(part, width, transposed, n, width, data, width, n, width)
	}
	for j := range width {
		for k := range j + 1 {
			sums.SetSym(j, k, sums.At(j, k)+float64(part[j*width+k]))
		}
	}
}

// head returns what is to be known of key head g.
func (f *Fit) head(g int) *fitHead {
	out := &f.heads[g]
	out.once.Do(func() {
		query, r, d := f.c.Query[g], f.c.R, f.g.KeySize
		n := r + f.c.L
		for i, sample := range f.samples {
			decoded := mat.NewDense(sample.Tokens, d, nil)
			if n > r {
				decoded.Mul(f.rows[i].Slice(0, sample.Tokens, r, n), query.Slice(r, n, 0, d))
			}
			out.decoded = append(out.decoded, decoded)
			out.keys = append(out.keys, f.keys(g, sample))
		}
	})
	return out
}

// keys returns key head g's keys of a text.
func (f *Fit) keys(g int, sample Sample) []float32 {
	d := f.g.KeySize
	n := len(sample.KV) / sample.Tokens
	out, x := make([]float32, sample.Tokens*d), make([]float64, d)
	for t := range sample.Tokens {
		for j := range x {
			x[j] = float64(sample.KV[t*n+g*d+j])
		}
		f.rotate(out[t*d:][:d], x, t)
	}
	return out
}

// rotate rotates a head by a position, without magnitude; pairs lie one after the other in dst.
func (f *Fit) rotate(dst []float32, x []float64, pos int) {
	for i, e := range f.rotations[pos] {
		a, b := f.rope.Pair(i)
		dst[2*i], dst[2*i+1] = float32(x[a]*real(e)-x[b]*imag(e)), float32(x[a]*imag(e)+x[b]*real(e))
	}
	for i := f.rope.Dims(); i < len(x); i++ {
		dst[i] = float32(x[i])
	}
}

// scores returns the model's scores of query q at position t, for the tokens from first on.
func (f *Fit) scores(t int, q []float64, keys []float32) (first int, scores []float32) {
	first = f.g.First(t)
	d := f.g.KeySize
	x := make([]float32, d)
	f.rotate(x, q, t)
	vek32.MulNumber_Inplace(x[:f.rope.Dims()], float32(f.rope.Magnitude()*f.rope.Magnitude()))
	scores = make([]float32, t+1-first)
	for i := range scores {
		scores[i] = vek32.Dot(x, keys[(first+i)*d:][:d])
	}
	return first, scores
}

// scoreWeights returns the weights of tokens with the scores given, of which the last is the one whose query it is.
func scoreWeights(scores []float32) []float32 {
	w := make([]float32, len(scores))
	sum, total := kernel.ExpSum(w, scores, vek32.Max(scores)), float32(0)
	for i := range w {
		total += 1 / float32(len(w)-i)
	}
	for i := range w {
		w[i] = (1-fitDistance)*w[i]/sum + fitDistance/total/float32(len(w)-i)
	}
	return w
}

// equation fills in a row: what each factor, at 1 and at -j, adds to the score of a token from its row, and what all
// should give.
func (f *Fit) equation(dst []float32, q, rotated, decoded, row []float64, distance int, score float64) {
	pairs, mag := len(f.rope.Freqs()), f.rope.Magnitude()*f.rope.Magnitude()
	for i := range pairs { // conj(q)·seen
		a, b := f.rope.Pair(i)
		dst[2*i], dst[2*i+1] = float32(q[a]*decoded[a]+q[b]*decoded[b]), float32(q[a]*decoded[b]-q[b]*decoded[a])
	}
	for j, p := range f.c.Pairs {
		x := complex(rotated[2*j], -rotated[2*j+1]) * complex(row[2*j], row[2*j+1]) * cmplx.Conj(f.rotations[distance][p])
		dst[2*(pairs+j)], dst[2*(pairs+j)+1] = float32(mag*real(x)), float32(mag*imag(x))
	}
	for i := f.rope.Dims(); i < f.g.KeySize; i++ { // without RoPE, nothing is to be fitted
		score -= q[i] * decoded[i]
	}
	dst[len(dst)-1] = float32(score)
}

// centre takes the rows of one query from their weighted mean and multiplies them by the roots of their weights.
func centre(data, weights []float32) {
	width, total := len(data)/len(weights), float32(0)
	mean := make([]float32, width)
	for i, w := range weights {
		total += w
		for j, v := range data[i*width:][:width] {
			mean[j] += w * v
		}
	}
	vek32.MulNumber_Inplace(mean, 1/total)
	for i, w := range weights {
		row := data[i*width:][:width]
		vek32.Sub_Inplace(row, mean)
		vek32.MulNumber_Inplace(row, float32(math.Sqrt(float64(w))))
	}
}
