package model

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// After enough rounds rows and columns of the matrix that mixes copies sum to 1.
func TestSinkhorn(t *testing.T) {
	const n = 4
	r := rand.New(rand.NewPCG(1, 2))
	c := make([]float32, n*n)
	for i := range c {
		c[i] = float32(r.NormFloat64())
	}
	sinkhorn(c, n, 30, 1e-6)
	for i := range n {
		row, col := 0.0, 0.0
		for j := range n {
			row, col = row+float64(c[i*n+j]), col+float64(c[j*n+i])
		}
		if math.Abs(row-1) > 1e-3 || math.Abs(col-1) > 1e-3 {
			t.Errorf("row %d sums to %v, column to %v", i, row, col)
		}
	}
}

// Stacks run in turn: the low one's layers so many times, then the high one's, each with the weights of its own.
func TestCycles(t *testing.T) {
	c := Cycles{Stack: 2, Low: 2, High: 2}
	var got []int
	for i := range c.Layers() {
		got = append(got, c.Block(i))
	}
	if want := []int{0, 1, 0, 1, 2, 3, 0, 1, 0, 1, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// The residual stream is kept before each Block-th layer's mixer.
func TestDepthAttention(t *testing.T) {
	d := DepthAttention{Block: 3}
	var got []int
	for i := range 8 {
		got = append(got, d.before(i))
	}
	if want := []int{0, 1, 1, 1, 2, 2, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A token sees the picked pools and what no pool has, or all where there are no more pools than are picked.
func TestPools(t *testing.T) {
	x := &indexer{spec: Indexer{TopK: 8, Pool: 4}}
	if x.count(2) != 0 || x.count(3) != 1 || x.count(14) != 3 || x.most() != 2 {
		t.Errorf("%d, %d and %d pools, of which %d are picked", x.count(2), x.count(3), x.count(14), x.most())
	}
	dst := []int32{0, 2, -1, -1, -1, -1, -1, -1, -1, -1, -1}
	x.widen(dst, 2, 14)
	if want := []int32{0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14}; !slices.Equal(dst, want) {
		t.Errorf("%v, want %v", dst, want)
	}
	for pos, sees := range map[int]bool{11: false, 12: true} { // three pools of four need a choice, from token 12 on
		if s := (&segment{pos: pos - 1, n: 1}); x.selects(s) != sees {
			t.Errorf("token %d: %v", pos-1, x.selects(s))
		}
	}
}

// The key of a pool with equal gates is the mean of its tokens' keys; a gate far above the others' picks one.
func TestPool(t *testing.T) {
	x := &indexer{spec: Indexer{Size: 2, Pool: 2}, places: make([]float32, 4)}
	dst := make([]float32, 2)
	x.pool(dst, []float32{1, 2, 0, 0, 3, 6, 0, 50})
	if dst[0] != 2 || math.Abs(float64(dst[1]-6)) > 1e-6 {
		t.Errorf("%v", dst)
	}
}

// SoftLimits are SiLU for small values and stay within their bounds for large ones.
func TestSoftLimits(t *testing.T) {
	s := SoftLimits{Gate: 4, Up: 25}
	gate, up := []float32{0.01, 100, -100}, []float32{0.02, 1000, 3}
	s.mul(gate, up)
	if want := 0.01 * sigmoidOf(0.01) * 0.02; math.Abs(float64(gate[0]-want)) > 1e-8 || gate[1] != 100 || math.Abs(float64(gate[2])) > 1e-6 {
		t.Errorf("%v", gate)
	}
}
