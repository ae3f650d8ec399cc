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
