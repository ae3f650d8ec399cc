package attention

import (
	"math"
	"slices"
	"testing"
)

// Prompts with expanded keys give what the definition says, wherever they start, with recent tokens before it from the
// ring.
func TestRecentWindowPrefills(t *testing.T) {
	windowCases(t, func(t *testing.T, c *windowCase) {
		l, n := c.layer, len(c.rows)
		wide, err := l.NewExpanded()
		if err != nil {
			t.Fatal(err)
		}
		sc := new(Scratch)
		sc.Reserve(wide, n)
		for _, from := range []int{0, 7, 256} {
			ring, s := NewStore(l, F16), NewStore(wide, F16)
			s.Grow(n)
			for k := range c.keys {
				c.fillRecent(ring, s, k, from)
				c.fillExpanded(wide, s, k)
			}
			out := make([]float32, (n-from)*l.Heads*c.v)
			q := c.expandedQueries(wide, from)
			for i := range wide.Tiles(from, n-from) {
				wide.Prefill(out, i, s, from, n-from, q, sc)
			}
			for pos := from; pos < n; pos += 31 {
				for i, w := range c.want(pos) {
					if got := out[(pos-from)*l.Heads*c.v+i]; !(math.Abs(float64(got)-w) < 5e-3) {
						t.Fatalf("from %d, token %d: output %d is %v, want %v", from, pos, i, got, w)
					}
				}
			}
			c.checkKept(t, ring, s, from)
		}
	})
}

// fillRecent gives head k's recent tokens before from to the ring, and those that a prompt from there on sees to s.
func (c *windowCase) fillRecent(ring, s *Store, k, from int) {
	for pos := range from {
		key, value := c.kept(pos, k)
		ring.PutRecent(pos, k, key, value, nil)
	}
	for pos := c.layer.RecentStart(from); pos < from; pos++ {
		s.CopyRecent(ring, pos, k)
	}
	for pos := from; pos < len(c.rows); pos++ {
		key, value := c.kept(pos, k)
		s.AppendRecent(pos, k, key, value)
	}
}

// fillExpanded gives head k's compressed tokens, expanded, to s.
func (c *windowCase) fillExpanded(wide *Layer, s *Store, k int) {
	l, own := c.layer, wide.OwnOffset()
	row := l.r + l.ValueSize
	x, v := make([]float32, own), make([]float32, c.v)
	for pos := range l.CompressedEnd(len(c.rows) - 1) {
		z := c.rows[pos][k/(len(c.keys)/l.KVHeads)*row:]
		l.recent.Expand(x, 0, k, z[l.r:], 0, 1)
		copy(x[own-l.r:], z[:l.r])
		for i := range v {
			v[i] = 0
			for j := range l.ValueSize {
				v[i] += c.value[k][i*l.ValueSize+j] * z[l.r+j]
			}
		}
		s.AppendCompressed(c.block, pos, k, x, v)
	}
}

// expandedQueries returns the queries of the tokens from from on.
func (c *windowCase) expandedQueries(wide *Layer, from int) []float32 {
	l, n, own := c.layer, len(c.rows)-from, wide.OwnOffset()
	q := make([]float32, n*l.Heads*wide.KeySize)
	for i := range n * l.Heads {
		x := q[i*wide.KeySize:][:wide.KeySize]
		pos, h := from+i/l.Heads, i%l.Heads
		copy(x[own-l.r:], c.qr[pos][h*l.r:][:l.r])
		c.block.Reorder(x[own:], c.q[pos][h*c.d:][:c.d])
		wide.FinishQuery(c.block, x, pos)
	}
	return q
}

// checkKept checks that what follows a prompt has its last tokens.
func (c *windowCase) checkKept(t *testing.T, ring, s *Store, from int) {
	t.Helper()
	n := len(c.rows)
	for pos := ring.FirstKept(from, n-from); pos < n; pos++ {
		for k := range c.keys {
			ring.KeepRecent(s, pos, k)
			key, value := c.kept(pos, k)
			if !slices.Equal(ring.recent.key(k, pos)[:c.d], key) || !slices.Equal(ring.recent.value(k, pos)[:c.v], value) {
				t.Fatalf("from %d: the ring has another key or value of token %d", from, pos)
			}
		}
	}
}
