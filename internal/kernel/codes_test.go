package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/latentgo/latentgo/internal/cpu"
)

// codesCase is a product with 4-bit codes whose factors are integers and whose scales are powers of two, so that float32
// sums are exact in any order.
type codesCase struct {
	nq, ldd int
	f       Factors
	x       [][]float32 // factors
	c       Codes
	scales  []uint16
	scale   []float32
}

func newCodesCase(t testing.TB, rng *rand.Rand, bits, nq, rows, cols int, after bool) *codesCase {
	c := &codesCase{nq: nq, ldd: rows + rng.IntN(3), scale: make([]float32, rows)}
	c.c = Codes{atFence[byte](t, CodesSize(rows, cols, bits), after), rows, cols, bits, 0}
	c.scales = atFence[uint16](t, rows, after)
	for r := range rows {
		c.scale[r] = float32(int(1) << rng.IntN(4))
		f32ToF16Generic(c.scales[r:r+1], c.scale[r:r+1])
		for k := range cols {
			c.c.Put(r, k, byte(rng.IntN(3)*7+rng.IntN(2))&byte(1<<bits-1)) // the largest and 0 come often
		}
	}
	var flat []float32
	for range nq + 1 {
		c.x = append(c.x, integers(rng, cols))
		flat = append(flat, c.x[len(c.x)-1]...)
	}
	c.f.Set(flat, nq+1, cols, cols)
	return c
}

func (c *codesCase) String() string {
	return fmt.Sprintf("%d factors × %d×%d codes of %d bits", c.nq, c.c.Rows, c.c.Cols, c.c.Bits)
}

// want is the product of factor row i+1 with row r.
func (c *codesCase) want(i, r int) float32 {
	sum := float32(0)
	for k, v := range c.x[i+1] {
		sum += v * c.c.Get(r, k)
	}
	return sum
}

// oneTile leaves cols columns, which share a scale.
func (c *codesCase) oneTile(rng *rand.Rand, cols int) {
	c.c.Cols = cols
	for i := range c.x {
		q := make([]int8, cols)
		c.x[i] = make([]float32, cols)
		for k := range q {
			q[k] = int8(rng.IntN(255) - 127)
			q[0] = 127 // the scale is 2
			c.x[i][k] = 2 * float32(q[k])
		}
		c.f.QuantizeRow(i, len(c.x), c.x[i])
	}
}

func (c *codesCase) products(t *testing.T, after bool) {
	t.Helper()
	dst := atFence[float32](t, (c.nq-1)*c.ldd+c.c.Rows, after)
	for i := range dst {
		dst[i] = canary
	}
	c.f.Products(dst, c.ldd, 1, c.nq, c.c, c.scales)
	for at, got := range dst {
		i, r, want := at/c.ldd, at%c.ldd, float32(canary)
		if r < c.c.Rows {
			want = c.scale[r] * c.want(i, r)
		}
		if got != want {
			t.Fatalf("%v: factors %d, row %d: got %v, want %v", c, i, r, got, want)
		}
	}
}

func (c *codesCase) addProducts(t *testing.T, rows int, after bool) {
	t.Helper()
	ldd := c.ldd - c.c.Rows + rows
	dst := atFence[float32](t, (c.nq-1)*ldd+rows, after)
	for i := range dst {
		dst[i] = float32(i % 5)
	}
	c.f.AddProducts(dst, ldd, 1, c.nq, c.c, rows)
	for at, got := range dst {
		i, r, want := at/ldd, at%ldd, float32(at%5)
		if r < rows {
			want += c.want(i, r)
		}
		if got != want {
			t.Fatalf("%v: factors %d, row %d of %d: got %v, want %v", c, i, r, rows, got, want)
		}
	}
}

// TestCodesShapes takes numbers of rows and columns around vectors and tiles, of factors around every kernel, at fences.
func TestCodesShapes(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 7))
		for _, rows := range []int{8, 16, 24, 32, 64, 72} {
			for nq := 1; nq <= 11; nq++ {
				for _, after := range []bool{false, true} {
					c := newCodesCase(t, rng, 4, nq, rows, 32*(1+rng.IntN(5)), after)
					c.products(t, after)
					for _, bits := range []int{4, 2, 1} {
						if bits < 4 {
							c = newCodesCase(t, rng, bits, nq, rows, 32*(1+rng.IntN(5)), after)
						}
						c.addProducts(t, rows, after)
						c.addProducts(t, 1+rng.IntN(rows), after)
						c.oneTile(rng, StepCols(bits)*(1+rng.IntN(bits)))
						c.addProducts(t, rows, after)
					}
				}
			}
		}
	})
}

