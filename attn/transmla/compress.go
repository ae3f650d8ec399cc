package transmla

import (
	"errors"
	"fmt"
	"math"

	"github.com/latentgo/latentgo/attn"
	"gonum.org/v1/gonum/mat"
)

// ErrMoments is returned by Compress for statistics that are not finite or of the wrong shape.
var ErrMoments = errors.New("attention statistics")

// Moments are second moments of one layer's attention, or of one block of its key/value heads, on calibration text.
// Keys and queries are taken before RoPE, after bias and norm.
type Moments struct {
	attn.Geometry // of the block: its heads only

	KV     *mat.SymDense   // [n, n], n = G·(d+v): E[z zᵀ] of a token's z = [keys of all heads | values of all heads]
	Query  []*mat.SymDense // per query head [d, d]: E[q qᵀ]
	Output []*mat.SymDense // per key/value head [v, v]: Σ W_Oᵀ W_O over the query heads that share it
}

// CompressOptions says how large a row Compress makes.
type CompressOptions struct {
	R, L      int                 // rotated (even) and latent values per token
	Pairs     []int               // RoPE pair of each rotated pair, at most KVHeads times the same; nil leaves the choice to Compress
	Context   int                 // distances that matter: queries look back 0 … Context-1 tokens
	KeyWeight float64             // weight of key errors against value errors in the latent; 0 means 1
	Keys      int                 // of the latent values, how many keys are made of; 0 means all
	Keeps     func(pair int) bool // the RoPE pairs that keys in the latent keep, rotated when rows are read; nil: all, never rotated
	Factors   []QueryFactors      // per query head, what Fit found; nil: heads that share keys have the same factors
}

// Compressed is a block's attention in the compressed form. The row of a token is Encode·z, its first R values rotated
// in pairs; the query of head h for its first R+Keys values is Query[h]·q, the first R of it rotated likewise; the
// value is Value[g]·(last L values of the weighted sum).
type Compressed struct {
	R, L   int
	Encode *mat.Dense   // [R+L, G·(d+v)]
	Pairs  []int        // [R/2] the model's RoPE pair whose frequency rotates each rotated pair
	Query  []*mat.Dense // per key/value head [R+Keys, d], or per query head when there are CompressOptions.Factors
	Value  []*mat.Dense // per key/value head [v, L]
}

// Compress finds the compressed form of a block from its moments (TransMLA, arXiv 2502.07864, with the differences that
// its steps name).
func Compress(rope *attn.Rope, m *Moments, o CompressOptions) (*Compressed, error) {
	c, err := newCompressor(rope, m, o)
	if err != nil {
		return nil, err
	}
	out := &Compressed{R: o.R, L: o.L, Encode: mat.NewDense(o.R+o.L, c.n, nil)}
	c.rotated(out)
	return out, c.latent(out)
}

// newCompressor checks arguments and sorts the components.
func newCompressor(rope *attn.Rope, m *Moments, o CompressOptions) (*compressor, error) {
	if err := m.check(rope, o); err != nil {
		return nil, err
	}
	c := &compressor{rope: rope, m: m, o: o, n: m.KVHeads * (m.KeySize + m.ValueSize)}
	if c.o.KeyWeight == 0 {
		c.o.KeyWeight = 1
	}
	if c.o.Keys == 0 {
		c.o.Keys = c.o.L
	}
	if err := c.components(); err != nil {
		return nil, err
	}
	c.choose()
	return c, nil
}

func (m *Moments) check(rope *attn.Rope, o CompressOptions) error {
	n := m.KVHeads * (m.KeySize + m.ValueSize)
	switch {
	case o.R < 0 || o.R%2 != 0 || o.L < 1 || o.R+o.L > n:
		return fmt.Errorf("row of %d rotated and %d latent values for %d of the model: %w", o.R, o.L, n, ErrMoments)
	case o.Keys < 0 || o.Keys > o.L:
		return fmt.Errorf("keys of %d latent values of %d: %w", o.Keys, o.L, ErrMoments)
	case o.R > m.KVHeads*rope.Dims():
		return fmt.Errorf("%d rotated values, the keys have %d: %w", o.R, m.KVHeads*rope.Dims(), ErrMoments)
	case m.KV.SymmetricDim() != n || len(m.Query) != m.Heads || len(m.Output) != m.KVHeads:
		return fmt.Errorf("statistics of another shape: %w", ErrMoments)
	}
	if o.Factors != nil && len(o.Factors) != m.Heads {
		return fmt.Errorf("factors for %d query heads of %d: %w", len(o.Factors), m.Heads, ErrMoments)
	}
	for h, a := range o.Factors {
		if len(a.Latent) != len(rope.Freqs()) || len(a.Rotated) != o.R/2 {
			return fmt.Errorf("query head %d: factors for %d pairs and %d rotated ones, want %d and %d: %w",
				h, len(a.Latent), len(a.Rotated), len(rope.Freqs()), o.R/2, ErrMoments)
		}
	}
	for i, p := range o.Pairs {
		if p < 0 || p >= len(rope.Freqs()) || len(o.Pairs) != o.R/2 || count(o.Pairs, p) > m.KVHeads {
			return fmt.Errorf("rotated pair %d of %d is to be RoPE pair %d of %d: %w", i, o.R/2, p, len(rope.Freqs()), ErrMoments)
		}
	}
	if t := mat.Trace(m.KV); math.IsNaN(t) || math.IsInf(t, 0) || !(t > 0) {
		return fmt.Errorf("keys and values have variance %v: %w", t, ErrMoments)
	}
	return nil
}

// count returns how often x is in list.
func count(list []int, x int) int {
	n := 0
	for _, v := range list {
		if v == x {
			n++
		}
	}
	return n
}

// queryMatrices returns how many query matrices there are: one per query head when each has factors of its own, else
// one per key/value head.
func (c *compressor) queryMatrices() int {
	if c.o.Factors != nil {
		return c.m.Heads
	}
	return c.m.KVHeads
}

// group returns the key/value head of a query matrix.
func (c *compressor) group(i int) int { return i * c.m.KVHeads / c.queryMatrices() }

// compressor is the state of one Compress.
type compressor struct {
	rope *attn.Rope
	m    *Moments
	o    CompressOptions
	n    int         // values of z
	all  []component // all components of all pairs, by benefit
	a    []complex128
}
