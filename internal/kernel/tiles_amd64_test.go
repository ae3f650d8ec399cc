//go:build !purego

package kernel

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/latentgo/latentgo/internal/cpu"
)

// Where the CPU has AVX-512 but no tiles, tests run the level AMX with Go in the place of the tiles' instructions.

func init() { pretendTiles = emulateTiles }

// emulateTiles makes AMX the level in use until the function returned is called, false where AVX-512 is not there.
func emulateTiles() (restore func(), ok bool) {
	if !cpu.AVX512.Available() || cpu.AMX.Available() {
		return nil, false
	}
	panels := maps.Clone(tilePanels)
	for gemm, p := range panels {
		tilePanels[gemm] = tilePanel{tilesGeneric(p), p.rows}
	}
	sets[cpu.AMX] = kernelsFor(cpu.AMX).withGeneric()
	tilesFloats = tilesFloatsGeneric
	before := cpu.Pretend(cpu.AMX)
	return func() {
		before()
		tilePanels, tilesFloats = panels, tilesFloatsAMX
	}, true
}

// tilesGeneric returns the kernel of p with sums that Go makes, a block of tokens at a time.
func tilesGeneric(p tilePanel) tileKernel {
	group := p.rows // of 16 columns where there are 16 rows
	return func(dst *float32, ld, rows, add int, w *byte, dm *float32, q *int8, ldq int, z *float32, ldz int, d *float32, ldd,
		groups, blocks int, sums *int32, ready int) {
		codes := unsafe.Slice(w, (groups*group/4-1)*4*panelRows+4*p.rows)
		for b := range blocks {
			t := b * blockTokens
			x := unsafe.Slice(at(q, t*ldq), (blockTokens-1)*ldq+groups*group)
			out := unsafe.Slice(sums, groups*p.rows*blockTokens)
			for i := range out {
				r, t, g := i/256%(p.rows/16)*16+i%16, i/16%16, i/16/blockTokens/(p.rows/16)
				sum := int32(0)
				for c := g * group; c < (g+1)*group; c++ {
					sum += int32(codes[(c/4*panelRows+r)*4+c%4]) * int32(x[t*ldq+c])
				}
				out[i] = sum
			}
			p.kernel(at(dst, t*ld), ld, rows, add, w, dm, at(q, t*ldq), ldq, at(z, t*ldz), ldz, at(d, t*ldd), ldd, groups, 0, sums, 1)
		}
	}
}

// at returns a pointer to what is n elements behind p.
func at[T any](p *T, n int) *T { return (*T)(unsafe.Add(unsafe.Pointer(p), n*int(unsafe.Sizeof(*p)))) }

// tilesFloatsGeneric is the reference implementation of tilesFloatsAMX.
func tilesFloatsGeneric(dst *float32, ld int, x, w *uint16, steps, blocks, add int) {
	out := unsafe.Slice(dst, (unitSide-1)*ld+blocks*unitSide)
	left, right := tileFloats(unsafe.Slice(x, steps*unitSize)), tileFloats(unsafe.Slice(w, blocks*steps*unitSize))
	const rest = unitSize / 2
	for i := range unitSide {
		for j := range blocks * unitSide {
			sum := float32(0)
			if add == 1 {
				sum = out[i*ld+j]
			}
			for s := range steps {
				a, b := left[s*unitSize+i*unitSide:], right[(j/unitSide*steps+s)*unitSize+j%unitSide*2:]
				for c := 0; c < unitSide; c += 2 {
					line := c / 2 * unitLine
					for c, w := range [2]int{line, line + 1} {
						sum += a[rest+c]*b[w] + a[c]*b[w] + a[c]*b[rest+w]
					}
					a = a[2:]
				}
			}
			out[i*ld+j] = sum
		}
	}
}

// tileFloats returns the values of bfloat16, of which the tiles take subnormal ones for zero.
func tileFloats(x []uint16) []float32 {
	f := make([]float32, len(x))
	for i, h := range x {
		if h&0x7f80 != 0 {
			f[i] = bfloatToFloat(h)
		}
	}
	return f
}

// withTiles makes AMX the level in use during a test, emulated or not.
func withTiles(t *testing.T) {
	t.Helper()
	if cpu.AMX.Available() {
		t.Cleanup(cpu.Force(cpu.AMX))
		return
	}
	restore, ok := emulateTiles()
	if !ok {
		t.Skipf("this CPU or build has %v", cpu.Levels())
	}
	t.Cleanup(restore)
}

