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

// cacheCase is a product with an 8-bit cache whose scales are 1, so that all values are small integers and float32 sums
// are exact in any order.
type cacheCase struct {
	nq, n, cols int
	used        int // columns of queries, those that scores are made of
	ldd         int
	q           CacheQueries
	x           [][]float32 // queries
	kv          CacheRows
	p           []float32
}

// integers returns integers from -127 to 127, each block of 32 with a 127 or -127 in it: the edges come often.
func integers(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		switch rng.IntN(4) {
		case 0:
			x[i] = 127
		case 1:
			x[i] = -127
		default:
			x[i] = float32(rng.IntN(255) - 127)
		}
	}
	for b := 0; b < n; b += q8Block {
		x[b+rng.IntN(q8Block)] = float32(127 - 254*rng.IntN(2))
	}
	return x
}

// emptyCache returns room for n rows that ends or begins at fences, filled with values that no result may depend on.
func emptyCache(t testing.TB, n, cols int, after bool) CacheRows {
	codes, scales := CacheSize((n+PanelRows-1)/PanelRows*PanelRows, cols)
	r := CacheRows{atFence[byte](t, codes, after), atFence[uint16](t, scales, after), cols}
	for i := range r.Codes {
		r.Codes[i] = byte(37 * i)
	}
	for i := range r.Scales {
		r.Scales[i] = 0x7c00 + uint16(i%3) // infinite or NaN
	}
	return r
}

func newCacheCase(t testing.TB, rng *rand.Rand, nq, n, cols int, after bool) *cacheCase {
	c := &cacheCase{nq: nq, n: n, cols: cols, ldd: n + rng.IntN(3), kv: emptyCache(t, n, cols, after)}
	for i := range n {
		c.kv.Put(i, 0, integers(rng, cols))
	}
	var flat []float32
	c.used = q8Block * (1 + rng.IntN(cols/q8Block))
	for range nq + 1 {
		c.x = append(c.x, integers(rng, c.used))
		flat = append(flat, c.x[len(c.x)-1]...)
	}
	c.q.Set(flat, nq+1, c.used, c.used, 0)
	c.p = atFence[float32](t, (nq-1)*c.ldd+n, after)
	for i := range c.p {
		c.p[i] = float32(rng.IntN(9))
	}
	return c
}

func (c *cacheCase) String() string {
	return fmt.Sprintf("nq=%d n=%d cols=%d of %d ldd=%d", c.nq, c.n, c.used, c.cols, c.ldd)
}

// scores compares exactly; the first query row is left out.
func (c *cacheCase) scores(t *testing.T, after bool) {
	t.Helper()
	dst, row := atFence[float32](t, (c.nq-1)*c.ldd+c.n, after), make([]float32, c.cols)
	for i := range dst {
		dst[i] = canary
	}
	ScoresQ8(dst, c.ldd, &c.q, 1, c.nq, c.kv, c.n)
	for at, got := range dst {
		i, j, want := at/c.ldd, at%c.ldd, float32(canary)
		if j < c.n {
			c.kv.Get(row, j, 0)
			want = 0
			for x, v := range c.x[i+1] {
				want += row[x] * v
			}
		}
		if got != want {
			t.Fatalf("%v: query %d, row %d: got %v, want %v", c, i, j, got, want)
		}
	}
}

// weighted sum compares d columns from column from on exactly.
func (c *cacheCase) weightedSum(t *testing.T, from, d, ldo int, after bool) {
	t.Helper()
	out, row := atFence[float32](t, (c.nq-1)*ldo+d, after), make([]float32, c.cols)
	want := make([]float32, len(out))
	for i := range out {
		out[i], want[i] = float32(i%5), float32(i%5)
	}
	WeightedSumQ8(out, ldo, c.p, c.ldd, c.nq, c.kv, from, c.n, d)
	for j := range c.n {
		c.kv.Get(row, j, 0)
		for i := range c.nq {
			for x := range d {
				want[i*ldo+x] += c.p[i*c.ldd+j] * row[from+x]
			}
		}
	}
	for at, got := range out {
		if got != want[at] {
			t.Fatalf("%v: from %d, %d columns: row %d, column %d: got %v, want %v", c, from, d, at/ldo, at%ldo, got, want[at])
		}
	}
}

// TestCacheShapes takes numbers of rows around panels and half panels, of queries around every kernel, at fences.
func TestCacheShapes(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, n := range []int{1, 7, 8, 9, 15, 16, 17, 24, 25, 31, 32, 33, 47, 48} {
			for nq := 1; nq <= 11; nq++ {
				for _, after := range []bool{false, true} {
					c := newCacheCase(t, rng, nq, n, 32*(1+rng.IntN(6)), after)
					c.scores(t, after)
					from := 32 * rng.IntN(c.cols/32)
					d := 1 + rng.IntN(c.cols-from)
					c.weightedSum(t, from, d, d+rng.IntN(3), after)
				}
			}
		}
	})
}

