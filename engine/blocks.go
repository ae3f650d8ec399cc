package engine

import "github.com/latentgo/latentgo/attn"

// How many blocks of key/value heads get rows of their own.
//
// One row for all heads finds most in common, so that it loses least; but every query head reads all of it. Cut into b
// blocks, a layer of H query heads that caches R+L values in all, keys made of A of them, multiplies H·(R+A+L)/b times per cached
// token, and H·A/b times what turning queries comes to; the model's own attention H·(d+v) times. What it reads is the same
// for any b. So the fewest blocks are chosen that make a step at a long context no slower than it is with the model's own
// attention. A block of no more query heads than a kernel takes at once stays whole in any case: its row is converted once
// for all of them.

// What a cached token costs in nanoseconds of one core, from BenchmarkDecode in package attn with 9 query heads on a Xeon of
// 2.6 GHz with AVX-512: 38.0 for 3 heads of 64+64 values, 57.6 for rows of 64+128, 35.7 for rows of 32+64. Other CPUs differ
// by about the same factor in all of these.
const (
	costMultiply = 0.0123 // per multiply-add: 81 billion per second
	costConvert  = 0.026  // per value that is converted from half precision, once per group of kernelHeads query heads
	costScore    = 1.5    // per query head: softmax, and the sum of a score across lanes
	costByte     = 0.05   // per byte: 20 GB/s for each of two cores, when the cache does not fit into theirs
	kernelHeads  = 9      // query heads that share a conversion
	costTurning  = 0.35   // multiplications per key value and cached token that turning queries takes, see attn.Turns
)

// latentBlocks returns the number of blocks for a layer that caches r rotated and l latent values per token. It divides the
// key/value heads and l, and leaves each block an even number of rotated values.
func latentBlocks(g attn.Geometry, r, l int) int {
	limit := plainCost(g)
	last := 1
	for b := 1; b <= g.KVHeads; b++ {
		if g.KVHeads%b != 0 || r%(2*b) != 0 || l%b != 0 {
			continue
		}
		if last = b; g.Heads/b <= kernelHeads || latentCost(g, r, l, b) <= limit {
			break
		}
	}
	return last
}

// latentCost estimates nanoseconds per cached token, a far one, of a layer with b blocks.
func latentCost(g attn.Geometry, r, l, b int) float64 {
	key := keysOf(g, b, l/b)
	turning := int(costTurning * float64(key))
	return attentionCost(g, g.Heads/b, r+l+b*key, g.Heads*((r+l)/b+key+turning), 2*(r+l))
}

// plainCost is latentCost for the model's own attention.
func plainCost(g attn.Geometry) float64 {
	n := g.KVHeads * (g.KeySize + g.ValueSize)
	return attentionCost(g, g.Group(), n, n*g.Group(), 2*n)
}

// attentionCost adds up what sharing heads, converted values, multiplications and bytes cost.
func attentionCost(g attn.Geometry, sharing, values, multiplies, bytes int) float64 {
	groups := (sharing + kernelHeads - 1) / kernelHeads
	return costMultiply*float64(multiplies) + costConvert*float64(values*groups) + costScore*float64(g.Heads) + costByte*float64(bytes)
}
