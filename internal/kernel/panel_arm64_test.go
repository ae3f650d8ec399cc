//go:build !purego

package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/latentgo/latentgo/internal/cpu"
)

// The pure-Go reference implementations of the assembly around panels.

// panelLevels are the levels with panels, and how many columns of a row lie together there.
var panelLevels = map[cpu.Level]struct {
	*panelKernels
	side int
}{cpu.NEON: {&panelsNEON, 4}, cpu.I8MM: {&panelsI8MM, 8}}

// interleaved returns where column c of row r lies.
func interleaved(r, c, side int) int { return (c/side*gemmRows+r)*side + c%side }

// eachPanelLevel runs a test for the levels with panels that this CPU has.
func eachPanelLevel(t *testing.T, test func(t *testing.T, level cpu.Level)) {
	for level := range panelLevels {
		t.Run(level.String(), func(t *testing.T) {
			if !level.Available() {
				t.Skipf("this CPU or build has %v", cpu.Levels())
			}
			test(t, level)
		})
	}
}

// gemmCase is a panel of eight rows and a few tokens. A block has groups groups of 16·steps columns.
type gemmCase struct {
	level                          cpu.Level
	blocks, groups, steps, n, mins int
	w, q                           []int8
	dm, z, d                       []float32
}

func (k *gemmCase) cols() int { return k.blocks * k.groups * k.steps * kGroup }

// gemm8 is the reference implementation of gemm8NEON and gemm8I8MM for one result, in float64; it returns the sum of the terms'
// magnitudes as well.
func (k *gemmCase) gemm8(t, r int) (sum, abs float64) {
	group, all := k.steps*kGroup, k.blocks*k.groups
	for g := range all {
		dot := 0
		for c := g * group; c < (g+1)*group; c++ {
			dot += int(k.w[interleaved(r, c, panelLevels[k.level].side)]) * int(k.q[t*k.cols()+c])
		}
		d := float64(k.d[t*k.blocks+g/k.groups])
		x := float64(k.dm[g*2*gemmRows+r]) * float64(dot)
		m := float64(k.dm[g*2*gemmRows+gemmRows+r]) * float64(k.z[t*all+g]) * float64(k.mins)
		sum, abs = sum+d*(x+m), abs+math.Abs(d)*(math.Abs(x)+math.Abs(m))
	}
	return sum, abs
}

// newGemmCase makes random numbers, or the largest ones, at fences.
func newGemmCase(t *testing.T, rng *rand.Rand, blocks, groups, steps, n, mins int) *gemmCase {
	k := &gemmCase{blocks: blocks, groups: groups, steps: steps, n: n, mins: mins}
	k.w, k.q = atFence[int8](t, gemmRows*k.cols(), true), atFence[int8](t, n*k.cols(), true)
	k.dm = atFence[float32](t, 2*gemmRows*blocks*groups, true)
	k.z, k.d = atFence[float32](t, n*blocks*groups, true), atFence[float32](t, n*blocks, true)
	extreme := rng.IntN(3) == 0
	for i := range k.w {
		k.w[i] = int8(rng.Uint32())
		if extreme {
			k.w[i] = -128
		}
	}
	for i := range k.q {
		k.q[i] = int8(rng.IntN(255) - 127)
		if extreme {
			k.q[i] = -127
		}
	}
	for _, x := range [][]float32{k.dm, k.z, k.d} {
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
	}
	return k
}

// run holds the kernel against the reference implementation, from 0 or on top of something, and sees that it writes
// eight results per token.
func (k *gemmCase) run(t *testing.T, ld, add int) {
	t.Helper()
	dst := make([]float32, k.n*ld+8)
	for i := range dst {
		dst[i] = canary
	}
	all := k.blocks * k.groups
	panelLevels[k.level].gemm(&dst[0], ld, add, &k.w[0], &k.dm[0], &k.q[0], k.cols(), &k.z[0], all, &k.d[0], k.blocks, k.n, k.blocks, k.groups, k.steps, k.mins)
	for i, got := range dst {
		tok, r := i/ld, i%ld
		if tok >= k.n || r >= gemmRows {
			if got != canary {
				t.Fatalf("result %d of token %d was overwritten", r, tok)
			}
			continue
		}
		want, abs := k.gemm8(tok, r)
		want += float64(add) * canary
		if math.Abs(float64(got)-want) > 1e-6*(abs+math.Abs(canary)*float64(add)) {
			t.Fatalf("%d tokens, row %d of token %d: got %v, want %v", k.n, r, tok, got, want)
		}
	}
}

// TestGemm8 takes every shape of blocks, for every number of tokens.
func TestGemm8(t *testing.T) { eachPanelLevel(t, testGemm8) }

func testGemm8(t *testing.T, level cpu.Level) {
	for _, s := range []struct{ groups, steps int }{{1, 2}, {8, 2}, {16, 1}} {
		t.Run(fmt.Sprintf("%d groups of %d", s.groups, 16*s.steps), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, uint64(s.groups)))
			for n := 1; n <= gemmTokens; n++ {
				for blocks := 1; blocks <= 5; blocks++ {
					k := newGemmCase(t, rng, blocks, s.groups, s.steps, n, blocks%2)
					k.level = level
					k.run(t, gemmRows+rng.IntN(3), rng.IntN(2))
				}
			}
		})
	}
}

func TestInterleave8(t *testing.T) { eachPanelLevel(t, testInterleave8) }

func testInterleave8(t *testing.T, level cpu.Level) {
	kernels := panelLevels[level]
	rng := rand.New(rand.NewPCG(2, 2))
	for cols := 16; cols <= tileCols; cols += 16 {
		stride, bias := cols+rng.IntN(9), rng.IntN(129)
		codes, dst := atFence[byte](t, 7*stride+cols, true), atFence[int8](t, gemmRows*cols, true)
		for i := range codes {
			codes[i] = byte(rng.Uint32())
		}
		kernels.interleave(&dst[0], &codes[0], stride, cols, bias)
		for i := range gemmRows * cols {
			r, c := i/cols, i%cols
			if got, want := dst[interleaved(r, c, kernels.side)], int8(int(codes[r*stride+c])-bias); got != want {
				t.Fatalf("%d columns, column %d of row %d: got %d, want %d", cols, c, r, got, want)
			}
		}
	}
}

// TestPanelRemainders: panels of all sizes beside the rows, columns and tokens that a kernel takes at once.
func TestPanelRemainders(t *testing.T) { eachPanelLevel(t, testPanelRemainders) }

func testPanelRemainders(t *testing.T, level cpu.Level) {
	defer cpu.Force(level)()
	rng := rand.New(rand.NewPCG(3, 3))
	for _, typ := range []Type{Q4_0, Q5_1, MXFP4, Q2_K, Q4_K, Q6_K} {
		elems, _ := typ.Block()
		for _, cols := range []int{panelCols - elems, panelCols, panelCols + elems, 2*panelCols + elems} {
			rows, n := panelRows-1+rng.IntN(3), panelFrom+rng.IntN(4)
			newProduct(t, rng, typ, rows, cols, n, false).run(t, rows, 0, rows)
			newProduct(t, rng, typ, rows, cols, 1, false).run(t, rows, 0, rows)
		}
	}
}