// TestCacheLongRuns crosses the number of rows that are weighed at a time.
func TestCacheLongRuns(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 2))
		for _, n := range []int{255, 256, 257, 300, 513} {
			c := newCacheCase(t, rng, 3, n, 64, true)
			c.scores(t, true)
			c.weightedSum(t, 32, 32, 32, true)
		}
	})
}

// TestCacheRounding puts values of any size and compares with the dequantised rows, and those with what was put.
func TestCacheRounding(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(4, 4))
		const n, nq, cols = 40, 9, 192
		kv := emptyCache(t, n, cols, true)
		rows := make([][]float32, n)
		normal := func(n int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(rng.NormFloat64() * math.Exp(2*rng.NormFloat64()))
			}
			return x
		}
		for j := range rows {
			x := normal(cols)
			kv.Put(j, 0, x)
			rows[j] = make([]float32, cols)
			kv.Get(rows[j], j, 0)
			for c, v := range x {
				most := float64(absMax(x[c/32*32:][:32]))
				if d := math.Abs(float64(rows[j][c] - v)); d > most*0.006 {
					t.Fatalf("row %d: %v became %v, the largest of the block is %v", j, v, rows[j][c], most)
				}
			}
		}
		x := normal(nq * cols)
		var q CacheQueries
		q.Set(x, nq, cols, 32, cols-32)
		dst := make([]float32, nq*n)
		ScoresQ8(dst, n, &q, 0, nq, kv, n)
		p, out := normal(nq*n), make([]float32, nq*cols)
		WeightedSumQ8(out, cols, p, n, nq, kv, 0, n, cols)
		for i := range nq {
			for j := range n {
				want, size := 0.0, 0.0
				for c, v := range rows[j] {
					want += float64(v) * float64(x[i*cols+c])
					size += float64(v) * float64(v) * float64(absMax(x[i*cols+c/32*32:][:32])) * float64(absMax(x[i*cols+c/32*32:][:32]))
				}
				if got := float64(dst[i*n+j]); math.Abs(got-want) > 0.02*math.Sqrt(size) {
					t.Fatalf("score %d, %d: got %v, want %v", i, j, got, want)
				}
			}
			for c := range cols {
				want, size := 0.0, 0.0
				for j := range rows {
					want += float64(p[i*n+j]) * float64(rows[j][c])
					size += math.Abs(float64(p[i*n+j])) * float64(absMax(rows[j][c/32*32:][:32]))
				}
				if got := float64(out[i*cols+c]); math.Abs(got-want) > 1e-5*size {
					t.Fatalf("weighted sum %d, %d: got %v, want %v", i, c, got, want)
				}
			}
		}
	})
}

// TestCacheLevelsAgree: integer products make scores equal to the last bit, but for the order of a handful of
// additions.
func TestCacheLevelsAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 4))
	const n, nq, cols = 33, 5, 96
	kv := emptyCache(t, n, cols, true)
	x := make([]float32, nq*cols)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for j := range n {
		kv.Put(j, 0, x[j%nq*cols:][:cols])
	}
	var want []float32
	for _, l := range cpu.Levels() {
		restore := cpu.Force(l)
		var q CacheQueries
		q.Set(x, nq, cols, 32, cols-32)
		got := make([]float32, nq*n)
		ScoresQ8(got, n, &q, 0, nq, kv, n)
		restore()
		for i, v := range want {
			if d := math.Abs(float64(v - got[i])); d > 1e-4 {
				t.Errorf("%v: score %d is %v, elsewhere %v", l, i, got[i], v)
			}
		}
		want = got
	}
}

// TestCachePadding puts and asks in parts that do not fill their blocks.
func TestCachePadding(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(8, 4))
		const n, a, b = 20, 10, 37
		kv := emptyCache(t, n, 32+64, true)
		rows, x := make([][]float32, n), integers(rng, 64)[:a+b]
		x[0], x[a], x[a+32] = 127, 127, 127
		for j := range rows {
			rows[j] = integers(rng, 64)[:a+b]
			rows[j][0], rows[j][a], rows[j][a+32] = 127, -127, 127
			kv.Put(j, 0, rows[j][:a])
			kv.Put(j, 32, rows[j][a:])
		}
		var q CacheQueries
		q.Set(x, 1, 0, a, b)
		dst, back := make([]float32, n), make([]float32, b)
		ScoresQ8(dst, n, &q, 0, 1, kv, n)
		for j := range rows {
			want := float32(0)
			for c, v := range rows[j] {
				want += v * x[c]
			}
			if dst[j] != want {
				t.Errorf("row %d: score %v, want %v", j, dst[j], want)
			}
			kv.Get(back, j, 32)
			if !slices.Equal(back, rows[j][a:]) {
				t.Errorf("row %d: got %v back, put %v", j, back, rows[j][a:])
			}
		}
	})
}

