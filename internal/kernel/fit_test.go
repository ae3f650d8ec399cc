package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/latentgo/latentgo/internal/cpu"
)

// fitInputs are weights and the weights of their errors: of both signs or of one, with zeros, on a grid whose middles
// round to even, tiny and large.
func fitInputs(rng *rand.Rand, n int) (all [][2][]float32) {
	for _, f := range []func() float32{
		func() float32 { return float32(rng.NormFloat64()) },
		func() float32 { return -float32(math.Abs(rng.NormFloat64())) },
		func() float32 { return float32(rng.IntN(2)) * float32(rng.NormFloat64()) },
		func() float32 { return float32(rng.IntN(33)-16) / 4 },
		func() float32 { return float32(rng.NormFloat64()) * 1e-30 },
		func() float32 { return float32(rng.NormFloat64()) * 1e8 },
		func() float32 { return float32(math.Copysign(0, rng.NormFloat64())) },
	} {
		x, w := make([]float32, n), make([]float32, n)
		for i := range x {
			x[i], w[i] = f(), float32(math.Exp(rng.NormFloat64()))
		}
		all = append(all, [2][]float32{x, w})
	}
	return all
}

// TestFit: every level has the bits of the reference implementation, for eight groups and for fewer.
func TestFit(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 5))
		for _, n := range []int{8, 16, 32} {
			for _, count := range []int{1, 5, FitLanes} {
				for i, in := range fitInputs(rng, n*count) {
					x, w := in[0], in[1]
					var g, want Groups
					for j := range g.X { // what an earlier row left there
						g.X[j], g.W[j] = 7, 9
					}
					stats := g.Set(x, w, n)
					want.n = n
					want.setGeneric(x, w)
					var wantStats FitStats
					fitStatsGeneric(&wantStats, &want)
					if stats != wantStats {
						t.Fatalf("%d groups of %d, input %d: %v, want %v", count, n, i, stats, wantStats)
					}
					for _, form := range []struct{ low, top float32 }{{0, 15}, {0, 3}, {-4, 3}, {-32, 31}} {
						var shift, inv Lanes
						for l := range shift {
							if form.low == 0 {
								shift[l] = stats.Lo[l]
							}
							if width := stats.Hi[l] - stats.Lo[l]; width > 0 {
								inv[l] = (form.top + 0.5) / width
							}
						}
						var wantSums FitSums
						fitSumsGeneric(&wantSums, &want, &shift, &inv, form.low, form.top)
						if sums := g.Sums(&shift, &inv, form.low, form.top); sums != wantSums {
							t.Fatalf("%d groups of %d, input %d, codes to %v: %v, want %v", count, n, i, form.top, sums, wantSums)
						}
						var best, d, wantBest, wantD Lanes
						for _, by := range []float32{form.top + 0.5, form.low - 0.5, 1} {
							of := &stats.Hi
							if by == 1 {
								of = &d
							}
							wantOf := *of
							wantAny := fitTryGeneric(&wantBest, &wantD, &want, by, &wantOf, form.low, form.top)
							if any := g.Try(&best, &d, by, of, form.low, form.top); any != wantAny || best != wantBest || d != wantD {
								t.Fatalf("%d groups of %d, input %d, codes to %v by %v: %v %v %v, want %v %v %v", count, n, i, form.top, by, any, d, best, wantAny, wantD, wantBest)
							}
						}
						var q, wantQ [32 * FitLanes]byte
						fitCodesGeneric(&wantQ, &want, &shift, &inv, form.low, form.top)
						if g.Codes(&q, &shift, &inv, form.low, form.top); q != wantQ {
							t.Fatalf("%d groups of %d, input %d, codes to %v: %v, want %v", count, n, i, form.top, q, wantQ)
						}
					}
				}
			}
		}
	})
}

// TestReferenceLevels: the reference encoders write the same bytes at every level.
func TestReferenceLevels(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 6))
	for i, in := range fitInputs(rng, 64*32) {
		x := in[0]
		x[40], x[70] = float32(math.Copysign(0, -1)), 0
		for _, typ := range []Type{Q4_0, Q4_1, Q5_0, Q5_1, Q8_0} {
			want := make([]byte, typ.RowBytes(len(x)))
			restore := cpu.Force(cpu.Generic)
			err := Quantize(want, typ, x)
			restore()
			if err != nil {
				t.Fatal(err)
			}
			forLevels(t, func(t *testing.T) {
				b := make([]byte, len(want))
				if err := Quantize(b, typ, x); err != nil {
					t.Fatal(err)
				}
				for j := range b {
					if b[j] != want[j] {
						t.Fatalf("%v, input %d: byte %d is %d, want %d", typ, i, j, b[j], want[j])
					}
				}
			})
		}
	}
}

// TestAbsMax: at every level and length, with NaN and infinity where they are.
func TestAbsMax(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 8))
		for n := range 140 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
			for _, v := range []float64{0, 1e30, -1e30, math.Inf(-1), math.NaN()} {
				if n > 0 {
					x[rng.IntN(n)] = float32(v)
				}
				if got, want := AbsMax(x), absMax(x); !sameBits(got, want) {
					t.Errorf("%v: %v, want %v", x, got, want)
				}
			}
		}
	})
}

// TestRoundAway: every value around a half goes where C's roundf takes it.
func TestRoundAway(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for n := -127; n < 127; n++ {
			var x [32]float32
			half := float32(n) + 0.5
			for i := range x {
				x[i] = half
				for range i / 3 {
					x[i] = math.Nextafter32(x[i], float32(200*(i%3-1)))
				}
			}
			x[31] = math.Nextafter32(0.5, 0)
			var q, want [32]byte
			roundAway32(&q, &x, 1)
			if roundAway32Generic(&want, &x, 1); q != want {
				t.Fatalf("%v: %v, want %v", x, q, want)
			}
			var many [64]byte
			if RoundAway(many[:], append(x[:], x[:]...), 1); [32]byte(many[:]) != want || [32]byte(many[32:]) != want {
				t.Fatalf("%v twice: %v, want %v", x, many, want)
			}
		}
	})
}

func TestSquaredErrors(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 7))
		for n := range 40 {
			x, y := make([]float32, n), make([]float32, n)
			for i := range x {
				x[i], y[i] = float32(rng.NormFloat64())*1e30, float32(rng.NormFloat64())*1e30
			}
			errs, all := SquaredErrors(x, y)
			wantErrs, wantAll := squaresGeneric(x, y)
			if math.Abs(errs-wantErrs) > 1e-12*wantErrs || math.Abs(all-wantAll) > 1e-12*wantAll {
				t.Errorf("%d: %v and %v, want %v and %v", n, errs, all, wantErrs, wantAll)
			}
		}
	})
}
