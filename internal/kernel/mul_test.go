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

// The tests of this file run every type on every CPU level. They know three values of a product:
//
//	exact   Σ W·x, in float64
//	reference implementation    Σ W·x', in float64, with x' the activations as they were quantised
//	Mul
//
// Mul may differ from the reference implementation by float32 rounding only, and from the exact one by what half a step
// of the activations' quantisation does at most.

// forLevels runs f as a subtest on every CPU level, with a visible skip for those that the CPU does not have.
func forLevels(t *testing.T, f func(t *testing.T)) {
	for l := range cpu.Level(cpu.NumLevels) {
		t.Run(l.String(), func(t *testing.T) {
			if l.Available() {
				defer cpu.Force(l)()
			} else if restore, ok := pretend(l); ok {
				defer restore()
			} else {
				t.Skipf("this CPU or build has %v", cpu.Levels())
			}
			f(t)
		})
	}
}

// pretendTiles makes AMX the level in use on a CPU without it, where that can be done.
var pretendTiles = func() (restore func(), ok bool) { return nil, false }

// pretend makes a level the one in use that the CPU does not have, where its instructions can be emulated.
func pretend(l cpu.Level) (restore func(), ok bool) {
	if l != cpu.AMX {
		return nil, false
	}
	return pretendTiles()
}

// mustPanic runs functions that have to panic.
func mustPanic(t *testing.T, cases map[string]func()) {
	t.Helper()
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

// scaleAt holds the byte offsets of a block's half floats.
var scaleAt = map[Type][]int{
	F16: {0}, Q4_0: {0}, Q4_1: {0, 2}, Q5_0: {0}, Q5_1: {0, 2}, Q8_0: {0}, IQ4_NL: {0},
	Q2_K: {80, 82}, Q3_K: {108}, Q4_K: {0, 2}, Q5_K: {0, 2}, Q6_K: {208}, IQ4_XS: {0},
	IQ1_S: {0}, IQ2_XXS: {0}, IQ2_XS: {0}, IQ2_S: {0}, IQ3_XXS: {0}, IQ3_S: {0}, TQ1_0: {52}, TQ2_0: {64}, Q1_0: {0}, Q2_0: {0},
}

// edgeHalves are scales at the edges: zeros, subnormals, the smallest normal one, the largest.
var edgeHalves = []uint16{0, 0x8000, 1, 0x83ff, 0x400, 0x7bff, 0xfbff}

// weightBlocks returns n blocks of random bytes with scales between -0.1 and 0.1, one in eight of them from the edges
// when edges is set.
func weightBlocks(rng *rand.Rand, typ Type, n int, edges bool) []byte {
	_, size := typ.Block()
	b := make([]byte, n*size)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	for i := 0; i < len(b); i += size {
		edge := edges && rng.IntN(8) == 0
		if edge && rng.IntN(2) == 0 {
			fill := []byte{0, 0xff, 0x80, 0x77, 0x88}[rng.IntN(5)]
			for j := range size {
				b[i+j] = fill
			}
		}
		for _, at := range scaleAt[typ] {
			h := float16.Fromfloat32(rng.Float32()*0.2 - 0.1).Bits()
			if edge {
				h = edgeHalves[rng.IntN(len(edgeHalves))]
			}
			binary.LittleEndian.PutUint16(b[i+at:], h)
		}
		switch typ {
		case MXFP4:
			b[i] = byte(120 + rng.IntN(9))
			if edge {
				b[i] = []byte{0, 1, 2, 127, 135}[rng.IntN(5)]
			}
		case IQ1_M: // its scale is spread over the highest bits of four words
			h := float16.Fromfloat32(rng.Float32()*0.2 - 0.1).Bits()
			for j := range 4 {
				b[i+49+2*j] = b[i+49+2*j]&15 | byte(h>>(4*j)&15)<<4
			}
		case F32:
			binary.LittleEndian.PutUint32(b[i:], math.Float32bits(rng.Float32()*2-1))
		case BF16:
			binary.LittleEndian.PutUint16(b[i:], floatToBfloat(rng.Float32()*2-1))
		}
	}
	return b
}

// edgeValues are activations at the edges.
var edgeValues = []float32{0, float32(math.Copysign(0, -1)), 1, -1, 1e-30, -1e-40, math.SmallestNonzeroFloat32, 3e4, -3e4, 127, 0.5, 126.5}

// activations returns n values of a bell curve, with whole blocks of zeros, constants, subnormals and outliers among
// them when edges is set.
func activations(rng *rand.Rand, n int, edges bool) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for i := 0; edges && i < n; i += 16 {
		if rng.IntN(6) > 0 {
			continue
		}
		v := edgeValues[rng.IntN(len(edgeValues))]
		single := rng.IntN(2) == 0
		for j := i; j < min(n, i+16+16*rng.IntN(20)); j++ {
			x[j] = v
			if single {
				break
			}
		}
	}
	return x
}

