package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/internal/cpu"
)

// A row that Singles names gets the bits that it gets alone, the others those of any batch, whoever else is in it.
func TestRowsDoNotDependOnTheBatch(t *testing.T) {
	for _, l := range cpu.Levels() {
		for _, typ := range allTypes {
			for _, cols := range []int{256, 1024} {
				t.Run(fmt.Sprintf("%v/%v/%d", l, typ, cols), func(t *testing.T) {
					defer cpu.Force(l)()
					rowsAlike(t, typ, cols)
				})
			}
		}
	}
}

func rowsAlike(t *testing.T, typ Type, cols int) {
	const rows, tokens = 45, 11
	rng := rand.New(rand.NewPCG(3, uint64(cols)))
	elems, _ := typ.Block()
	m, err := NewMatrix(typ, rows, cols, weightBlocks(rng, typ, rows*cols/elems, false))
	if err != nil {
		t.Fatal(err)
	}
	x := activations(rng, tokens*cols, false)
	product := func(lo, hi, singles int) []float32 {
		var a Act
		a.Reset(x[lo*cols:], hi-lo, cols)
		if singles >= 0 {
			a.Singles(singles)
		}
		a.Quantize(m.ActType(), 0, hi-lo)
		dst := make([]float32, (hi-lo)*rows)
		m.Mul(dst, rows, &a, 0, 32)
		m.Mul(dst, rows, &a, 32, rows)
		return dst
	}
	var alone, many [][]float32
	batch := product(0, tokens, 0)
	for i := range tokens {
		alone, many = append(alone, product(i, i+1, -1)), append(many, batch[i*rows:][:rows])
	}
	for n := 1; n <= tokens; n++ {
		for singles := range n + 1 {
			got := product(0, n, singles)
			for i := range n {
				want := many[i]
				if i < singles {
					want = alone[i]
				}
				if !slices.Equal(got[i*rows:][:rows], want) {
					t.Fatalf("row %d of %d, %d of them single, has other bits", i, n, singles)
				}
			}
		}
	}
}
