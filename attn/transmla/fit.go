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

// Text is a piece of calibration text as a layer's attention sees it: before RoPE, with biases and norms, from an empty cache.
type Text struct {
	Tokens  int
	KV      []float32 // [tokens, G·(d+v)]: z of each token, see Moments
	Queries []float32 // [tokens/FitStride, heads·d], of tokens FitStride-1, 2·FitStride-1, …, scaled
}

// FitStride is how many tokens of a Text there are for each whose queries count.
const FitStride = 16

const (
	fitFar   = 0.1  // share of the weights that falls off with the distance only
	fitLeast = 5e-4 // smallest weight that counts
	fitRidge = 0.1  // how strongly factors are pulled to 1, in parts of the energy of what they multiply
)

// Asks are complex factors of a query head: of its RoPE pairs where they meet keys that lost their rotation, on top of the constant that
// stands in the rotation's place, and of rotated pairs of the row.
type Asks struct {
	Latent  []complex128 // per pair of the model
	Rotated []complex128 // [R/2]
}

// Fit finds how each query head asks compressed rows. Compress puts one constant in the place of a RoPE pair's rotation, the same for all
// heads, from a guess of how far back queries look. But a head that looks at the token before wants another one than a head that
// looks everywhere. So each RoPE pair of a head's query gets a complex factor where it meets the latent, and each rotated pair of the row
// another. With δ_ts, the score that token t gives to s through its row, minus the model's, and weights w_ts of sum 1,
//
//	Σ_t Σ_s w_ts (δ_ts - Σ_r w_tr δ_tr)²,    w_ts = 0.9·softmax_s(score_ts) + 0.1·[1/(t-s+1) of sum 1]
//
// is least: for the softmax alone the divergence of the attention from the model's, to second order and but for a factor; what falls off
// with the distance keeps words that have no attention from getting some. It is a linear regression. A Fit is safe for concurrent use.
type Fit struct {
	rope  *attn.Rope
	g     attn.Geometry
	c     *Compressed // with all of the keys in place of a latent
	texts []Text
	rows  []*mat.Dense   // per text [tokens, R+L], not rotated
	turns [][]complex128 // [longest text][pairs]: e^(jθt), without magnitude
	heads []fitHead      // per key head
}

// fitHead is what query heads that share a key head have in common, per text, made for the first of them.
type fitHead struct {
	once sync.Once
	seen []*mat.Dense // [tokens, d]: what rows say of keys
	keys [][]float32  // [tokens, d]: the keys, rotated, pairs as [re, im] in their order
}

