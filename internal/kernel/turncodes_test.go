package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// Each code of turned codes is the other's with row and column exchanged, and nothing beyond is written.
func TestTurned(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, bits := range []int{1, 2, 4} {
		for _, shape := range [][4]int{{32, 32, 0, 32}, {64, 96, 32, 32}, {256, 32, 64, 192}, {32, 512, 0, 32}, {32, 0, 0, 32}, {32, 32, 0, 0}} {
			rows, cols, row, n := shape[0], shape[1], shape[2], shape[3]
			src, dst := make([]byte, CodesSize(rows, cols, bits)), make([]byte, CodesSize(n, cols, bits)+1)
			for i := range src {
				src[i] = byte(rng.Uint32())
			}
			dst[len(dst)-1] = 0x5a
			from := Codes{Codes: src, Rows: rows, Cols: cols, Bits: bits}
			to := from.Turned(dst, row, n)
			for r := range n {
				for c := range cols {
					if got, want := to.Get(c, r), from.Get(row+r, c); got != want {
						t.Fatalf("%d bits, %v: row %d, column %d: got %v, want %v", bits, shape, r, c, got, want)
					}
				}
			}
			if dst[len(dst)-1] != 0x5a {
				t.Fatalf("%d bits, %v: a byte behind them is written", bits, shape)
			}
		}
	}
}

func BenchmarkTurned(b *testing.B) {
	for _, bits := range []int{1, 2, 4} {
		b.Run(fmt.Sprint(bits), func(b *testing.B) {
			c := Codes{Codes: make([]byte, CodesSize(32, 512, bits)), Rows: 32, Cols: 512, Bits: bits}
			dst := make([]byte, len(c.Codes))
			b.SetBytes(int64(len(dst)))
			for b.Loop() {
				c.Turned(dst, 0, 32)
			}
		})
	}
}
