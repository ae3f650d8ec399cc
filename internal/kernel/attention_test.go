package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"unsafe"

	"github.com/x448/float16"

	"github.com/latentgo/latentgo/internal/cpu"
)

// attentionCase is a product of attention in small integers, so that float32 sums are exact in any order.
type attentionCase struct {
	nq, n, d         int
	ldd, ldq, stride int
	q                []float32 // nq rows of d: queries, or
	p                []float32 // nq rows of n: weights
	kv               []uint16  // n rows of d
}

func newAttentionCase(t testing.TB, rng *rand.Rand, nq, n, d int, after bool) *attentionCase {
	c := &attentionCase{nq: nq, n: n, d: d, ldd: n + rng.IntN(3), ldq: d + rng.IntN(3), stride: d + rng.IntN(3)}
	c.q, c.p = make([]float32, (nq-1)*c.ldq+d), make([]float32, (nq-1)*c.ldd+n)
	c.kv = make([]uint16, (n-1)*c.stride+d)
	small := func() float32 { return float32(rng.IntN(17) - 8) }
	for i := range c.q {
		c.q[i] = small()
	}
	for i := range c.p {
		c.p[i] = small()
	}
	for i := range c.kv {
		c.kv[i] = float16.Fromfloat32(small()).Bits()
	}
	c.q, c.p, c.kv = fenced(t, c.q, after), fenced(t, c.p, after), fenced(t, c.kv, after)
	return c
}

func (c *attentionCase) value(j, i int) float64 { return float64(halfToFloat(c.kv[j*c.stride+i])) }

func (c *attentionCase) String() string {
	return fmt.Sprintf("nq=%d n=%d d=%d ldd=%d ldq=%d stride=%d", c.nq, c.n, c.d, c.ldd, c.ldq, c.stride)
}

// scores runs ScoresF16, or PromptScoresF16, into a slice that ends at a fence and compares exactly.
func (c *attentionCase) scores(t *testing.T, scores scoresFunc, after bool) {
	t.Helper()
	dst := atFence[float32](t, (c.nq-1)*c.ldd+c.n, after)
	for i := range dst {
		dst[i] = canary
	}
	scores(dst, c.ldd, c.q, c.nq, c.ldq, c.kv, c.stride, c.n, c.d)
	for at, got := range dst {
		i, j, want := at/c.ldd, at%c.ldd, 0.0
		for x := 0; x < c.d && j < c.n; x++ {
			want += float64(c.q[i*c.ldq+x]) * c.value(j, x)
		}
		if j >= c.n {
			want = canary
		}
		if float64(got) != want {
			t.Fatalf("%v: query %d, key %d: got %v, want %v", c, i, j, got, want)
		}
	}
}

// weightedSum runs WeightedSumF16, or PromptSumF16, on top of something and compares exactly.
func (c *attentionCase) weightedSum(t *testing.T, sum weightedSumFunc[uint16], after bool) {
	t.Helper()
	out := atFence[float32](t, (c.nq-1)*c.ldq+c.d, after)
	for i := range out {
		out[i] = float32(i % 5)
	}
	sum(out, c.ldq, c.p, c.ldd, c.nq, c.kv, c.stride, c.n, c.d)
	for at, got := range out {
		i, x, want := at/c.ldq, at%c.ldq, float64(at%5)
		for j := 0; j < c.n && x < c.d; j++ {
			want += float64(c.p[i*c.ldd+j]) * c.value(j, x)
		}
		if float64(got) != want {
			t.Fatalf("%v: row %d, column %d: got %v, want %v", c, i, x, got, want)
		}
	}
}

// TestAttentionShapes takes depths around every vector length, and counts around every tile, at fences.
func TestAttentionShapes(t *testing.T) {
	depths := []int{1, 2, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 48, 63, 64, 65, 72, 80, 96, 100, 127, 128, 129, 192, 256, 257, 576}
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, d := range depths {
			for nq := 1; nq <= 11; nq++ {
				for _, after := range []bool{false, true} {
					c := newAttentionCase(t, rng, nq, 1+rng.IntN(21), d, after)
					c.scores(t, ScoresF16, after)
					c.weightedSum(t, WeightedSumF16, after)
				}
			}
		}
	})
}

// TestPromptShapes is TestAttentionShapes for the tokens of a prompt.
func TestPromptShapes(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 3))
		for _, d := range []int{32, 40, 64, 96, 128, 288, 384, 416, 512, 768, 800} {
			for _, nq := range []int{1, 9, 16, 17, 32, 33, 70} {
				for _, after := range []bool{false, true} {
					c := newAttentionCase(t, rng, nq, 1+rng.IntN(80), d, after)
					c.scores(t, PromptScoresF16, after)
					c.weightedSum(t, PromptSumF16, after)
				}
			}
		}
		c := newAttentionCase(t, rng, 32, 400, 96, true)
		c.scores(t, PromptScoresF16, true)
		c.weightedSum(t, PromptSumF16, true)
	})
}

