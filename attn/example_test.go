package attn_test

import (
	"fmt"

	"github.com/latentgo/latentgo/attn"
)

// A key and a query of four values, rotated by their positions: the score depends on the distance alone.
func ExampleRope() {
	rope, err := attn.NewRope(attn.RopeConfig{Dims: 4, Base: 10000})
	if err != nil {
		fmt.Println(err)
		return
	}
	table := make([]float32, rope.Dims())
	rotated := func(x [4]float32, pos int) [4]float32 {
		rope.Table(table, pos)
		rope.Rotate(x[:], table)
		return x
	}
	query, key := [4]float32{1, 0, 2, 0}, [4]float32{0, 1, 1, 1}
	for _, at := range []int{3, 1003} {
		q, k := rotated(query, at), rotated(key, at-3)
		fmt.Printf("%.3f\n", q[0]*k[0]+q[1]*k[1]+q[2]*k[2]+q[3]*k[3])
	}
	// Output:
	// 2.200
	// 2.200
}

// The row that latent attention caches for a layer with two key/value heads of four values, and where it has each
// head's key and value.
func ExampleExact() {
	m := attn.Exact(attn.Geometry{Heads: 6, KVHeads: 2, KeySize: 4, ValueSize: 4})
	fmt.Println(m.R, "values under RoPE and", m.L, "latent ones,", m.RowSize(), "per token")
	for g := range m.Keys {
		fmt.Println("head", g, "key", m.Keys[g], "value", m.Values[g])
	}
	// Output:
	// 8 values under RoPE and 8 latent ones, 16 per token
	// head 0 key {0 4} value {8 4}
	// head 1 key {4 4} value {12 4}
}

// With a window of four, a token sees itself and three before.
func ExampleGeometry_First() {
	g := attn.Geometry{Heads: 2, KVHeads: 1, KeySize: 8, ValueSize: 8, Window: 4}
	fmt.Println(g.First(2), g.First(10))
	// Output: 0 7
}