// quantised returns the activations as type f has them.
func (a *Act) quantised(f ActType) []float64 {
	x := make([]float64, a.N*a.Cols)
	for i := range x {
		switch f {
		case ActF32:
			x[i] = float64(a.x[i])
		case ActQ8:
			x[i] = float64(a.q8[i]) * float64(a.d[i/q8Block])
		case ActQ8K:
			x[i] = float64(a.k8[i]) * float64(a.kd[i/kBlock])
		}
	}
	return x
}

// halfStep returns how far activation i is from its quantised value at most.
func (a *Act) halfStep(f ActType, i int) float64 {
	switch f {
	case ActQ8:
		return math.Abs(float64(a.d[i/q8Block]))*0.5001 + float64(tiny)
	case ActQ8K:
		return math.Abs(float64(a.kd[i/kBlock]))*0.5001 + float64(tiny)
	}
	return 0
}

// product is one case: a matrix, a batch, and what the rows of the matrix are.
type product struct {
	m *Matrix
	a Act
	w [][]float32
}

func newProduct(t testing.TB, rng *rand.Rand, typ Type, rows, cols, n int, edges bool) *product {
	t.Helper()
	elems, _ := typ.Block()
	m, err := NewMatrix(typ, rows, cols, weightBlocks(rng, typ, rows*cols/elems, edges))
	if err != nil {
		t.Fatal(err)
	}
	p := &product{m: m, w: make([][]float32, rows)}
	for r := range p.w {
		p.w[r] = make([]float32, cols)
		m.Row(p.w[r], r)
	}
	p.a.Reset(activations(rng, n*cols, edges), n, cols)
	p.a.Quantize(m.ActType(), 0, n)
	return p
}

// check compares dst with the reference implementation and the exact product for rows r0 … r1-1.
func (p *product) check(t *testing.T, dst []float32, ld, r0, r1 int) {
	t.Helper()
	q := p.a.quantised(p.m.ActType())
	for tok := range p.a.N {
		for r := r0; r < r1; r++ {
			var exact, reference, abs, slack float64
			for c, w := range p.w[r] {
				i, w := tok*p.m.Cols+c, float64(w)
				exact += w * float64(p.a.x[i])
				reference += w * q[i]
				abs += math.Abs(w * q[i])
				slack += math.Abs(w) * p.a.halfStep(p.m.ActType(), i)
			}
			got := float64(dst[tok*ld+r])
			if !(math.Abs(got-reference) <= 1e-5*abs+1e-30) {
				t.Fatalf("%v [%d,%d] token %d of %d, row %d: got %v, reference implementation %v (magnitude %v)", p.m.Type, p.m.Rows, p.m.Cols, tok, p.a.N, r, got, reference, abs)
			}
			if !(math.Abs(got-exact) <= slack+1e-5*abs+1e-30) {
				t.Fatalf("%v [%d,%d] token %d of %d, row %d: got %v, exact %v ± %v", p.m.Type, p.m.Rows, p.m.Cols, tok, p.a.N, r, got, exact, slack)
			}
		}
	}
}