// TestWeightedSumF32 weighted sums rows of small integers at fences.
func TestWeightedSumF32(t *testing.T) {
	forLevels(t, func(t *testing.T) { testWeightedSumF32(t, WeightedSumF32) })
}

// testWeightedSumF32 compares with a plain product.
func testWeightedSumF32(t *testing.T, weightedSum weightedSumFunc[float32]) {
	rng := rand.New(rand.NewPCG(9, 1))
	for d := 1; d < 150; d += 1 + d/9 {
		for _, n := range []int{1, 2, 5, 16, 73} {
			nq := 1 + rng.IntN(20)
			stride, ldp, ldo := d+rng.IntN(3), n+rng.IntN(3), d+rng.IntN(3)
			p, v, out := make([]float32, (nq-1)*ldp+n), make([]float32, (n-1)*stride+d), atFence[float32](t, (nq-1)*ldo+d, true)
			for i := range p {
				p[i] = float32(rng.IntN(9) - 4)
			}
			for i := range v {
				v[i] = float32(rng.IntN(9) - 4)
			}
			for c := range out {
				out[c] = float32(c % 5)
			}
			weightedSum(out, ldo, fenced(t, p, true), ldp, nq, fenced(t, v, true), stride, n, d)
			for at, got := range out {
				i, c, want := at/ldo, at%ldo, float32(at%5)
				for j := 0; j < n && c < d; j++ {
					want += p[i*ldp+j] * v[j*stride+c]
				}
				if got != want {
					t.Fatalf("%d rows, n=%d d=%d: row %d, column %d: got %v, want %v", nq, n, d, i, c, got, want)
				}
			}
		}
	}
}

// TestAttentionRounding compares with float64 sums on values of any size.
func TestAttentionRounding(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		for range 50 {
			c := newAttentionCase(t, rng, 1+rng.IntN(5), 1+rng.IntN(90), 1+rng.IntN(300), true)
			for i := range c.q {
				c.q[i] = float32(rng.NormFloat64())
			}
			for i := range c.kv {
				c.kv[i] = float16.Fromfloat32(float32(rng.NormFloat64())).Bits()
			}
			dst := make([]float32, c.nq*c.ldd)
			ScoresF16(dst, c.ldd, c.q, c.nq, c.ldq, c.kv, c.stride, c.n, c.d)
			for i := range c.nq {
				for j := range c.n {
					want, abs := 0.0, 0.0
					for x := range c.d {
						v := float64(c.q[i*c.ldq+x]) * c.value(j, x)
						want, abs = want+v, abs+math.Abs(v)
					}
					if got := float64(dst[i*c.ldd+j]); math.Abs(got-want) > 1e-6*abs {
						t.Fatalf("%v: got %v, want %v", c, got, want)
					}
				}
			}
		}
	})
}

// TestScoresOrder: a score is the same to the last bit wherever its key and its query lie in a call.
func TestScoresOrder(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		const nq, n, d = 7, 23, 72
		q, k := make([]float32, nq*d), make([]uint16, n*d)
		for i := range q {
			q[i] = float32(rng.NormFloat64())
		}
		for i := range k {
			k[i] = float16.Fromfloat32(float32(rng.NormFloat64())).Bits()
		}
		all := make([]float32, nq*n)
		ScoresF16(all, n, q, nq, d, k, d, n, d)
		for i := range nq {
			for j := range n {
				var one [1]float32
				ScoresF16(one[:], 1, q[i*d:], 1, d, k[j*d:], d, 1, d)
				if one[0] != all[i*n+j] {
					t.Fatalf("query %d, key %d: %v alone, %v among others", i, j, one[0], all[i*n+j])
				}
			}
		}
	})
}

// TestAttentionEmpty: nothing to do leaves everything alone, a depth of 0 gives scores of 0.
func TestAttentionEmpty(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		dst := []float32{canary, canary}
		ScoresF16(dst, 2, nil, 0, 0, nil, 0, 2, 4)
		ScoresF16(dst, 2, nil, 1, 0, nil, 0, 0, 0)
		WeightedSumF16(dst, 2, nil, 0, 0, nil, 0, 1, 2)
		WeightedSumF16(dst, 2, nil, 0, 1, nil, 2, 0, 2)
		WeightedSumF16(dst, 0, dst, 2, 1, nil, 0, 2, 0)
		if dst[0] != canary || dst[1] != canary {
			t.Errorf("written: %v", dst)
		}
		ScoresF16(dst, 2, nil, 1, 0, nil, 0, 2, 0)
		if dst[0] != 0 || dst[1] != 0 {
			t.Errorf("depth 0: %v", dst)
		}
	})
}

