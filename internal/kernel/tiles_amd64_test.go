//go:build !purego

package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/latentgo/latentgo/internal/cpu"
)

// Where the CPU has AVX-512 but no tiles, tests run the level AMX with tilesGeneric in their place: all but a few
// instructions is tested then.

func init() { pretendTiles = emulateTiles }

// emulateTiles makes AMX the level in use until the function returned is called, false where AVX-512 is not there.
func emulateTiles() (restore func(), ok bool) {
	if !cpu.AVX512.Available() || cpu.AMX.Available() {
		return nil, false
	}
	sets[cpu.AMX] = kernelsFor(cpu.AMX).withGeneric()
	tiles32, tiles16 = tilesGeneric(32), tilesGeneric(16)
	before := cpu.Pretend(cpu.AMX)
	return func() {
		before()
		tiles32, tiles16 = tiles32AMX, tiles16AMX
	}, true
}

// tilesGeneric returns the reference implementation of tiles32AMX and tiles16AMX.
func tilesGeneric(side int) tileKernel {
	return func(dst *float32, ld int, x *uint16, step int, w *uint16, steps, groups, add int) {
		tokens := side * groups
		out := unsafe.Slice(dst, (tokens-1)*ld+tileSide)
		in := unsafe.Slice(x, (steps-1)*step+tokens*tileStep)
		panel := unsafe.Slice(w, steps*tileSide*tileStep)
		for t := range tokens {
			for r := range tileSide {
				sum := float32(add)
				if add == 1 {
					sum = out[t*ld+r]
				}
				for c := range steps * tileStep {
					sum += halfProduct(in[c/tileStep*step+t*tileStep+c%tileStep], panel[c/2*2*tileSide+2*r+c%2])
				}
				out[t*ld+r] = sum
			}
		}
	}
}

// halfProduct returns a·b of bfloat16, of which the tiles take subnormal ones for zero.
func halfProduct(a, b uint16) float32 {
	if a&0x7f80 == 0 {
		a &= 0x8000
	}
	if b&0x7f80 == 0 {
		b &= 0x8000
	}
	return bfloatToFloat(a) * bfloatToFloat(b)
}

// TestTiles holds the tiles' instructions against the reference implementation, on a CPU that has them.
func TestTiles(t *testing.T) {
	if !cpu.AMX.Available() {
		t.Skipf("this CPU or build has %v", cpu.Levels())
	}
	rng := rand.New(rand.NewPCG(71, 1))
	for _, k := range []struct {
		side int
		f    tileKernel
	}{{32, tiles32AMX}, {16, tiles16AMX}} {
		for _, steps := range []int{1, 2, 3, 24} {
			for _, groups := range []int{1, 2, 3} {
				for add := range 2 {
					tokens, ld := k.side*groups, tileSide+rng.IntN(40)
					step := tileStep * (tokens + rng.IntN(3))
					x, w := smallHalves(rng, (steps-1)*step+tokens*tileStep), smallHalves(rng, steps*tileSide*tileStep)
					x, w = fenced(t, x, true), fenced(t, w, true)
					got := atFence[float32](t, (tokens-1)*ld+tileSide, true)
					for i := range got {
						got[i] = float32(i % 7)
					}
					want := slices.Clone(got)
					k.f(&got[0], ld, &x[0], step, &w[0], steps, groups, add)
					tilesGeneric(k.side)(&want[0], ld, &x[0], step, &w[0], steps, groups, add)
					if !slices.Equal(got, want) {
						t.Fatalf("%d tokens, %d steps, %d groups, add %d: other sums", k.side, steps, groups, add)
					}
				}
			}
		}
	}
}

// smallHalves returns small integers, of which sums are exact in any order.
func smallHalves(rng *rand.Rand, n int) []uint16 {
	x := make([]uint16, n)
	for i := range x {
		x[i] = floatToBfloat(float32(rng.IntN(17) - 8))
	}
	return x
}