// Sums of 16 bits hold a tile of the largest factors and codes of either sign.
func TestCodesLargest(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for _, v := range []float32{127, -127} {
			c := newCodesCase(t, rand.New(rand.NewPCG(2, 7)), 4, 5, 32, 128, true)
			var flat []float32
			for _, row := range c.x {
				for k := range row {
					row[k] = v
				}
				flat = append(flat, row...)
			}
			c.f.Set(flat, len(c.x), 128, 128)
			for r := range 32 {
				for k := range 128 {
					c.c.Put(r, k, 15)
				}
			}
			c.products(t, true)
			c.addProducts(t, 32, true)
		}
	})
}

// Levels agree to rounding for any values, and columns that are padded count nothing.
func TestCodesLevelsAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 7))
	const rows, cols, nq, used = 40, 96, 7, 77
	c := Codes{make([]byte, CodesSize(rows, cols, 4)), rows, cols, 4, 0}
	for i := range c.Codes {
		c.Codes[i] = byte(rng.IntN(256))
	}
	x, scales := make([]float32, nq*used), make([]uint16, rows)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * math.Exp(rng.NormFloat64()))
	}
	for i := range scales {
		scales[i] = 0x3800 + uint16(rng.IntN(0x800))
	}
	var want []float32
	for _, l := range cpu.Levels() {
		restore := cpu.Force(l)
		var f Factors
		f.Set(x, nq, used, used)
		got := make([]float32, 2*nq*rows)
		f.Products(got, rows, 0, nq, c, scales)
		f.AddProducts(got[nq*rows:], rows, 0, nq, c, rows)
		restore()
		for i, v := range want {
			if d := math.Abs(float64(v - got[i])); d > 1e-4*(1+math.Abs(float64(v))) {
				t.Errorf("%v: product %d is %v, elsewhere %v", l, i, got[i], v)
			}
		}
		want = got
	}
	exact, size := 0.0, 0.0
	for k := range used {
		exact += float64(x[k]) * float64(c.Get(0, k))
		size += math.Abs(float64(x[k])) * 7.5
	}
	if got := float64(want[nq*rows]); math.Abs(got-exact) > 0.005*size {
		t.Errorf("product %v, want %v", got, exact)
	}
}

// The error of codes of normally distributed values is near the least that 16 even steps have, 0.0115 of the variance;
// equal and zero values, small and large ones are exact or have errors of that size.
func TestQuantize4(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 7))
	u, x := make([]byte, 64), make([]float32, 64)
	loss := func() float64 {
		s := float64(halfToFloat(Quantize4(u, x)))
		sum, norm := 0.0, 0.0
		for i, v := range x {
			d := float64(v) - s*(float64(u[i])-codeZero)
			sum, norm = sum+d*d, norm+float64(v)*float64(v)
		}
		return sum / max(norm, 1e-30)
	}
	mean := 0.0
	for range 200 {
		for i := range x {
			x[i] = float32(3 * rng.NormFloat64())
		}
		mean += loss() / 200
	}
	if mean > 0.0125 {
		t.Errorf("normally distributed values lose %.4f", mean)
	}
	for _, v := range []float32{0, 1, -1, 1e-3, 1000} {
		for i := range x {
			x[i] = v
		}
		if e := loss(); e > 1e-6 {
			t.Errorf("64 times %v loses %v", v, e)
		}
	}
	x[5] = float32(math.NaN())
	if s := halfToFloat(Quantize4(u, x)); s == s {
		t.Errorf("the scale of NaN is %v", s)
	}
}

