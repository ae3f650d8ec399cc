package encode

import (
	"math/rand/v2"
	"testing"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// normal returns n normally distributed weights.
func normal(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64()) * 0.05
	}
	return x
}

// A row of 4,096 weights in every type.
func BenchmarkRow(b *testing.B) {
	x := normal(4096)
	for t := ggtype.F32; t <= ggtype.Q2_0; t++ {
		if !Can(t) {
			continue
		}
		b.Run(t.String(), func(b *testing.B) {
			dst := make([]byte, t.RowBytes(len(x)))
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				if err := Row(dst, t, x, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