// canary is what results nobody asked for must keep.
const canary = -12345.5

// run multiplies rows r0 … r1-1 into a fresh slice with distance ld, checks them, and that nothing else was written.
func (p *product) run(t *testing.T, ld, r0, r1 int) {
	t.Helper()
	dst := make([]float32, p.a.N*ld+8)
	for i := range dst {
		dst[i] = canary
	}
	p.m.Mul(dst[:(p.a.N-1)*ld+r1], ld, &p.a, r0, r1)
	p.check(t, dst, ld, r0, r1)
	for i, v := range dst {
		if tok, r := i/ld, i%ld; (tok >= p.a.N || r < r0 || r >= r1) && v != canary {
			t.Fatalf("%v: result %d of token %d was overwritten", p.m.Type, r, tok)
		}
	}
}

// TestMulShapes crosses the edges of blocks, tiles and unrolled loops, in every type on every level.
func TestMulShapes(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for _, typ := range allTypes {
			t.Run(typ.String(), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(1, uint64(typ)))
				elems, _ := typ.Block()
				for _, blocks := range []int{1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 65} {
					cols := blocks * elems
					if elems == 256 && blocks > 9 {
						break
					}
					rows, n := 1+rng.IntN(40), 1+rng.IntN(9)
					newProduct(t, rng, typ, rows, cols, n, true).run(t, rows+rng.IntN(3), 0, rows)
				}
			})
		}
	})
}

// TestMulTokens takes every number of tokens around the kernels' groups.
func TestMulTokens(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for _, typ := range allTypes {
			t.Run(typ.String(), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(2, uint64(typ)))
				for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 33} {
					newProduct(t, rng, typ, 9, 512, n, n%2 == 0).run(t, 9, 0, 9)
				}
			})
		}
	})
}

// TestMulRows takes ranges of rows that begin and end at every place of a kernel's group of rows.
func TestMulRows(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for _, typ := range allTypes {
			t.Run(typ.String(), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(3, uint64(typ)))
				elems, _ := typ.Block()
				for _, n := range []int{1, 4} {
					p := newProduct(t, rng, typ, 35, (elems+95)/elems*elems, n, false)
					for _, r0 := range []int{0, 1, 2, 3, 5, 8, 17} {
						for _, rows := range []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 18} {
							p.run(t, 37, r0, r0+rows)
						}
					}
				}
			})
		}
	})
}

// TestMulLevelsAgree holds every level against the generic one: sums of integers are the same, only the order in which
// the blocks' floats are added differs.
func TestMulLevelsAgree(t *testing.T) {
	for _, typ := range allTypes {
		t.Run(typ.String(), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(4, uint64(typ)))
			p := newProduct(t, rng, typ, 33, 1536, 5, false)
			want := make([]float32, 33*5)
			generic.mul[typ](want, 33, p.m.data, p.m.stride, 33, &p.a)
			forLevels(t, func(t *testing.T) {
				got := make([]float32, len(want))
				p.m.Mul(got, 33, &p.a, 0, 33)
				for i := range want {
					if d := math.Abs(float64(got[i] - want[i])); d > 1e-4*(1+math.Abs(float64(want[i]))) {
						t.Fatalf("result %d: %v, generic %v", i, got[i], want[i])
					}
				}
			})
		})
	}
}

// TestMulNaN: a NaN or infinite activation makes the token's results NaN (ActF32: or infinite), other tokens are
// untouched.
func TestMulNaN(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for _, typ := range allTypes {
			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
				rng := rand.New(rand.NewPCG(5, uint64(typ)))
				p := newProduct(t, rng, typ, 9, 512, 5, false)
				p.a.x[2*512+300] = float32(bad)
				p.a.Reset(p.a.x, 5, 512)
				p.a.Quantize(p.m.ActType(), 0, 5)
				dst := make([]float32, 45)
				p.m.Mul(dst, 9, &p.a, 0, 9)
				for i, v := range dst {
					if finite := !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0); finite == (i/9 == 2) {
						t.Errorf("%v, %v in token 2: token %d row %d is %v", typ, bad, i/9, i%9, v)
					}
				}
			}
		}
	})
}

