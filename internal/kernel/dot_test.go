package kernel

import (
	"math/rand/v2"
	"testing"
)

// TestPackedDot compares the lanes of packed with plain sums, for random and for extreme codes and activations: the
// lanes are as full as they get.
func TestPackedDot(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 51))
	for _, bits := range []int{2, 3, 4, 5, 6, 8} {
		for round := range 2000 {
			var w [tileCols]byte
			var q [tileCols]int8
			top := 1<<bits - 1
			for i := range w {
				w[i], q[i] = byte(rng.IntN(top+1)), int8(rng.IntN(255)-127)
				if round%2 == 0 {
					w[i] = byte(top * rng.IntN(2))
					q[i] = int8(127 - 254*rng.IntN(2))
				}
			}
			if round < 4 {
				for i := range w {
					w[i], q[i] = byte(top), []int8{127, -127, 127, -127}[round]
				}
			}
			n := 1 + rng.IntN(tileCols/kGroup)
			var p packed
			var got [tileCols / kGroup]int32
			p.pack(q[:16*n])
			p.dot(&got, &w, n, bits)
			for g := range n {
				want, sum := int32(0), int32(0)
				for i := g * kGroup; i < (g+1)*kGroup; i++ {
					want += int32(w[i]) * int32(q[i])
					sum += int32(q[i])
				}
				if got[g] != want || p.sum[g] != sum {
					t.Fatalf("%d bits, group %d: %d, want %d; sum %d, want %d", bits, g, got[g], want, p.sum[g], sum)
				}
			}
		}
	}
}

// BenchmarkPackedDot gives multiply-adds per second as MB/s, for the widths of codes.
func BenchmarkPackedDot(b *testing.B) {
	var w [tileCols]byte
	var p packed
	var s [tileCols / kGroup]int32
	for _, bits := range []int{4, 5, 6, 8} {
		b.Run([]string{4: "4", 5: "5", 6: "6", 8: "8"}[bits], func(b *testing.B) {
			b.SetBytes(tileCols)
			for b.Loop() {
				p.dot(&s, &w, len(s), bits)
			}
		})
	}
}
