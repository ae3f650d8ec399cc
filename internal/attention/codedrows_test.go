package attention

import (
	"math"
	"slices"
	"testing"
)

// Rows read back from codes are what scores and sums see of them, and prompts over keys and values that are expanded
// from them agree with the textbook. Rows stand for expanded keys and values here.
func TestDecodedRows(t *testing.T) {
	codedForms(t, func(t *testing.T, l *Layer) {
		if !l.latent {
			t.Skip("no rows")
		}
		const n = 300
		c := newCodedCase(l, n)
		c.prompt(0, n)
		wide, err := NewGQA(l.Geometry)
		if err != nil {
			t.Fatal(err)
		}
		wide.SetSoftmax(l.softmax)
		coded, exact := NewStore(wide, F16), NewStore(wide, F16)
		coded.Grow(n)
		exact.Grow(n)
		row := make([]float32, l.KeySize)
		for g := range l.KVHeads {
			for pos := range n {
				k, v := c.rounded(pos, g)
				exact.Append(pos, g, k, v)
				if pos >= l.CompressedEnd(n-1) {
					continue
				}
				c.s.DecodedRows(row, g, pos, 1, &c.sc)
				if pos >= l.ring.first {
					k, _ = c.decoded(pos, g)
				}
				for i, x := range row {
					if math.Abs(float64(x-k[i])) > 1e-4*math.Max(1, math.Abs(float64(k[i]))) {
						t.Fatalf("row %d of block %d, value %d: got %v, want %v", pos, g, i, x, k[i])
					}
				}
				coded.Append(pos, g, slices.Clone(row), slices.Clone(row[l.r:]))
			}
		}
		var sc Scratch
		sc.Reserve(wide, n)
		out := make([]float32, n*l.Heads*l.ValueSize)
		for i := range wide.Tiles(0, n) {
			wide.PrefillTwo(out, i, coded, exact, 0, 0, n, slices.Concat(c.q...), &sc)
		}
		for _, pos := range []int{0, 31, 64, 96, 255, 299} {
			c.check(t, pos, out[pos*l.Heads*l.ValueSize:][:l.Heads*l.ValueSize])
		}
	})
}

// A session of rows that see no codes, because their window is as short as what is kept apart, can be saved and goes on.
func TestRowsOfShortWindows(t *testing.T) {
	for _, window := range []int{1, 32, 33, 34, 40, 64} {
		l, err := NewLatent(4, 1, 8, 32, window)
		if err != nil {
			t.Fatal(err)
		}
		if l, err = l.In(Q4); err != nil {
			t.Fatal(err)
		}
		c, n := newCodedCase(l, 300), 200
		for pos := range n {
			c.step(pos)
		}
		saved, again := c.s.Save(n), NewStore(l, Q4)
		parts, err := again.Unsaved(n, saved.Numbers)
		if err != nil {
			t.Errorf("window %d: %v", window, err)
			continue
		}
		for i := range parts {
			copy(parts[i], saved.Parts[i])
		}
		c.s = again
		for pos := n; pos < 300; pos++ {
			c.check(t, pos, c.step(pos))
		}
	}
}

// One worker's scratch serves layers of any number of heads.
func TestScratchOfSeveralRows(t *testing.T) {
	layer := func(heads int) *Layer {
		l, err := NewLatent(heads, 1, 8, 32, 0)
		if err != nil {
			t.Fatal(err)
		}
		if l, err = l.In(Q4); err != nil {
			t.Fatal(err)
		}
		return l
	}
	const n = 200
	c, l := newCodedCase(layer(4), n), layer(64)
	c.sc.Reserve(l, n)
	c.p.Reserve(l)
	c.sequence, c.l, c.s = randomSequence(l.Geometry, n, 17), l, NewStore(l, Q4)
	for pos := range n - 1 {
		c.step(pos)
	}
	c.check(t, n-1, c.step(n-1))
}