// The Hadamard transform keeps lengths, spreads one value over all, is undone, and is the same at all levels.
func TestHadamard(t *testing.T) {
	for _, n := range []int{1, 2, 4, 6, 8, 16, 32, 40, 64, 80, 96, 100, 128, 192, 256, 512} {
		rng := rand.New(rand.NewPCG(9, uint64(n)))
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		var want []float32
		for _, l := range cpu.Levels() {
			restore := cpu.Force(l)
			got := append(atFence[float32](t, n, true)[:0], x...)
			Hadamard(got, false)
			turned := append([]float32(nil), got...)
			Hadamard(got, true)
			one := make([]float32, n)
			one[n/2] = 1
			Hadamard(one, false)
			restore()
			for i, v := range want {
				if math.Abs(float64(v-turned[i])) > 1e-5 {
					t.Fatalf("%d values at %v: value %d is %v, elsewhere %v", n, l, i, turned[i], v)
				}
			}
			want = turned
			for i, v := range got {
				if math.Abs(float64(v-x[i])) > 1e-5 {
					t.Fatalf("%d values at %v: value %d comes back as %v, was %v", n, l, i, v, x[i])
				}
			}
			if a, b := SumSquares(turned), SumSquares(x); math.Abs(float64(a-b)) > 1e-4*float64(b) {
				t.Errorf("%d values at %v: square sum %v, was %v", n, l, a, b)
			}
			if most := absMax(one); n >= 4 && most > 0.75 {
				t.Errorf("%d values at %v: a single 1 becomes up to %v", n, l, most)
			}
		}
	}
}

// Codes from a row on give the products of those rows.
func TestCodesFrom(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		c := newCodesCase(t, rand.New(rand.NewPCG(8, 1)), 2, 3, 64, 96, true)
		all, part := make([]float32, 3*64), make([]float32, 3*24)
		c.f.AddProducts(all, 64, 0, 3, c.c, 64)
		c.f.AddProducts(part, 24, 0, 3, c.c.From(16).From(16), 24)
		for i := range 3 {
			if !slices.Equal(part[24*i:][:24], all[64*i+32:][:24]) {
				t.Errorf("factors %d: %v, want %v", i, part[24*i:][:24], all[64*i+32:][:24])
			}
		}
		mustPanic(t, map[string]func(){
			"no vector": func() { c.c.From(4) },
			"behind":    func() { c.c.From(64).From(8) },
			"rows":      func() { c.f.AddProducts(all, 64, 0, 3, c.c.From(32), 40) },
		})
	})
}

// Steps are rounded alike on all levels, and their errors are worth the same.
func TestQuantizeSteps(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 1))
	for _, n := range []int{1, 7, 8, 9, 64, 77} {
		y, half, most, worth := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
		for i := range y {
			bits := 1 + rng.IntN(8)
			half[i], most[i], worth[i] = float32(int(1)<<bits)/2, float32(int(1)<<bits-1), rng.Float32()
			y[i] = float32(rng.NormFloat64() * math.Exp(2*rng.NormFloat64()))
		}
		want := make([]int32, n)
		cost := quantizeStepsGeneric(want, y, half, most, worth, 1.25, 1/float32(1.25))
		for i, u := range want {
			if e := math.Abs(float64(y[i]) - 1.25*(float64(u)-float64(most[i])/2)); u > 0 && u < int32(most[i]) && e > 1.25*0.5001 {
				t.Errorf("%v becomes %d of %v: %v off", y[i], u, most[i], e)
			}
		}
		forLevels(t, func(t *testing.T) {
			got := make([]int32, n)
			if c := QuantizeSteps(got, y, half, most, worth, 1.25); !slices.Equal(got, want) || math.Abs(float64(c-cost)) > 1e-4*float64(cost) {
				t.Errorf("%v at a cost of %v, want %v at %v", got, c, want, cost)
			}
		})
	}
}

func TestCodesPanics(t *testing.T) {
	x := make([]float32, 64)
	c := Codes{make([]byte, CodesSize(16, 32, 4)), 16, 32, 4, 0}
	scales := make([]uint16, 16)
	var f Factors
	f.Set(x, 2, 32, 32)
	mustPanic(t, map[string]func(){
		"codes":      func() { f.Products(x, 24, 0, 2, Codes{c.Codes, 24, 32, 4, 0}, scales) },
		"rows":       func() { f.Products(x, 16, 0, 2, Codes{c.Codes, 12, 32, 4, 0}, scales) },
		"columns":    func() { f.Products(x, 16, 0, 2, Codes{c.Codes, 8, 64, 4, 0}, scales) },
		"factors":    func() { f.Products(x, 16, 1, 2, c, scales) },
		"scales":     func() { f.Products(x, 16, 0, 2, c, scales[:15]) },
		"products":   func() { f.Products(x[:31], 16, 0, 2, c, scales) },
		"sums":       func() { f.AddProducts(x[:15], 16, 0, 1, c, 16) },
		"sums' rows": func() { f.AddProducts(x, 32, 0, 1, c, 17) },
		"set":        func() { new(Factors).Set(x, 2, 40, 30) },
		"hadamard":   func() { Hadamard(nil, false) },
	})
}

