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
	mla   *Latent // nil for GQA
	tail  bool    // one row is cached for key and value: the key is its first KeySize columns, the value its last ValueSize
	r     int     // of a tail: columns that are rotated
	reach *Reach  // nil unless near and far tokens are seen differently
	wide  *Reach  // of the layer whose expanded keys this one has; see NewWide
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
	return &Layer{Geometry: g, mla: &Latent{R: blocks * r, L: blocks * l}, tail: true, r: r}, nil
}

// NewReaching returns attention over compressed rows as NewLatent does, whose heads see near and far tokens as reach says:
// Decode takes q [heads, r+d], the rotated values' queries and the model's own, rotated, in the order of reach.
func NewReaching(heads, blocks, r, l, window int, reach *Reach) (*Layer, error) {
	a, err := NewLatent(heads, blocks, r, l, window)
	if err != nil {
		return nil, err
	}
	if n := len(reach.keys); n%blocks != 0 || heads%n != 0 || reach.a > l {
		return nil, fmt.Errorf("%d key matrices over %d of %d latent values for %d heads in %d blocks", n, reach.a, l, heads, blocks)
	}
	a.KeySize, a.reach = r+reach.a, reach
	return a, nil
}

// NewWide returns attention over the keys and values of size v that are expanded from a reaching layer's rows. A key is
//
//	[ seen from afar, turned by the middle of its block | R rotated | d, rotated ]
//
// of which far tokens are seen through the first two parts, near ones through the last two.
func (l *Layer) NewWide(v int) (*Layer, error) {
	r := l.reach
	g := Geometry{Heads: l.Heads, KVHeads: len(r.keys), KeySize: r.farDims() + l.r + r.d, ValueSize: v, Window: l.Window}
	if err := g.check(); err != nil {
		return nil, err
	}
	return &Layer{Geometry: g, r: l.r, wide: r}, nil
}

// Widen completes a key, or a query, of a wide layer at pos: x's last d values are not rotated yet, and those before them are R
// rotated ones. A query is seen at its own position by both.
func (l *Layer) Widen(x []float32, pos int, query bool) {
	r := l.wide
	far := r.farDims()
	own := x[far+l.r:]
	if !query {
		copy(x[:far], own[2*r.turns.first:])
		r.turns.far(x[:far], pos)
	}
	r.turns.Rotate(own, pos)
	if query {
		copy(x[:far], own[2*r.turns.first:])
	}
}

// Own returns where in a key of a wide layer the values of the model's own key begin.
func (l *Layer) Own() int { return l.KeySize - l.wide.d }

// rowSize returns how many values a key/value head caches per token together.
func (l *Layer) rowSize() int { return l.Row() / l.KVHeads }

// Latent returns the layer's MLA form, nil for GQA.
func (l *Layer) Latent() *Latent { return l.mla }

// Row returns how many values the layer caches per token.
func (l *Layer) Row() int {
	if l.mla != nil {
		return l.mla.Row()
	}
	return l.KVHeads * (l.KeySize + l.ValueSize)
}
