package kernel

import (
	"math/rand/v2"
	"testing"
)

// Each code of turned codes is the other's with row and column exchanged, and nothing beyond is written.
func TestTurnCodes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, shape := range [][2]int{{8, 8}, {32, 8}, {8, 64}, {32, 512}, {16, 24}, {0, 8}} {
		rows, cols := shape[0], shape[1]
		n := CodesSize(rows, cols, 4)
		src, dst := make([]byte, n), make([]byte, n+1)
		for i := range src {
			src[i] = byte(rng.Uint32())
		}
		dst[n] = 0x5a
		TurnCodes(dst, src, rows, cols)
		from, to := Codes{Codes: src, Rows: rows, Cols: cols, Bits: 4}, Codes{Codes: dst, Rows: cols, Cols: rows, Bits: 4}
		for r := range rows {
			for c := range cols {
				if got, want := to.Get(c, r), from.Get(r, c); got != want {
					t.Fatalf("%d×%d: row %d, column %d: got %v, want %v", rows, cols, r, c, got, want)
				}
			}
		}
		if dst[n] != 0x5a {
			t.Fatalf("%d×%d: a byte behind them is written", rows, cols)
		}
	}
}

func BenchmarkTurnCodes(b *testing.B) {
	src, dst := make([]byte, 32*512/2), make([]byte, 32*512/2)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		TurnCodes(dst, src, 32, 512)
	}
}
