package convert

import (
	"testing"

	"github.com/latentgo/latentgo/attn"
)

func TestHeadGroups(t *testing.T) {
	smol := attn.Geometry{Heads: 9, KVHeads: 3, KeySize: 64, ValueSize: 64}
	llama := attn.Geometry{Heads: 32, KVHeads: 8, KeySize: 128, ValueSize: 128}
	for _, c := range []struct {
		name string
		g    attn.Geometry
		r, l int
		want int
	}{
		{"few heads share one row", smol, 64, 128, 1},
		{"whatever its size", smol, 96, 224, 1},
		{"half of a Llama 3 8B", llama, 0, 1024, 8},
		{"a quarter of it", llama, 0, 512, 4},
		{"an eighth", llama, 0, 256, 2},
		{"with rotated values", llama, 384, 640, 8},
		{"pairs stay together", llama, 382, 642, 1},
		{"sizes that 4 does not divide", llama, 388, 638, 2},
		{"two heads of Llama 3.2 1B at least", attn.Geometry{Heads: 32, KVHeads: 8, KeySize: 64, ValueSize: 64}, 0, 512, 4},
		{"one head each", attn.Geometry{Heads: 32, KVHeads: 1, KeySize: 128, ValueSize: 128}, 32, 96, 1},
	} {
		if got := headGroups(c.g, c.r, c.l); got != c.want {
			t.Errorf("%s: %d blocks for %d+%d of %+v, want %d", c.name, got, c.r, c.l, c.g, c.want)
		}
	}
}

// Any result must be a shape that loads.
func TestHeadGroupsDivide(t *testing.T) {
	for _, g := range []attn.Geometry{
		{Heads: 32, KVHeads: 8, KeySize: 128, ValueSize: 128}, {Heads: 40, KVHeads: 10, KeySize: 64, ValueSize: 64}, {Heads: 14, KVHeads: 2, KeySize: 64, ValueSize: 64},
		{Heads: 64, KVHeads: 64, KeySize: 80, ValueSize: 80},
	} {
		for r := 0; r < 300; r += 2 {
			for l := 1; l < 300; l += 7 {
				if b := headGroups(g, r, l); b < 1 || g.KVHeads%b != 0 || r%(2*b) != 0 || l%b != 0 {
					t.Fatalf("%d blocks for %d+%d of %+v", b, r, l, g)
				}
			}
		}
	}
}
