//go:build !purego

package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/x448/float16"

	"github.com/latentgo/latentgo/internal/cpu"
)

// The pure-Go reference implementations of the assembly around panels.

// interleaveGeneric puts cols columns of rows rows of codes into panel order.
func interleaveGeneric(q, codes []byte, rows, cols int) {
	for c := range cols {
		for r := range rows {
			q[(c/4*rows+r)*4+c%4] = codes[r*codeStride+c]
		}
	}
}

// scales32Generic writes D and M of 8 rows.
func scales32Generic(dm []float32, stride, toM int, scales []uint32, groups int, bias float32) {
	for g := range groups {
		for r := range 8 {
			s := scales[g*panelRows+r]
			d, m := halfToFloat(uint16(s)), halfToFloat(uint16(s>>16))
			if bias != 0 {
				m = bias * d
			}
			dm[g*stride+r], dm[g*stride+toM+r] = d, m
		}
	}
}

// gemmCase is a panel and a few tokens, with what tells one kernel from another.
type gemmCase struct {
	rows, tokens, group, super int
	biased                     bool
	w, dm                      func(g, r int) float64 // D and M
	code                       func(c, r int) float64
	q                          func(t, c int) float64
	z, d                       func(t, i int) float64
	cols                       int
}

// mulPanelGeneric returns the product of row r and token t in float64, and the sum of all magnitudes in it.
func (k *gemmCase) mulPanelGeneric(r, t int) (sum, abs float64) {
	for g := range k.cols / k.group {
		dot := 0.0
		for c := g * k.group; c < (g+1)*k.group; c++ {
			dot += k.code(c, r) * k.q(t, c)
		}
		m, d := k.dm(g, r)*k.z(t, g), k.w(g, r)
		scale := k.d(t, g/k.super)
		if k.biased {
			m *= d
		}
		sum += scale * (d*dot + m)
		abs += math.Abs(scale) * (math.Abs(d*dot) + math.Abs(m))
	}
	return sum, abs
}

// gemmKind is a family of kernels.
type gemmKind struct {
	name         string
	level        cpu.Level
	kernels      *[3]gemmKernel
	group, super int
	least, most  int // codes
	biased       bool
}

var gemmKinds = []gemmKind{
	{"32Bits4", cpu.AVX2, &gemmBits4AVX2, 32, 1, 0, 15, false},
	{"32Bits5", cpu.AVX2, &gemmBits5AVX2, 32, 1, 0, 31, false},
	{"32Int8", cpu.AVX2, &gemmInt8AVX2, 32, 1, -128, 127, false},
	{"K32Bits4", cpu.AVX2, &gemmK4AVX2, 32, 8, 0, 15, false},
	{"K32Bits5", cpu.AVX2, &gemmK5AVX2, 32, 8, 0, 31, false},
	{"K32Int8", cpu.AVX2, &gemmK8AVX2, 32, 8, -128, 127, false},
	{"K16Bits5", cpu.AVX2, &gemmK16AVX2, 16, 16, 0, 31, false},
	{"K16Biased5", cpu.AVX2, &gemmK16B5AVX2, 16, 16, 0, 31, true},
	{"K16Biased6", cpu.AVX2, &gemmK16B6AVX2, 16, 16, 0, 63, true},
	{"32", cpu.AVXVNNI, &gemmVNNI, 32, 1, 0, 255, false},
	{"K32", cpu.AVXVNNI, &gemmK32VNNI, 32, 8, 0, 255, false},
	{"K16", cpu.AVXVNNI, &gemmK16VNNI, 16, 16, 0, 255, false},
	{"K32Biased", cpu.AVXVNNI, &gemmK32BVNNI, 32, 8, 0, 255, true},
	{"K16Biased", cpu.AVXVNNI, &gemmK16BVNNI, 16, 16, 0, 255, true},
	{"32", cpu.AVX512, &gemmAVX512, 32, 1, 0, 255, false},
	{"K32", cpu.AVX512, &gemmK32AVX512, 32, 8, 0, 255, false},
	{"K16", cpu.AVX512, &gemmK16AVX512, 16, 16, 0, 255, false},
	{"K32Biased", cpu.AVX512, &gemmK32BAVX512, 32, 8, 0, 255, true},
	{"K16Biased", cpu.AVX512, &gemmK16BAVX512, 16, 16, 0, 255, true},
}