// TestTilePanels holds the kernels of tiles against those of AVX-512, with everything at fences and extreme codes and
// activations among them: the results are the same bits.
func TestTilePanels(t *testing.T) {
	withTiles(t)
	rng := rand.New(rand.NewPCG(71, 1))
	for _, k := range gemmKinds {
		p, ok := tilePanels[k.kernels]
		if !ok {
			continue
		}
		for i := range 24 {
			rows, groups, blocks, add := 1+rng.IntN(p.rows), k.super, 1+i%3, i%2
			if k.super == 1 {
				groups = 1 + rng.IntN(blockCols/k.group)
			}
			cols, tokens, ldd := groups*k.group, blocks*blockTokens, groups/k.super
			w, q := atFence[byte](t, (cols/4-1)*4*panelRows+4*p.rows, true), atFence[int8](t, tokens*cols, true)
			dm := atFence[float32](t, (groups-1)*2*panelRows+panelRows+p.rows, true)
			z, d := atFence[float32](t, tokens*groups, true), atFence[float32](t, tokens*ldd, true)
			for j := range w {
				w[j] = []byte{byte(rng.Uint32()), 255}[i/12]
			}
			for j := range q {
				q[j] = []int8{int8(rng.IntN(255) - 127), -127}[i/12]
			}
			for j := range dm {
				dm[j] = float32(rng.NormFloat64())
			}
			for j := range z {
				z[j] = float32(rng.IntN(4000) - 2000)
			}
			for j := range d {
				d[j] = float32(rng.NormFloat64())
			}
			ld := p.rows + rng.IntN(5)
			got := atFence[float32](t, (tokens-1)*ld+rows, true)
			for j := range got {
				got[j] = canary
			}
			want := slices.Clone(got)
			whole, dmWhole := append(slices.Clone(w), make([]byte, 4*panelRows)...), append(slices.Clone(dm), make([]float32, panelRows)...)
			var sums [2 * blockTokens * blockCols]int32
			p.kernel(&got[0], ld, rows, add, &w[0], &dm[0], &q[0], cols, &z[0], groups, &d[0], ldd, groups, blocks, &sums[0], 0)
			for tok := range tokens {
				k.kernels[0](&want[tok*ld], ld, rows, add, &whole[0], &dmWhole[0], &q[tok*cols], cols, &z[tok*groups], groups, &d[tok*ldd], ldd, ldd)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s, %d rows, %d groups, %d blocks, add %d: other bits", k.name, rows, groups, blocks, add)
			}
		}
	}
}

// TestTilesSameBits holds products of all types with any number of tokens against AVX-512's.
func TestTilesSameBits(t *testing.T) {
	withTiles(t)
	for _, typ := range allTypes {
		const rows, n = 45, 70
		for _, cols := range []int{256, 1536} {
			p := newProduct(t, rand.New(rand.NewPCG(73, uint64(typ))), typ, rows, cols, n, true)
			for _, c := range [][3]int{{0, 1, 0}, {0, 15, 0}, {1, 17, 0}, {3, 35, 0}, {0, 70, 0}, {10, 60, 7}, {0, 20, 20}} {
				lo, hi, singles := c[0], c[1], c[2]
				got := product1(p, lo, hi, singles)
				restore := cpu.Force(cpu.AVX512)
				want := product1(p, lo, hi, singles)
				restore()
				if !slices.EqualFunc(got, want, sameFloat) {
					t.Errorf("%v, %d columns: tokens %d to %d, %d of them alone, have other bits than with AVX-512", typ, cols, lo, hi, singles)
				}
			}
		}
	}
}

