package transmla_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/attn/transmla"
	"gonum.org/v1/gonum/mat"
)

// moments returns second moments of a layer of two key/value heads, whose keys and values have only eight directions.
func moments(g attn.Geometry) *transmla.Moments {
	rng := rand.New(rand.NewPCG(1, 2))
	n := g.KVHeads * (g.KeySize + g.ValueSize)
	directions := mat.NewDense(n, 8, nil)
	for i := range directions.RawMatrix().Data {
		directions.RawMatrix().Data[i] = rng.NormFloat64()
	}
	unit := func(n int) *mat.SymDense {
		s := mat.NewSymDense(n, nil)
		for i := range n {
			s.SetSym(i, i, 1)
		}
		return s
	}
	m := &transmla.Moments{Geometry: g, KV: mat.NewSymDense(n, nil)}
	m.KV.SymOuterK(1, directions)
	for range g.Heads {
		m.Query = append(m.Query, unit(g.KeySize))
	}
	for range g.KVHeads {
		m.Output = append(m.Output, unit(g.ValueSize))
	}
	return m
}

// A layer that caches 32 values per token gets rows of 12, of which 4 keep RoPE.
func ExampleCompress() {
	g := attn.Geometry{Heads: 4, KVHeads: 2, KeySize: 8, ValueSize: 8}
	rope, err := attn.NewRope(attn.RopeConfig{Dims: 8, Base: 10000})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := transmla.Compress(rope, moments(g), transmla.CompressOptions{R: 4, L: 8, Context: 1024})
	if err != nil {
		fmt.Println(err)
		return
	}
	rows, cols := c.Encode.Dims()
	fmt.Println("encoder:", rows, "×", cols)
	fmt.Println("RoPE pairs that stay:", c.Pairs)
	rows, cols = c.Query[0].Dims()
	fmt.Println("queries of head group 0:", rows, "×", cols)
	rows, cols = c.Value[0].Dims()
	fmt.Println("values of head 0:", rows, "×", cols)
	// Output:
	// encoder: 12 × 32
	// RoPE pairs that stay: [0 1]
	// queries of head group 0: 12 × 8
	// values of head 0: 8 × 8
}
