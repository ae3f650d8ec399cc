package model

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/latentgo/latentgo/internal/kernel"
)

// A row of a pool is the sum of its tokens' values weighted by a softmax of their own for each, with overlap those of the
// pool before too, wherever passes end.
func TestCompressorPools(t *testing.T) {
	const size, tokens, pools = 3, 4, 5
	for _, overlap := range []bool{false, true} {
		values := size
		if overlap {
			values *= 2
		}
		r := rand.New(rand.NewPCG(1, 2))
		floats := func(n int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
			return x
		}
		c := &compressor{tokens: tokens, overlap: overlap, places: floats(tokens * values), kv: Linear{Matrix: &kernel.Matrix{Rows: values}}}
		k, g := floats(tokens*pools*values), floats(tokens*pools*values)
		want := func(j, col int) float64 {
			sum, all := 0.0, 0.0
			for pos := max(0, j-1) * tokens; pos < (j+1)*tokens; pos++ {
				own := pos >= j*tokens
				if !own && !overlap {
					continue
				}
				at := col
				if own {
					at += values - size
				}
				e := math.Exp(float64(g[pos*values+at] + c.places[pos%tokens*values+at]))
				all, sum = all+e, sum+e*float64(k[pos*values+at])
			}
			return sum / all
		}
		for _, step := range []int{1, 3, tokens * pools} {
			ring, w := newRecurrent(c.stateSize()), &worker{}
			got := make([]float32, size)
			for pos := 0; pos < tokens*pools; pos += step {
				n := min(step, tokens*pools-pos)
				ring.Advance(pos, n)
				in := compressorInput{k[pos*values:], g[pos*values:], &segment{n: n, pos: pos}, ring.from}
				for j := pos / tokens; j < (pos+n)/tokens; j++ {
					c.pool(w, in, got, j)
					for col, v := range got {
						if math.Abs(float64(v)-want(j, col)) > 1e-5 {
							t.Errorf("overlap %v, %d tokens at a time: pool %d, value %d is %v, want %v", overlap, step, j, col, v, want(j, col))
						}
					}
				}
				for i := range c.ring() {
					c.keepAt(in, ring.to, pos+n-c.ring()+i)
				}
			}
		}
	}
}