func TestMulAllocs(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for _, typ := range allTypes {
			for _, n := range []int{1, 7} {
				p := newProduct(t, rand.New(rand.NewPCG(6, 6)), typ, 40, 512, n, false)
				dst, x := make([]float32, n*40), p.a.x
				if got := testing.AllocsPerRun(10, func() {
					p.a.Reset(x, n, 512)
					p.a.Quantize(p.m.ActType(), 0, n)
					p.m.Mul(dst, 40, &p.a, 0, 40)
				}); got != 0 {
					t.Errorf("%v, %d tokens: %v allocations", typ, n, got)
				}
			}
		}
	})
}

// TestMulPanics: arguments that would write or read elsewhere are refused before a kernel runs.
func TestMulPanics(t *testing.T) {
	p := newProduct(t, rand.New(rand.NewPCG(7, 7)), Q8_0, 8, 64, 3, false)
	stale, narrow := new(Act), new(Act)
	stale.Reset(p.a.x, 3, 64)
	narrow.Reset(p.a.x, 3, 32)
	narrow.Quantize(ActQ8, 0, 3)
	mustPanic(t, map[string]func(){
		"stale":     func() { p.m.Mul(make([]float32, 24), 8, stale, 0, 8) },
		"columns":   func() { p.m.Mul(make([]float32, 24), 8, narrow, 0, 8) },
		"short":     func() { p.m.Mul(make([]float32, 23), 8, &p.a, 0, 8) },
		"rows":      func() { p.m.Mul(make([]float32, 99), 9, &p.a, 0, 9) },
		"negative":  func() { p.m.Mul(make([]float32, 99), 9, &p.a, -1, 2) },
		"reversed":  func() { p.m.Mul(make([]float32, 99), 9, &p.a, 4, 3) },
		"distance":  func() { p.m.Mul(make([]float32, 99), 7, &p.a, 0, 8) },
		"reset":     func() { new(Act).Reset(make([]float32, 63), 1, 64) },
		"quantize":  func() { p.a.Quantize(ActQ8, 0, 4) },
		"no blocks": func() { p.a.Quantize(ActQ8K, 0, 1) },
	})
}

func BenchmarkMul(b *testing.B) {
	for _, l := range cpu.Levels() {
		for _, typ := range allTypes {
			for _, s := range []struct{ rows, cols, n int }{{576, 1536, 1}, {2048, 8192, 1}, {576, 1536, 8}, {576, 1536, 512}} {
				b.Run(fmt.Sprintf("%v/%v/%dx%d/n=%d", l, typ, s.rows, s.cols, s.n), func(b *testing.B) {
					defer cpu.Force(l)()
					benchmarkMul(b, typ, s.rows, s.cols, s.n)
				})
			}
		}
	}
}

// benchmarkMul reports bytes of weights per second for one token, and multiply-adds for all. Few tokens are steps.
func benchmarkMul(b *testing.B, typ Type, rows, cols, n int) {
	rng := rand.New(rand.NewPCG(8, 8))
	elems, _ := typ.Block()
	m, err := NewMatrix(typ, rows, cols, weightBlocks(rng, typ, rows*cols/elems, false))
	if err != nil {
		b.Fatal(err)
	}
	var a Act
	a.Reset(activations(rng, n*cols, false), n, cols)
	if n < 16 {
		a.Singles(n)
	}
	a.Quantize(m.ActType(), 0, n)
	dst := make([]float32, n*rows)
	b.SetBytes(int64(len(m.data)))
	for b.Loop() {
		m.Mul(dst, rows, &a, 0, rows)
	}
	b.ReportMetric(float64(rows)*float64(cols)*float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gmac/s")
}