// TestTilesFilled holds what fills tiles against its definition, all at fences.
func TestTilesFilled(t *testing.T) {
	if !cpu.AVX512.Available() {
		t.Skipf("this CPU or build has %v", cpu.Levels())
	}
	rng := rand.New(rand.NewPCG(72, 1))
	odd := []float32{0, 1e-40, float32(math.Inf(-1)), float32(math.NaN()), math.Float32frombits(0x7fffffff), math.MaxFloat32, 1 + 1.0/256, 1 + 3.0/256}
	same := func(got, want uint16) bool {
		a, b := float64(bfloatToFloat(got)), float64(bfloatToFloat(want))
		return got == want || math.IsNaN(a) && math.IsNaN(b)
	}
	for _, cols := range []int{32, 64, 96} {
		x := fenced(t, append(randomRow(rng, cols-len(odd)), odd...), true)
		step := tileStep + rng.IntN(5)
		got := atFence[uint16](t, (cols/tileStep-1)*step+tileStep, true)
		bf16RowAVX512(&got[0], step, &x[0], cols)
		for c, v := range x {
			if g := got[c/tileStep*step+c%tileStep]; !same(g, floatToBfloat(v)) {
				t.Errorf("row of %d: %v became %#x", cols, v, g)
			}
		}
		a, b := atFence[uint16](t, cols, true), atFence[uint16](t, cols, true)
		for i := range a {
			a[i], b[i] = uint16(rng.Uint32()), uint16(rng.Uint32())
		}
		halves := atFence[uint16](t, cols, true)
		bf16HalvesAVX512(&halves[0], &a[0], cols)
		step = 2*tileSide + rng.IntN(9)
		pairs := atFence[uint16](t, (cols/tileSide-1)*step+2*tileSide, true)
		bf16PairsAVX512(&pairs[0], step, &a[0], &b[0], cols)
		for c := range a {
			first, second := floatToBfloat(halfToFloat(a[c])), floatToBfloat(halfToFloat(b[c]))
			pair := pairs[c/tileSide*step+c%tileSide*2:][:2]
			if !same(halves[c], first) || !same(pair[0], first) || !same(pair[1], second) {
				t.Errorf("halves %#x, %#x became %#x, pair %#x", a[c], b[c], halves[c], pair)
			}
		}
	}
	for biased := range 2 {
		for _, size := range []int{16, 32} {
			groups := 32 * (1 + rng.IntN(3)) / size
			q, dm := atFence[byte](t, groups*size*panelRows, true), fenced(t, randomRow(rng, groups*2*panelRows), true)
			for i := range q {
				q[i] = byte(rng.Uint32())
			}
			got := atFence[uint16](t, len(q), true)
			bf16PanelAVX512(&got[0], &q[0], &dm[0], groups, size, biased)
			for c := range groups * size {
				for r := range panelRows {
					d, m := dm[c/size*2*panelRows+r], dm[c/size*2*panelRows+panelRows+r]
					if biased == 1 {
						m *= d
					}
					code := float64(q[(c/4*panelRows+r)*4+c%4])
					want := float64(d)*code + float64(m)
					if g := float64(bfloatToFloat(got[c/2*2*panelRows+2*r+c%2])); math.Abs(g-want) > math.Abs(want)/255+1e-5*math.Abs(float64(d)*code) {
						t.Fatalf("panel in groups of %d, biased %d, row %d, column %d: %v, want %v", size, biased, r, c, g, want)
					}
				}
			}
		}
	}
}

// A token gets the same bits whatever is beside it, and rows that are alone those of AVX-512.
func TestTilesSameBits(t *testing.T) {
	if !cpu.AMX.Available() {
		restore, ok := emulateTiles()
		if !ok {
			t.Skipf("this CPU or build has %v", cpu.Levels())
		}
		defer restore()
	}
	for _, typ := range []Type{F16, BF16, Q4_0, Q8_0, Q4_K, Q6_K, IQ2_XS} {
		const rows, cols, n = 45, 1024, 70
		p := newProduct(t, rand.New(rand.NewPCG(73, uint64(typ))), typ, rows, cols, n, false)
		all := product1(p, 0, n, 0)
		for _, c := range [][3]int{{0, 5, 0}, {3, 40, 0}, {69, 70, 0}, {10, 60, 7}, {0, 20, 20}} {
			lo, hi, singles := c[0], c[1], c[2]
			got := product1(p, lo, hi, singles)
			alone := product1(p, lo, lo+singles, singles)
			if !slices.Equal(got[:singles*rows], alone) || !slices.Equal(got[singles*rows:], all[(lo+singles)*rows:hi*rows]) {
				t.Errorf("%v: tokens %d to %d, %d of them alone, have other bits", typ, lo, hi, singles)
			}
			restore := cpu.Force(cpu.AVX512)
			below := product1(p, lo, lo+singles, singles)
			restore()
			if !slices.Equal(alone, below) {
				t.Errorf("%v: %d tokens alone have other bits than with AVX-512", typ, singles)
			}
		}
	}
}

// product1 multiplies tokens lo … hi-1, of which the first are alone.
func product1(p *product, lo, hi, singles int) []float32 {
	var a Act
	dst := make([]float32, (hi-lo)*p.m.Rows)
	a.Reset(p.a.x[lo*p.m.Cols:], hi-lo, p.m.Cols)
	a.Singles(singles)
	a.Quantize(p.m.ActType(), 0, hi-lo)
	p.m.Mul(dst, p.m.Rows, &a, 0, p.m.Rows)
	return dst
}

func BenchmarkTiles(b *testing.B) {
	if !cpu.AMX.Available() {
		b.Skip("no tiles")
	}
	const groups = 16
	for _, steps := range []int{2, 18, 24} {
		b.Run(fmt.Sprintf("cols=%d", steps*tileStep), func(b *testing.B) {
			x, w := make([]uint16, steps*groups*tileSide*tileStep), make([]uint16, steps*tileSide*tileStep)
			dst := make([]float32, groups*tileSide*tileSide)
			for b.Loop() {
				tiles32AMX(&dst[0], tileSide, &x[0], groups*tileSide*tileStep, &w[0], steps, groups, 0)
			}
			b.ReportMetric(float64(b.N)*groups*tileSide*tileSide*tileStep*float64(steps)/b.Elapsed().Seconds()/1e9, "GMAC/s")
		})
	}
}