func TestAttentionPanics(t *testing.T) {
	f, h := make([]float32, 64), make([]uint16, 64)
	mustPanic(t, map[string]func(){
		"scores dst":          func() { ScoresF16(f[:15], 8, f, 2, 8, h, 8, 8, 8) },
		"scores q":            func() { ScoresF16(f, 8, f[:15], 2, 8, h, 8, 8, 8) },
		"scores k":            func() { ScoresF16(f, 8, f, 2, 8, h[:63], 8, 8, 8) },
		"scores d":            func() { ScoresF16(f, 8, f, 2, 8, h, 8, 8, -1) },
		"weighted sum out":    func() { WeightedSumF16(f[:15], 8, f, 8, 2, h, 8, 8, 8) },
		"weighted sum p":      func() { WeightedSumF16(f, 8, f[:15], 8, 2, h, 8, 8, 8) },
		"weighted sum v":      func() { WeightedSumF16(f, 8, f, 8, 2, h[:63], 8, 8, 8) },
		"weighted sum floats": func() { WeightedSumF32(f, 8, f, 8, 2, f[:63], 8, 8, 8) },
		"weighted sum stride": func() { WeightedSumF16(f, 8, f, 8, 2, h, -8, 8, 8) },
	})
}

// TestAttentionFault: a fault within the assembly is a panic that can be recovered, and the functions work afterwards.
func TestAttentionFault(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no protected pages on " + runtime.GOOS)
	}
	forLevels(t, func(t *testing.T) {
		q, out := make([]float32, 3*64), make([]float32, 3*65)
		k := atFence[uint16](t, 64*64, true)
		beyond := unsafe.Slice(&k[0], 65*64)
		if !faults(func() { ScoresF16(out, 65, q, 3, 64, beyond, 64, 65, 64) }) {
			t.Error("scores beyond the fence did not fault")
		}
		if !faults(func() { WeightedSumF16(q, 64, out, 65, 3, beyond, 64, 65, 64) }) {
			t.Error("weighted sum beyond the fence did not fault")
		}
		newAttentionCase(t, rand.New(rand.NewPCG(7, 8)), 3, 9, 64, true).scores(t, ScoresF16, true)
	})
}

func BenchmarkAttention(b *testing.B) {
	for _, l := range cpu.Levels() {
		for _, s := range []struct{ nq, n, d int }{{3, 256, 64}, {4, 256, 128}, {9, 256, 192}, {96, 256, 64}} {
			c := newAttentionCase(b, rand.New(rand.NewPCG(1, 1)), s.nq, s.n, s.d, true)
			dst := make([]float32, s.nq*max(c.ldd, c.ldq))
			for name, run := range map[string]func(){
				"scores":       func() { ScoresF16(dst, c.ldd, c.q, c.nq, c.ldq, c.kv, c.stride, c.n, c.d) },
				"weighted sum": func() { WeightedSumF16(dst, c.ldq, c.p, c.ldd, c.nq, c.kv, c.stride, c.n, c.d) },
			} {
				b.Run(fmt.Sprintf("%s/%v/nq=%d/d=%d", name, l, s.nq, s.d), func(b *testing.B) {
					defer cpu.Force(l)()
					b.SetBytes(int64(2 * s.n * s.d))
					for b.Loop() {
						run()
					}
					b.ReportMetric(float64(s.nq*s.n*s.d)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gmac/s")
				})
			}
		}
	}
}

// BenchmarkProduct is WeightedSumF32 for products of matrices: rows, depth, columns.
func BenchmarkProduct(b *testing.B) {
	for _, l := range cpu.Levels() {
		for _, s := range []struct{ rows, n, d int }{{9, 64, 64}, {32, 512, 64}, {64, 64, 576}, {256, 64, 576}, {256, 64, 1536}, {90, 128, 32}} {
			v, p, out := make([]float32, s.n*s.d), make([]float32, s.rows*s.n), make([]float32, s.rows*s.d)
			b.Run(fmt.Sprintf("%v/%dx%dx%d", l, s.rows, s.n, s.d), func(b *testing.B) {
				defer cpu.Force(l)()
				for b.Loop() {
					WeightedSumF32(out, s.d, p, s.n, s.rows, v, s.d, s.n, s.d)
				}
				b.ReportMetric(float64(s.rows*s.n*s.d)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gmac/s")
			})
		}
	}
}