// panelRowsOf returns how many rows a level's kernels take.
func panelRowsOf(l cpu.Level) int {
	if l == cpu.AVX512 {
		return panelAVX512.rows
	}
	return panelAVX2.rows
}

// TestGemmKernels compares every kernel with its reference implementation for every number of rows, from 0 and on top
// of something, with everything at fences. The codes and activations are extreme: the largest sums must not overflow.
func TestGemmKernels(t *testing.T) {
	for _, k := range gemmKinds {
		for i, kernel := range k.kernels {
			t.Run(fmt.Sprintf("%s/%v/x%d", k.name, k.level, 1<<i), func(t *testing.T) {
				if !k.level.Available() {
					t.Skipf("this CPU or build has %v", cpu.Levels())
				}
				rng := rand.New(rand.NewPCG(1, uint64(i)))
				for rows := 1; rows <= panelRowsOf(k.level); rows++ {
					checkGemm(t, rng, k, kernel, 1<<i, rows, rows%2, rows%3 == 0)
				}
			})
		}
	}
}

// checkGemm runs one kernel on random numbers, or on the largest ones.
func checkGemm(t *testing.T, rng *rand.Rand, k gemmKind, kernel gemmKernel, tokens, rows, add int, extreme bool) {
	t.Helper()
	width, supers := panelRowsOf(k.level), 1+rng.IntN(3)
	cols := supers * k.super * k.group
	groups := cols / k.group
	pick := func(least, most int) int {
		if extreme {
			return []int{least, most}[rng.IntN(10)/9]
		}
		return least + rng.IntN(most-least+1)
	}
	w, q := atFence[byte](t, width*cols, true), atFence[int8](t, tokens*cols, true)
	dm, z, d := atFence[float32](t, 2*width*groups, true), atFence[float32](t, tokens*groups, true), atFence[float32](t, tokens*supers, true)
	for i := range w {
		w[i] = byte(pick(k.least, k.most))
		if extreme && k.least == 0 {
			w[i] = byte(k.most)
		}
	}
	for i := range q {
		q[i] = int8(pick(-127, 127))
	}
	for i := range dm {
		dm[i] = float32(rng.NormFloat64())
	}
	for i := range z {
		z[i] = float32(rng.IntN(4000) - 2000)
	}
	for i := range d {
		d[i] = float32(rng.NormFloat64())
	}
	if k.least < 0 { // signed kernels have no M
		for g := range groups {
			clear(dm[(2*g+1)*width:][:width])
		}
	}
	c := &gemmCase{
		rows: rows, tokens: tokens, group: k.group, super: k.super, biased: k.biased, cols: cols,
		w:  func(g, r int) float64 { return float64(dm[2*g*width+r]) },
		dm: func(g, r int) float64 { return float64(dm[(2*g+1)*width+r]) },
		code: func(col, r int) float64 {
			b := w[(col/4*width+r)*4+col%4]
			if k.least < 0 {
				return float64(int8(b))
			}
			return float64(b)
		},
		q: func(t, c int) float64 { return float64(q[t*cols+c]) },
		z: func(t, g int) float64 { return float64(z[t*groups+g]) },
		d: func(t, s int) float64 { return float64(d[t*supers+s]) },
	}
	ld := width + 3
	dst := atFence[float32](t, (tokens-1)*ld+rows, true)
	for i := range dst {
		dst[i] = canary
	}
	kernel(&dst[0], ld, rows, add, &w[0], &dm[0], &q[0], cols, &z[0], groups, &d[0], supers, supers)
	c.compare(t, dst, ld, float64(add)*canary)
}

