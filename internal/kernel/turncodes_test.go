package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// Each code of turned codes is the other's with row and column exchanged, and nothing beyond is read or written.
func TestTurned(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for _, bits := range []int{1, 2, 4} {
			for _, shape := range [][4]int{{32, 32, 0, 32}, {64, 96, 32, 32}, {256, 32, 64, 192}, {32, 512, 0, 32}, {32, 0, 0, 32}, {32, 32, 0, 0}} {
				for _, after := range []bool{false, true} {
					testTurned(t, bits, shape, after)
				}
			}
		}
	})
}

func testTurned(t *testing.T, bits int, shape [4]int, after bool) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	rows, cols, row, n := shape[0], shape[1], shape[2], shape[3]
	src, dst := atFence[byte](t, CodesSize(rows, cols, bits), after), atFence[byte](t, CodesSize(n, cols, bits), after)
	for i := range src {
		src[i] = byte(rng.Uint32())
	}
	from := Codes{Codes: src, Rows: rows, Cols: cols, Bits: bits}
	to := from.Turned(dst, row, n)
	for r := range n {
		for c := range cols {
			if got, want := to.Get(c, r), from.Get(row+r, c); got != want {
				t.Fatalf("%d bits, %v: row %d, column %d: got %v, want %v", bits, shape, r, c, got, want)
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
