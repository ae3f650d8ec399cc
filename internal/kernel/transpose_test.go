package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/latentgo/latentgo/internal/cpu"
)

// TestTranspose takes counts around multiples of 8, with rows that lie apart, at fences on either side.
func TestTranspose(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, l := range cpu.Levels() {
		t.Run(l.String(), func(t *testing.T) {
			defer cpu.Force(l)()
			for _, s := range [][4]int{{1, 1, 0, 0}, {7, 9, 1, 2}, {8, 8, 0, 0}, {16, 24, 0, 3}, {17, 40, 5, 0}, {64, 33, 0, 0}, {100, 8, 7, 1}} {
				for _, end := range []bool{false, true} {
					rows, cols := s[0], s[1]
					lds, ldd := cols+s[2], rows+s[3]
					src, dst := atFence[float32](t, (rows-1)*lds+cols, end), atFence[float32](t, (cols-1)*ldd+rows, end)
					for i := range src {
						src[i] = rng.Float32()
					}
					for i := range dst {
						dst[i] = -1
					}
					Transpose(dst, ldd, src, lds, rows, cols)
					for i, v := range dst {
						want := float32(-1)
						if c, r := i/ldd, i%ldd; r < rows {
							want = src[r*lds+c]
						}
						if v != want {
							t.Fatalf("%d×%d: element %d is %g, want %g", rows, cols, i, v, want)
						}
					}
				}
			}
		})
	}
	mustPanic(t, map[string]func(){
		"short destination": func() { Transpose(make([]float32, 5), 2, make([]float32, 6), 3, 2, 3) },
		"short source":      func() { Transpose(make([]float32, 6), 2, make([]float32, 5), 3, 2, 3) },
	})
}

func BenchmarkTranspose(b *testing.B) {
	for _, l := range cpu.Levels() {
		for _, s := range [][2]int{{64, 1024}, {1024, 104}} {
			b.Run(fmt.Sprintf("%v/%dx%d", l, s[0], s[1]), func(b *testing.B) {
				defer cpu.Force(l)()
				src, dst := make([]float32, s[0]*s[1]), make([]float32, s[0]*s[1])
				b.SetBytes(int64(4 * len(src)))
				for b.Loop() {
					Transpose(dst, s[0], src, s[1], s[0], s[1])
				}
			})
		}
	}
}