// compare checks the results against the reference implementation, and that nothing else was written.
func (k *gemmCase) compare(t *testing.T, dst []float32, ld int, start float64) {
	t.Helper()
	for i, got := range dst {
		tok, r := i/ld, i%ld
		if r >= k.rows {
			if got != canary {
				t.Fatalf("%d rows: result %d of token %d was overwritten", k.rows, r, tok)
			}
			continue
		}
		want, abs := k.mulPanelGeneric(r, tok)
		if want += start; math.Abs(float64(got)-want) > 1e-6*(abs+math.Abs(start)) {
			t.Fatalf("%d rows, %d columns: token %d row %d: got %v, want %v", k.rows, k.cols, tok, r, got, want)
		}
	}
}

// TestInterleave compares both levels with the reference implementation; codes and panel are at fences.
func TestInterleave(t *testing.T) {
	for _, l := range cpu.Levels()[1:] {
		t.Run(l.String(), func(t *testing.T) {
			p := &panelAVX2
			if l == cpu.AVX512 || l == cpu.AMX {
				p = &panelAVX512
			}
			for _, cols := range []int{16, 32, 48, 256, 576, 768} {
				codes := atFence[byte](t, (p.rows-1)*codeStride+cols, true)
				for i := range codes {
					codes[i] = byte(i*7 + i>>8)
				}
				want, got := make([]byte, p.rows*cols), atFence[byte](t, p.rows*cols, true)
				interleaveGeneric(want, codes, p.rows, cols)
				p.interleave(&got[0], &codes[0], cols)
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%d columns: byte %d is %d, want %d", cols, i, got[i], want[i])
					}
				}
			}
		})
	}
}

// TestScales32 compares with the reference implementation, for types with and without an M of their own.
func TestScales32(t *testing.T) {
	if cpu.Best() < cpu.AVX2 {
		t.Skip("no AVX2")
	}
	rng := rand.New(rand.NewPCG(2, 2))
	for groups := 1; groups < 6; groups++ {
		for _, bias := range []float32{0, -8, -128} {
			scales := atFence[uint32](t, (groups-1)*panelRows+8, true)
			for i := range scales {
				scales[i] = uint32(float16.Fromfloat32(rng.Float32()-0.5).Bits())<<16 | uint32(float16.Fromfloat32(rng.Float32()).Bits())
			}
			const stride, toM = 64, 32
			got, want := atFence[float32](t, (groups-1)*stride+toM+8, true), make([]float32, (groups-1)*stride+toM+8)
			scales32Generic(want, stride, toM, scales, groups, bias)
			scales32AVX2(&got[0], stride, toM, &scales[0], groups, bias)
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("%d groups, bias %v: float %d is %v, want %v", groups, bias, i, got[i], want[i])
				}
			}
		}
	}
}

// panelTypes returns the types that go through panels at level l.
func panelTypes(l cpu.Level) []panelType {
	switch l {
	case cpu.AVX512, cpu.AMX:
		return panelTypesAVX512
	case cpu.AVXVNNI:
		return panelTypesVNNI
	}
	return panelTypesAVX2
}

// TestUnpack compares the codes and scales of all types and levels with the generic tile's, exactly; weights and codes
// are at fences.
func TestUnpack(t *testing.T) {
	for _, l := range cpu.Levels()[1:] {
		for _, p := range panelTypes(l) {
			t.Run(fmt.Sprintf("%v/%v", l, p.typ), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(3, uint64(p.typ)))
				for range 20 {
					checkUnpack(t, rng, l, p)
				}
			})
		}
	}
}