// sameFloat reports whether a and b have the same bits or are both NaN.
func sameFloat(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || math.IsNaN(float64(a)) && math.IsNaN(float64(b))
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

// TestTilesPay runs the measurement; what it finds depends on the CPU.
func TestTilesPay(t *testing.T) {
	withTiles(t)
	t.Logf("tiles are faster: %v", tilesPay())
}

// TestTilesFloats holds the tiles' instructions against the reference implementation, on a CPU that has them.
func TestTilesFloats(t *testing.T) {
	if !cpu.AMX.Available() {
		t.Skipf("this CPU or build has %v", cpu.Levels())
	}
	rng := rand.New(rand.NewPCG(71, 2))
	for _, steps := range []int{1, 2, 3, 12} {
		for _, blocks := range []int{1, 2, 5} {
			for add := range 2 {
				ld := blocks*unitSide + rng.IntN(9)
				x, w := fenced(t, smallHalves(rng, steps*unitSize), true), fenced(t, smallHalves(rng, blocks*steps*unitSize), true)
				got := atFence[float32](t, (unitSide-1)*ld+blocks*unitSide, true)
				for i := range got {
					got[i] = float32(i % 7)
				}
				want := slices.Clone(got)
				tilesFloatsAMX(&got[0], ld, &x[0], &w[0], steps, blocks, add)
				tilesFloatsGeneric(&want[0], ld, &x[0], &w[0], steps, blocks, add)
				if !slices.Equal(got, want) {
					t.Fatalf("%d steps, %d blocks, add %d: other sums", steps, blocks, add)
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

// TestSplit holds what makes sides against its definition, at fences: half floats are the sum of two parts, floats
// nearly so, and what is no number becomes none.
func TestSplit(t *testing.T) {
	if !cpu.AVX512.Available() {
		t.Skipf("this CPU or build has %v", cpu.Levels())
	}
	rng := rand.New(rand.NewPCG(72, 1))
	check := func(what string, side []uint16, at int, want float32, limit float64) {
		t.Helper()
		got := float64(bfloatToFloat(side[at])) + float64(bfloatToFloat(side[at+unitSize/2]))
		if want-want != 0 { // infinite, or no number
			if !math.IsNaN(got) {
				t.Errorf("%s: %v became %v", what, want, got)
			}
			return
		}
		if math.Abs(got-float64(want)) > limit*math.Abs(float64(want))+1e-38 {
			t.Errorf("%s: %v became %v", what, want, got)
		}
	}
	odd := []float32{0, 1e-40, float32(math.Inf(-1)), float32(math.NaN()), math.Float32frombits(0x7fffffff), math.Float32frombits(0xff800001), 1 + 1.0/256, 1 + 3.0/256}
	for units := 1; units <= 3; units++ {
		cols := units * unitSide
		x := fenced(t, append(randomRow(rng, cols-len(odd)), odd...), true)
		row := atFence[uint16](t, (units-1)*unitSize+unitSize/2+unitSide, true)
		splitRowAVX512(&row[0], &x[0], units)
		for c, v := range x {
			check("row", row, c/unitSide*unitSize+c%unitSide, v, 1.0/(1<<17))
		}
		src, side := atFence[uint16](t, units*unitSize/2, true), atFence[uint16](t, units*unitSize, true)
		a, b := atFence[uint16](t, cols, true), atFence[uint16](t, cols, true)
		for i := range src {
			src[i] = uint16(rng.Uint32())
		}
		splitPanelAVX512(&side[0], &src[0], units)
		for i, h := range src {
			check("panel", side, i/(unitSize/2)*unitSize+i%(unitSize/2), halfToFloat(h), 0)
		}
		for i := range a {
			a[i], b[i] = uint16(rng.Uint32()), uint16(rng.Uint32())
		}
		step := unitSize + rng.IntN(9)
		pairs := atFence[uint16](t, (units-1)*step+unitSize/2+unitLine, true)
		splitPairsAVX512(&pairs[0], step, &a[0], &b[0], units)
		for c := range a {
			at := c/unitSide*step + c%unitSide*2
			check("pair", pairs, at, halfToFloat(a[c]), 0)
			check("pair", pairs, at+1, halfToFloat(b[c]), 0)
		}
	}
}

// TestPromptPrecision: products of attention are as exact as floats nearly are.
func TestPromptPrecision(t *testing.T) {
	withTiles(t)
	rng := rand.New(rand.NewPCG(74, 1))
	const nq, n, d = 40, 70, 128
	q, p, kv := randomRow(rng, nq*d), randomRow(rng, nq*n), make([]uint16, n*d)
	f32ToF16Generic(kv, randomRow(rng, n*d))
	scores, sums := make([]float32, nq*n), make([]float32, nq*d)
	PromptScoresF16(scores, n, q, nq, d, kv, d, n, d)
	PromptSumF16(sums, d, p, n, nq, kv, d, n, d)
	check := func(what string, got float32, terms int, x func(c int) float64) {
		t.Helper()
		sum, abs := 0.0, 0.0
		for c := range terms {
			sum, abs = sum+x(c), abs+math.Abs(x(c))
		}
		if e := math.Abs(float64(got) - sum); e > abs/(1<<16) {
			t.Errorf("%s: %v, want %v, magnitude %v", what, got, sum, abs)
		}
	}
	for i := range nq {
		for j := range n {
			check("score", scores[i*n+j], d, func(c int) float64 { return float64(q[i*d+c]) * float64(halfToFloat(kv[j*d+c])) })
		}
		for c := range d {
			check("sum", sums[i*d+c], n, func(j int) float64 { return float64(p[i*n+j]) * float64(halfToFloat(kv[j*d+c])) })
		}
	}
}

// BenchmarkTiles measures a panel times many tokens in either way; see BenchmarkGemm.
func BenchmarkTiles(b *testing.B) {
	if !cpu.AMX.Available() {
		b.Skip("no tiles")
	}
	for _, typ := range []Type{Q4_1, Q4_K, Q2_K, IQ4_XS, Q6_K} {
		p := panelTypesAVX512[slices.IndexFunc(panelTypesAVX512, func(p panelType) bool { return p.typ == typ })]
		p.panelLevel, p.tiles = &panelAVX512, tilePanels[p.gemm]
		vectors, tiles := p.bothWays()
		for name, f := range map[string]func(){"vectors": vectors, "tiles": tiles} {
			b.Run(fmt.Sprintf("%v/%s", typ, name), func(b *testing.B) {
				for b.Loop() {
					f()
				}
				b.ReportMetric(measuredTokens*panelRows*blockCols*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gmac/s")
			})
		}
	}
}
