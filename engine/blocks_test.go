package engine

import (
	"testing"

	"github.com/latentgo/latentgo/attn"
)

func TestLatentBlocks(t *testing.T) {
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
		{"half of a Llama 3 8B", llama, 384, 640, 4},
		{"a quarter of it", llama, 192, 320, 2},
		{"an eighth", llama, 96, 160, 1},
		{"pairs stay together", llama, 382, 642, 1},
		{"sizes that 4 does not divide", llama, 388, 638, 2},
		{"no rotated values", llama, 0, 1024, 4},
		{"one head each", attn.Geometry{Heads: 32, KVHeads: 1, KeySize: 128, ValueSize: 128}, 32, 96, 1},
	} {
		if got := latentBlocks(c.g, c.r, c.l); got != c.want {
			t.Errorf("%s: %d blocks for %d+%d of %+v, want %d", c.name, got, c.r, c.l, c.g, c.want)
		}
	}
}

// Any result must be a shape that loads.
func TestLatentBlocksDivide(t *testing.T) {
	for _, g := range []attn.Geometry{
		{Heads: 32, KVHeads: 8, KeySize: 128, ValueSize: 128}, {Heads: 40, KVHeads: 10, KeySize: 64, ValueSize: 64}, {Heads: 14, KVHeads: 2, KeySize: 64, ValueSize: 64},
		{Heads: 64, KVHeads: 64, KeySize: 80, ValueSize: 80},
	} {
		for r := 0; r < 300; r += 2 {
			for l := 1; l < 300; l += 7 {
				if b := latentBlocks(g, r, l); b < 1 || g.KVHeads%b != 0 || r%(2*b) != 0 || l%b != 0 {
					t.Fatalf("%d blocks for %d+%d of %+v", b, r, l, g)
				}
			}
		}
	}
}

// The model reproduces what it was made from.
func TestCostsAreThoseMeasured(t *testing.T) {
	g := attn.Geometry{Heads: 9, KVHeads: 3, KeySize: 64, ValueSize: 64}
	for _, c := range []struct{ got, want float64 }{
		{plainCost(g) - costByte*768, 38.0}, {attentionCost(g, 9, 320, 9*320, 0), 57.6}, {attentionCost(g, 9, 160, 9*160, 0), 35.7},
	} {
		if c.got < 0.97*c.want || c.got > 1.03*c.want {
			t.Errorf("%.1f ns estimated, %.1f measured", c.got, c.want)
		}
	}
}
