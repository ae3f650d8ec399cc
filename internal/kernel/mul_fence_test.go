package kernel

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"unsafe"
)

// atFences moves everything that a product reads to fences, before or behind it.
func (p *product) atFences(t *testing.T, after bool) {
	t.Helper()
	a := &p.a
	p.m.data = fenced(t, p.m.data, after)
	a.x = fenced(t, a.x, after)
	a.q8, a.k8 = fenced(t, a.q8, after), fenced(t, a.k8, after)
	a.d, a.s, a.z = fenced(t, a.d, after), fenced(t, a.s, after), fenced(t, a.z, after)
	a.kd, a.kz16, a.kz32 = fenced(t, a.kd, after), fenced(t, a.kz16, after), fenced(t, a.kz32, after)
	a.bsums = fenced(t, a.bsums, after)
}

// TestMulFences multiplies with weights, activations and results at fences on either side, in shapes around the
// kernels' groups of rows, tokens and columns.
func TestMulFences(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for _, typ := range allTypes {
			t.Run(typ.String(), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(21, uint64(typ)))
				elems, _ := typ.Block()
				for _, s := range []struct{ rows, cols, n int }{{1, 1, 1}, {3, 2, 1}, {4, 1, 2}, {5, 3, 3}, {33, 1, 4}, {31, 5, 7}, {40, 4, 9}} {
					for _, after := range []bool{false, true} {
						p := newProduct(t, rng, typ, s.rows, s.cols*max(elems, 16), s.n, false)
						p.atFences(t, after)
						for _, singles := range []int{-1, s.n} {
							p.a.singles = singles
							dst := atFence[float32](t, s.rows*s.n, after)
							p.m.Mul(dst, s.rows, &p.a, 0, s.rows)
							p.check(t, dst, s.rows, 0, s.rows)
						}
					}
				}
			})
		}
	})
}

// TestMulFault: weights that vanish, as those of a file that shrank do, are a panic that can be recovered, within any
// kernel; the next product is right.
func TestMulFault(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no protected pages on " + runtime.GOOS)
	}
	forLevels(t, func(t *testing.T) {
		for _, typ := range allTypes {
			for _, n := range []int{1, 9} {
				rng := rand.New(rand.NewPCG(22, uint64(typ)))
				p := newProduct(t, rng, typ, 40, 256, n, false)
				whole := p.m.data
				w := fenced(t, whole, true)
				p.m.data = unsafe.Slice(&w[p.m.stride], len(w))
				dst := make([]float32, 40*n)
				if !faults(func() { p.m.Mul(dst, 40, &p.a, 0, 40) }) {
					t.Errorf("%v, %d tokens: no fault", typ, n)
				}
				p.m.data = whole
				p.m.Mul(dst, 40, &p.a, 0, 40)
				p.check(t, dst, 40, 0, 40)
			}
		}
	})
}

// TestQuantizeFences quantises activations at fences.
func TestQuantizeFences(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(23, 23))
		for _, n := range []int{1, 3} {
			for _, after := range []bool{false, true} {
				p := newProduct(t, rng, Q8_0, 1, 256, n, true)
				p.atFences(t, after)
				p.a.Quantize(ActQ8, 0, n)
				p.a.Quantize(ActQ8K, 0, n)
			}
		}
	})
}

// TestMulSplit: a row's result is the same to the last bit however rows are split between workers.
func TestMulSplit(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for _, typ := range allTypes {
			for _, n := range []int{1, 6} {
				rng := rand.New(rand.NewPCG(24, uint64(typ)))
				p := newProduct(t, rng, typ, 67, 512, n, false)
				want, got := make([]float32, 67*n), make([]float32, 67*n)
				p.m.Mul(want, 67, &p.a, 0, 67)
				for r := 0; r < 67; {
					next := min(67, r+1+rng.IntN(20))
					p.m.Mul(got, 67, &p.a, r, next)
					r = next
				}
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%v, %d tokens: result %d is %v in pieces, %v at once", typ, n, i, got[i], want[i])
					}
				}
			}
		}
	})
}

// TestGroupSums: every level's sums are those of the generic one, exactly; activations and sums are at fences.
func TestGroupSums(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(25, 25))
		for _, group := range []int{kGroup, q8Block} {
			for n := 0; n <= 320; n += 32 {
				q := atFence[int8](t, n, true)
				for i := range q {
					q[i] = int8(rng.IntN(255) - 127)
					if n > 128 {
						q[i] = []int8{-127, 127}[n/32%2]
					}
				}
				want, got := make([]float32, n/group), atFence[float32](t, n/group, true)
				groupSumsGeneric(want, q, group)
				active().sums(got, q, group)
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%d values in groups of %d: sum %d is %v, want %v", n, group, i, got[i], want[i])
					}
				}
			}
		}
	})
}
