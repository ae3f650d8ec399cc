package attn

import "fmt"

// Geometry is the shape of one layer's grouped-query attention: H query heads share G key/value heads, H/G to each.
type Geometry struct {
	Heads     int  // H, query heads
	KVHeads   int  // G, key/value heads; divides H
	KeySize   int  // d, values per query and key head
	ValueSize int  // v, values per value head
	Window    int  // a token attends to itself and the Window-1 tokens before it; 0 means all
	Chunked   bool // it attends from the last multiple of Window on instead, as in Llama 4
}

// Check returns an error that names the first number that makes no attention: head counts must be positive and KVHeads
// divide Heads, sizes positive, Window not negative.
func (g Geometry) Check() error {
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

// Group returns H/G, how many query heads share a key/value head: query head h uses key/value head h/Group.
func (g Geometry) Group() int { return g.Heads / g.KVHeads }

// First returns the first position that a token at pos attends to.
func (g Geometry) First(pos int) int {
	if g.Window == 0 {
		return 0
	}
	if g.Chunked {
		return pos / g.Window * g.Window
	}
	return max(0, pos+1-g.Window)
}
