package attn

import "fmt"

// Geometry is the shape of one layer's grouped-query attention.
type Geometry struct {
	Heads     int // H query heads
	KVHeads   int // G key/value heads; divides H
	KeySize   int // d, values per query and key head
	ValueSize int // v, values per value head
	Window    int // a token attends to itself and the Window-1 tokens before it; 0 means all
}

func (g Geometry) check() error {
	switch {
	case g.Heads <= 0 || g.KVHeads <= 0 || g.Heads%g.KVHeads != 0:
		return fmt.Errorf("%d query heads can't share %d key/value heads", g.Heads, g.KVHeads)
	case g.KeySize <= 0 || g.ValueSize <= 0:
		return fmt.Errorf("head sizes %d (keys) and %d (values) must be positive", g.KeySize, g.ValueSize)
	case g.Window < 0:
		return fmt.Errorf("window %d is negative", g.Window)
	}
	return nil
}

// Group returns how many query heads share a key/value head.
func (g Geometry) Group() int { return g.Heads / g.KVHeads }

// first returns the first position that a token at pos attends to.
func (g Geometry) first(pos int) int {
	if g.Window == 0 {
		return 0
	}
	return max(0, pos+1-g.Window)
}

// Layer is one layer's attention in one of the two forms. It holds no weights and no state, and is safe for concurrent use.
type Layer struct {
	Geometry
	mla  *Latent // nil for GQA
	tail bool    // a value is the last ValueSize columns of the cached key row
}

// NewGQA returns plain grouped-query attention.
func NewGQA(g Geometry) (*Layer, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	return &Layer{Geometry: g}, nil
}

// NewMLA returns multi-head latent attention equal to g's grouped-query attention: the exact form, see Exact.
func NewMLA(g Geometry) (*Layer, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	return &Layer{Geometry: g, mla: Exact(g)}, nil
}

// NewLatent returns attention over compressed rows. Each of the blocks caches one row per token, [r rotated | l latent],
// shared by heads/blocks query heads: they score it as a key of r+l values, and its last l values are the value. Queries
// are absorbed, outputs are mixes of latents: Decode and Prefill take q [heads, r+l] and give out [heads, l].
func NewLatent(heads, blocks, r, l, window int) (*Layer, error) {
	g := Geometry{Heads: heads, KVHeads: blocks, KeySize: r + l, ValueSize: l, Window: window}
	if r < 0 || r%2 != 0 {
		return nil, fmt.Errorf("%d rotated values are not an even number", r)
	}
	if err := g.check(); err != nil {
		return nil, err
	}
	return &Layer{Geometry: g, mla: &Latent{R: blocks * r, L: blocks * l}, tail: true}, nil
}

// Latent returns the layer's MLA form, nil for GQA.
func (l *Layer) Latent() *Latent { return l.mla }

// Row returns how many values the layer caches per token.
func (l *Layer) Row() int {
	if l.mla != nil {
		return l.mla.Row()
	}
	return l.KVHeads * (l.KeySize + l.ValueSize)
}
