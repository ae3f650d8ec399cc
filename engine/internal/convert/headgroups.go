package convert

import (
	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// How many blocks of key/value heads get rows of their own.
//
// One row for all heads finds most in common, so that it loses least; but every query head reads all of it. Cut into b
// blocks, a layer of H query heads that caches R+L values in all, keys made of A of a block's, multiplies H·((R+L)/b +
// A) times per cached token, some more to rotate queries (attention.BlockRope); the model's own attention H·(d+v)
// times. What it reads is the same for any b. So the fewest blocks are chosen that multiply no more than the model's
// own attention does. But a block compresses at least leastBlock values: in fewer there is little to find.

// leastBlock is how many of the model's cached values a block stands for at least: one head of Llama 3 8B, two of Llama
// 3.2 1B, all three of SmolLM2.
const leastBlock = 256

// headGroups returns the number of blocks for a layer that caches r rotated and l latent values per token. It divides
// the key/value heads and l, and leaves each block an even number of rotated values.
func headGroups(g attn.Geometry, r, l int) int {
	last := 1
	for b := 1; b <= g.KVHeads; b++ {
		if g.KVHeads%b != 0 || r%(2*b) != 0 || l%b != 0 || b > 1 && values(g)/b < leastBlock {
			continue
		}
		if last = b; multiplications(g, r, l, b) <= g.Heads*(g.KeySize+g.ValueSize) {
			break
		}
	}
	return last
}

// multiplications returns how many a compressed token takes in a layer with b blocks.
func multiplications(g attn.Geometry, r, l, b int) int {
	return g.Heads * ((r+l)/b + keyRank(g, b, l/b))
}

// inBlocks cuts the rows of one block for all heads into as many as are best.
func inBlocks(s model.CompressedShape, g attn.Geometry) model.CompressedShape {
	b := headGroups(g, s.R, s.L)
	return model.CompressedShape{R: s.R / b, L: s.L / b, Blocks: b}
}