func checkUnpack(t *testing.T, rng *rand.Rand, l cpu.Level, p panelType) {
	t.Helper()
	elems, size := p.typ.Block()
	blocks := 256 / elems
	w := fenced(t, weightBlocks(rng, p.typ, blocks, true), true)
	var row tileRow
	row.unpack(p.typ, w)
	codes := atFence[byte](t, 256, true)
	const stride, toM = 2, 1
	dm := make([]float32, 16*stride)
	if p.unpackK != nil {
		p.unpackK(&codes[0], &dm[0], stride, toM, &w[0], 1)
		checkFactors(t, &row, p, l, dm)
	} else {
		scales := make([]uint32, blocks*panelRows)
		p.unpack32(&codes[0], &scales[0], &w[0], blocks)
		for b := range blocks {
			if got, want := scales[b*panelRows], binary.LittleEndian.Uint32(w[b*size:]); got != want {
				t.Fatalf("scales of block %d: %#x, want %#x", b, got, want)
			}
		}
	}
	for i, want := range row.q {
		if bias, _ := codesOf(p.typ); bias == 128 && l == cpu.AVX2 {
			want ^= 0x80
		}
		if codes[i] != want {
			t.Fatalf("code %d is %d, want %d", i, codes[i], want)
		}
	}
}

// checkFactors compares D and M of a block of 256.
func checkFactors(t *testing.T, row *tileRow, p panelType, l cpu.Level, dm []float32) {
	t.Helper()
	for g := range 256 / p.group {
		i := g * p.group / kGroup
		d, m := row.kd*float32(row.sc[i]), -row.kmin*float32(row.mn[i])
		if !hasMin(p.typ) {
			bias, _ := codesOf(p.typ)
			m = -float32(bias)
			if bias == 128 && l == cpu.AVX2 {
				m = 0
			}
		}
		if dm[2*g] != d || dm[2*g+1] != m {
			t.Fatalf("group %d: D %v and M %v, want %v and %v", g, dm[2*g], dm[2*g+1], d, m)
		}
	}
}

// TestPanelStep: steps are multiples of the block, fit into a panel, and are no more than needed.
func TestPanelStep(t *testing.T) {
	for _, block := range []int{32, 256} {
		for cols := block; cols < 20000; cols += block {
			step := panelStep(cols, block, panelCols)
			if step <= 0 || step%block != 0 || step > panelCols || (cols+step-1)/step > (cols+panelCols-1)/panelCols {
				t.Fatalf("%d columns in blocks of %d: steps of %d", cols, block, step)
			}
		}
	}
}

// TestExponents compares D and M of MXFP4's exponents, all of them.
func TestExponents(t *testing.T) {
	scales := make([]uint32, 31*panelRows+8)
	for i := range 256 {
		scales[i/8*panelRows+i%8] = uint32(i) | 0xabcd00
	}
	dm := make([]float32, 31*64+32+8)
	exponents(&dm[0], 64, 32, &scales[0], 32, -12)
	for i := range 256 {
		d, m := dm[i/8*64+i%8], dm[i/8*64+32+i%8]
		if want := e8m0Half(byte(i)); d != want || m != -12*want {
			t.Errorf("exponent %d: D %v, M %v, want %v", i, d, m, want)
		}
	}
}

// What NEON makes of its kernels of scores, with those of this CPU.
func TestWeightedSumTransposed(t *testing.T) {
	if !cpu.AVX2.Available() {
		t.Skip("no AVX2")
	}
	testWeightedSumF32(t, weightedSumTransposed(dotsF32AVX2, 8))
}

// BenchmarkGemm measures the inner kernels alone: four tokens, and weights and activations that the first-level cache
// holds. That is what a product of many tokens can reach at most.
func BenchmarkGemm(b *testing.B) {
	const cols, tokens = 512, 4
	for _, k := range gemmKinds {
		if !k.level.Available() {
			continue
		}
		b.Run(fmt.Sprintf("%s/%v", k.name, k.level), func(b *testing.B) {
			rows, groups, supers := panelRowsOf(k.level), cols/k.group, cols/k.group/k.super
			w, q, dst := make([]byte, rows*cols), make([]int8, tokens*cols), make([]float32, tokens*rows)
			dm, z, d := make([]float32, 2*rows*groups), make([]float32, tokens*groups), make([]float32, tokens*supers)
			for b.Loop() {
				k.kernels[2](&dst[0], rows, rows, 0, &w[0], &dm[0], &q[0], cols, &z[0], groups, &d[0], supers, supers)
			}
			b.ReportMetric(float64(rows*cols*tokens)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gmac/s")
		})
	}
}