func TestCodesFault(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no protected pages on " + runtime.GOOS)
	}
	forLevels(t, func(t *testing.T) {
		c := newCodesCase(t, rand.New(rand.NewPCG(6, 1)), 4, 3, 32, 64, true)
		beyond := Codes{unsafe.Slice(&c.c.Codes[0], CodesSize(48, 64, 4)), 48, 64, 4, 0}
		dst := make([]float32, 3*48)
		if !faults(func() { c.f.Products(dst, 48, 0, 3, beyond, make([]uint16, 48)) }) {
			t.Error("products beyond the fence did not fault")
		}
		if !faults(func() { c.f.AddProducts(dst, 48, 0, 3, beyond, 48) }) {
			t.Error("sums beyond the fence did not fault")
		}
	})
}

func TestCodesDoNotAllocate(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		c := newCodesCase(t, rand.New(rand.NewPCG(7, 1)), 4, 7, 32, 64, true)
		x, dst, u := make([]float32, 8*64), make([]float32, 8*32), make([]byte, 64)
		if n := testing.AllocsPerRun(20, func() {
			c.f.Set(x, 8, 64, 64)
			c.f.Products(dst, 32, 0, 8, c.c, c.scales)
			c.f.AddProducts(dst, 32, 0, 8, c.c, 29)
			Quantize4(u, x[:64])
			Hadamard(x[:64], false)
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

func BenchmarkCodes(b *testing.B) {
	for _, nq := range []int{3, 7} {
		x, dst := make([]float32, nq*256), make([]float32, nq*256)
		k := make([]uint16, 256*64)
		var f Factors
		f.Set(x, nq, 64, 64)
		c, scales := Codes{make([]byte, CodesSize(32, 64, 4)), 32, 64, 4, 0}, make([]uint16, 32)
		b.Run(fmt.Sprintf("scores4x%d", nq), func(b *testing.B) {
			for range b.N {
				for g := range 8 {
					f.Products(dst[32*g:], 256, 0, nq, c, scales)
				}
			}
		})
		b.Run(fmt.Sprintf("scoresF16x%d", nq), func(b *testing.B) {
			for range b.N {
				ScoresF16(dst, 256, x, nq, 64, k, 64, 256, 64)
			}
		})
		v, out := Codes{make([]byte, CodesSize(64, 256, 4)), 64, 256, 4, 0}, make([]float32, nq*64)
		b.Run(fmt.Sprintf("sums4x%d", nq), func(b *testing.B) {
			for range b.N {
				f.Set(x, nq, 256, 256)
				f.AddProducts(out, 64, 0, nq, v, 64)
			}
		})
		b.Run(fmt.Sprintf("sumsF16x%d", nq), func(b *testing.B) {
			for range b.N {
				WeightedSumF16(out, 64, dst, 256, nq, k, 64, 256, 64)
			}
		})
	}
}

// SetRow and SetColumn set what Put sets code by code, also behind From.
func TestCodesRowsAndColumns(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	for _, bits := range []int{1, 2, 4} {
		const rows, first, stride, shift = 48, 16, 3, 2
		cols := 2 * StepCols(bits)
		fresh := func() Codes {
			return Codes{Codes: make([]byte, CodesSize(rows, cols, bits)), Rows: rows, Cols: cols, Bits: bits}
		}
		got, want := fresh(), fresh()
		for range 20 {
			u := make([]int32, stride*max(rows, cols))
			for i := range u {
				u[i] = rng.Int32()
			}
			row, col := rng.IntN(rows-first), rng.IntN(cols)
			code := func(i int) byte { return byte(u[i*stride]>>shift) & (1<<bits - 1) }
			if rng.IntN(2) == 0 {
				got.From(first).SetRow(row, u, stride, shift)
				for c := range cols {
					want.From(first).Put(row, c, code(c))
				}
			} else {
				got.From(first).SetColumn(col, 32, u, stride, shift)
				for r := range 32 {
					want.From(first).Put(r, col, code(r))
				}
			}
		}
		if !slices.Equal(got.Codes, want.Codes) {
			t.Errorf("%d bits: other codes than Put sets", bits)
		}
	}
}
