package arch

import (
	"math"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// minimaxm3 is MiniMax M3: norms on query and key heads, gpt-oss' activation; after some dense layers experts beside a
// network for all tokens, and attention to blocks of tokens that an indexer picks.
func minimaxm3(r *model.Reader) *model.Spec {
	s := r.Decoder()
	a := attention(r, s, model.RopeOptions{Halves: true})
	setDense(r, s, model.GatedFFN{Activation: model.ClampedSiLU})
	mix, dense, x := sigmoidMixtures(r, s), leadingDense(r, s), minimaxIndexer(r)
	if n := r.Size("attention.indexer.head_count", -1, 1, model.MaxWidth); n != a[0].KVHeads {
		r.Fail("attention.indexer.head_count", "%d is not the number of key/value heads, %d", n, a[0].KVHeads)
	}
	if x.Size < s.Ropes[0].Dims {
		r.Fail("attention.indexer.key_length", "%d values, of which RoPE rotates %d", x.Size, s.Ropes[0].Dims)
	}
	for i := range a {
		a[i].QKNorm = true
		if i >= dense {
			a[i].Index = x
		}
		mix[i].Activation, mix[i].Shared = model.ClampedSiLU, r.SharedCount(mix[i].Width)
	}
	setMixers(s, a)
	setExperts(s, mix, dense)
	require(s, untied)
	requireChoiceBiases(s)
	return s
}

// minimaxIndexer reads the shape of the indexer.
func minimaxIndexer(r *model.Reader) model.BlockIndexer {
	return model.BlockIndexer{
		Size:   r.Size("attention.indexer.key_length", -1, 1, model.MaxWidth),
		Block:  r.Size("attention.indexer.block_size", -1, 1, math.MaxInt32),
		Blocks: r.Size("attention.indexer.top_k", -1, 1, math.MaxInt32),
		Newest: r.Size("attention.indexer.local_blocks", -1, 0, math.MaxInt32),
	}
}