// NewFit prepares the fit for what Compress would do with the same arguments, without Heads. Texts must be of the moments' geometry.
func NewFit(rope *attn.Rope, m *Moments, o CompressOptions, texts []Text) (*Fit, error) {
	o.Heads = nil
	c, err := newCompressor(rope, m, o)
	if err != nil {
		return nil, err
	}
	f := &Fit{rope: rope, g: m.Geometry, c: c.whole(), texts: texts, heads: make([]fitHead, m.KVHeads)}
	n, g := c.n, f.g
	for i, t := range texts {
		if t.Tokens < 1 || len(t.KV) != t.Tokens*n || len(t.Queries) != t.Tokens/FitStride*g.Heads*g.KeySize {
			return nil, fmt.Errorf("text %d of %d tokens: %d values of keys and values, %d of queries: %w", i, t.Tokens, len(t.KV), len(t.Queries), ErrMoments)
		}
		z := mat.NewDense(t.Tokens, n, nil)
		for j, v := range t.KV {
			z.RawMatrix().Data[j] = float64(v)
		}
		rows := new(mat.Dense)
		rows.Mul(z, f.c.Encode.T())
		f.rows = append(f.rows, rows)
		for len(f.turns) < t.Tokens {
			turn := make([]complex128, len(rope.Freqs()))
			for j, θ := range rope.Freqs() {
				turn[j] = cmplx.Rect(1, θ*float64(len(f.turns)))
			}
			f.turns = append(f.turns, turn)
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

// Asks returns the factors of query head h.
func (f *Fit) Asks(h int) (Asks, error) {
	n := 2 * f.unknowns()
	sums := mat.NewSymDense(n+1, nil)
	for i := range f.texts {
		f.equations(sums, h, i)
	}
	total := 0.0
	for i := range n {
		total += sums.At(i, i)
	}
	b := mat.NewVecDense(n, nil)
	for i := range n {
		energy := sums.At(i, i)
		pull := fitRidge*energy + 1e-4*total/float64(n) + math.SmallestNonzeroFloat32
		sums.SetSym(i, i, energy+pull)
		b.SetVec(i, sums.At(i, n)+pull*float64(1-i%2))
	}
	var solver mat.Cholesky
	var u mat.VecDense
	if !solver.Factorize(sums.SliceSym(0, n)) || solver.SolveVecTo(&u, b) != nil {
		return Asks{}, fmt.Errorf("query head %d: scores that are not finite: %w", h, ErrMoments)
	}
	factor := func(i int) complex128 { return complex(u.AtVec(2*i), -u.AtVec(2*i+1)) }
	var out Asks
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

// equations adds the normal equations of the regression of head h's scores on text i: for a query, a row per key of 2·unknowns values and
// what the factors should give, [keys, 2·unknowns + 1], taken from its mean and weighted.
func (f *Fit) equations(sums *mat.SymDense, h, i int) {
	text, g, r, d := f.texts[i], h/f.g.Group(), f.c.R, f.g.KeySize
	query, head := f.c.Query[g], f.head(g)
	width := 2*f.unknowns() + 1
	q, rotated := mat.NewVecDense(d, nil), mat.NewVecDense(max(r, 1), nil)
	var data, turned, weights []float32
	part := make([]float32, width*width)
	for t := FitStride - 1; t < text.Tokens; t += FitStride {
		for j := range d {
			q.SetVec(j, float64(text.Queries[(t/FitStride*f.g.Heads+h)*d+j]))
		}
		if r > 0 {
			rotated.MulVec(query.Slice(0, r, 0, d), q)
		}
		x := q.RawVector().Data
		first, scores := f.scores(t, x, head.keys[i])
		data, weights = data[:0], weights[:0]
		for j, w := range scoreWeights(scores) {
			if w >= fitLeast {
				weights = append(weights, w)
				data = slices.Grow(data, width)[:len(data)+width]
				row := data[len(data)-width:]
				f.equation(row, x, rotated.RawVector().Data, head.seen[i].RawRowView(first+j), f.rows[i].RawRowView(first+j), t-first-j, float64(scores[j]))
			}
		}
		n := len(weights)
		if n == 0 {
			continue
		}
		centre(data, weights)
		turned = slices.Grow(turned[:0], len(data))[:len(data)]
		kernel.Transpose(turned, n, data, width, n, width)
		kernel.MixF32(part, width, turned, n, width, data, width, n, width)
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
		for i, text := range f.texts {
			seen := mat.NewDense(text.Tokens, d, nil)
			if n > r {
				seen.Mul(f.rows[i].Slice(0, text.Tokens, r, n), query.Slice(r, n, 0, d))
			}
			out.seen = append(out.seen, seen)
			out.keys = append(out.keys, f.keys(g, text))
		}
	})
	return out
}

// keys returns key head g's keys of a text.
func (f *Fit) keys(g int, text Text) []float32 {
	d := f.g.KeySize
	n := len(text.KV) / text.Tokens
	out, x := make([]float32, text.Tokens*d), make([]float64, d)
	for t := range text.Tokens {
		for j := range x {
			x[j] = float64(text.KV[t*n+g*d+j])
		}
		f.turn(out[t*d:][:d], x, t)
	}
	return out
}

// turn rotates a head by a position, without magnitude; pairs lie one after the other in dst.
func (f *Fit) turn(dst []float32, x []float64, pos int) {
	for i, e := range f.turns[pos] {
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
	f.turn(x, q, t)
	vek32.MulNumber_Inplace(x[:f.rope.Dims()], float32(f.rope.Magnitude()*f.rope.Magnitude()))
	scores = make([]float32, t+1-first)
	for i := range scores {
		scores[i] = vek32.Dot(x, keys[(first+i)*d:][:d])
	}
	return first, scores
}

// scoreWeights returns the weights of tokens with the scores given, of which the last is the one that asks.
func scoreWeights(scores []float32) []float32 {
	w := make([]float32, len(scores))
	sum, far := kernel.ExpSum(w, scores, vek32.Max(scores)), float32(0)
	for i := range w {
		far += 1 / float32(len(w)-i)
	}
	for i := range w {
		w[i] = (1-fitFar)*w[i]/sum + fitFar/far/float32(len(w)-i)
	}
	return w
}

// equation fills in a row: what each factor, at 1 and at -j, adds to the score of a token from its row, and what all should give.
func (f *Fit) equation(dst []float32, q, rotated, seen, row []float64, distance int, score float64) {
	pairs, mag := len(f.rope.Freqs()), f.rope.Magnitude()*f.rope.Magnitude()
	for i := range pairs { // conj(q)·seen
		a, b := f.rope.Pair(i)
		dst[2*i], dst[2*i+1] = float32(q[a]*seen[a]+q[b]*seen[b]), float32(q[a]*seen[b]-q[b]*seen[a])
	}
	for j, p := range f.c.Pairs {
		x := complex(rotated[2*j], -rotated[2*j+1]) * complex(row[2*j], row[2*j+1]) * cmplx.Conj(f.turns[distance][p])
		dst[2*(pairs+j)], dst[2*(pairs+j)+1] = float32(mag*real(x)), float32(mag*imag(x))
	}
	for i := f.rope.Dims(); i < f.g.KeySize; i++ { // without RoPE, nothing is to be fitted
		score -= q[i] * seen[i]
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