func TestCacheEmpty(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		dst := []float32{canary, canary}
		var q CacheQueries
		r := emptyCache(t, 16, 32, true)
		ScoresQ8(dst, 2, &q, 0, 0, r, 2)
		ScoresQ8(dst, 2, &q, 0, 1, r, 0)
		WeightedSumQ8(dst, 2, nil, 0, 0, r, 0, 1, 2)
		WeightedSumQ8(dst, 2, nil, 0, 1, r, 0, 0, 2)
		WeightedSumQ8(dst, 2, dst, 2, 1, r, 0, 2, 0)
		if dst[0] != canary || dst[1] != canary {
			t.Errorf("written: %v", dst)
		}
	})
}

func TestCachePanics(t *testing.T) {
	f := make([]float32, 64)
	r := emptyCache(t, 16, 32, true)
	var q CacheQueries
	q.Set(f, 2, 32, 0, 32)
	mustPanic(t, map[string]func(){
		"rows":                 func() { ScoresQ8(f, 17, &q, 0, 2, r, 17) },
		"width":                func() { ScoresQ8(f, 16, &q, 0, 2, CacheRows{r.Codes, r.Scales, 64}, 8) },
		"queries":              func() { ScoresQ8(f, 16, &q, 1, 2, r, 16) },
		"scores":               func() { ScoresQ8(f[:31], 16, &q, 0, 2, r, 16) },
		"weighted sum from":    func() { WeightedSumQ8(f, 32, f, 16, 2, r, 16, 16, 16) },
		"weighted sum columns": func() { WeightedSumQ8(f, 33, f, 16, 1, r, 0, 16, 33) },
		"weighted sum out":     func() { WeightedSumQ8(f[:63], 32, f, 16, 2, r, 0, 16, 32) },
		"put column":           func() { r.Put(0, 16, f[:16]) },
		"put too much":         func() { r.Put(0, 0, f[:33]) },
		"set":                  func() { new(CacheQueries).Set(f, 2, 40, 30, 3) },
		"put":                  func() { r.Put(16, 0, f[:32]) },
		"get":                  func() { r.Get(f[:32], 16, 0) },
	})
}

func TestCacheFault(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no protected pages on " + runtime.GOOS)
	}
	forLevels(t, func(t *testing.T) {
		c := newCacheCase(t, rand.New(rand.NewPCG(6, 1)), 3, 32, 64, true)
		beyond := CacheRows{unsafe.Slice(&c.kv.Codes[0], 48*64), make([]uint16, 48*2), 64}
		dst := make([]float32, 3*64)
		if !faults(func() { ScoresQ8(dst, 48, &c.q, 0, 3, beyond, 48) }) {
			t.Error("scores beyond the fence did not fault")
		}
		if !faults(func() { WeightedSumQ8(dst, 64, dst, 48, 3, beyond, 0, 48, 64) }) {
			t.Error("weighted sum beyond the fence did not fault")
		}
		c.scores(t, true)
		c.weightedSum(t, 0, 64, 64, true)
	})
}

func TestCacheDoesNotAllocate(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		c := newCacheCase(t, rand.New(rand.NewPCG(7, 1)), 9, 40, 64, true)
		x, dst := make([]float32, 10*64), make([]float32, 9*64)
		if n := testing.AllocsPerRun(20, func() {
			c.q.Set(x, 10, 64, 30, 30)
			c.kv.Put(3, 32, x[:30])
			ScoresQ8(dst, 40, &c.q, 0, 9, c.kv, 40)
			WeightedSumQ8(dst, 63, c.p, c.ldd, 9, c.kv, 0, 40, 63)
		}); n >= 1 {
			t.Errorf("%v allocations", n)
		}
	})
}

func BenchmarkCache(b *testing.B) {
	for _, l := range cpu.Levels() {
		for _, s := range []struct{ nq, n, cols int }{{3, 256, 64}, {4, 256, 128}, {9, 256, 192}, {9, 256, 96}} {
			c := newCacheCase(b, rand.New(rand.NewPCG(1, 1)), s.nq, s.n, s.cols, true)
			dst := make([]float32, s.nq*max(c.ldd, s.cols))
			for name, run := range map[string]func(){
				"scores":       func() { ScoresQ8(dst, c.ldd, &c.q, 0, s.nq, c.kv, s.n) },
				"weighted sum": func() { WeightedSumQ8(dst, s.cols, c.p, c.ldd, s.nq, c.kv, 0, s.n, s.cols) },
			} {
				b.Run(fmt.Sprintf("%s/%v/nq=%d/d=%d", name, l, s.nq, s.cols), func(b *testing.B) {
					defer cpu.Force(l)()
					for b.Loop() {
						run()
					}
					b.ReportMetric(float64(s.nq*s.n*s.cols)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gmac/s")
				})
			}
		}
	}
}
