//go:build !purego

package kernel

import (
	"sync"
	"unsafe"

	"github.com/latentgo/latentgo/internal/cpu"
)

// At the level AMX the products of many tokens are products of tiles: bfloat16 by bfloat16, summed in single precision.
// Weights of every type become bfloat16 in panels of 32 rows, activations do once per batch and are not quantised:
//
//	weight rows ── unpack, interleave (panel_amd64.go) ──▶ codes, D, M ── D·code + M ──▶ panel of bfloat16 ──┐
//	activations ────────────────────────────────────────────────────────────────────────▶ Act.bf16 ─┤ tiles
//
// See RATIONALE.md for why not int8.
//
// What a token gets does not depend on the tokens beside it: each sum is added up in the order of columns.

// tileKernel computes dst[t*ld+r] = Σ x[t]·w[r], or adds it with add 1, for 32 rows r and groups of 32 or 16 tokens t:
// steps groups of columns, which lie step elements apart in x.
type tileKernel = func(dst *float32, ld int, x *uint16, step int, w *uint16, steps, groups, add int)

// tiles32AMX multiplies groups of 32 tokens; tilesGeneric is the reference implementation.
//
//go:noescape
func tiles32AMX(dst *float32, ld int, x *uint16, step int, w *uint16, steps, groups, add int)

// tiles16AMX multiplies groups of 16 tokens; tilesGeneric is the reference implementation.
//
//go:noescape
func tiles16AMX(dst *float32, ld int, x *uint16, step int, w *uint16, steps, groups, add int)

// tiles32 and tiles16 are those; tests replace them where the CPU does not have tiles.
var tiles32, tiles16 tileKernel = tiles32AMX, tiles16AMX

// tilePadded returns for how many tokens there is room where n are packed, and in how many columns n are.
func tilePadded(n int) int { return (n + tileSide - 1) / tileSide * tileSide }

// packTiles is kernelSet.pack at AMX: it rounds rows lo … hi-1 of n rows of cols floats, a multiple of 32.
func packTiles(dst []uint16, x []float32, n, cols, lo, hi int) {
	padded := tilePadded(n)
	for t := lo; t < hi; t++ {
		bf16RowAVX512(&dst[t*tileStep], padded*tileStep, &x[t*cols], cols)
	}
}

// tileScratch is the memory of one product at a time. Field sizes are multiples of 64 bytes, which keeps all of them aligned
// to cache lines when the whole is.
type tileScratch struct {
	panelScratch
	w     [tileSide * panelCols]uint16 // a panel
	sums  [tileSide * tileSide]float32 // results of which some are not wanted
	x     [tileSide * panelCols]uint16 // of attention: queries, or weights of values
	zeros [panelCols]uint16            // what an odd row is paired with
}

var tilePool = sync.Pool{New: func() any { return new(tileScratch) }}

// multiply computes products of the first rows of panel w with tokens that are packed from x on, with room for room tokens,
// over steps groups of columns; with add 1 it adds to dst.
func (s *tileScratch) multiply(dst []float32, ld, rows, tokens int, x []uint16, room int, w []uint16, steps, add int) {
	groups := 0
	if rows == tileSide {
		groups = tokens / tileSide
	}
	if groups > 0 {
		tiles32(&dst[0], ld, &x[0], room*tileStep, &w[0], steps, groups, add)
	}
	for t := groups * tileSide; t < tokens; t += tileSide {
		n := min(tileSide, tokens-t)
		out := dst[t*ld:]
		for i := 0; add == 1 && i < n; i++ {
			copy(s.sums[i*tileSide:], out[i*ld:][:rows])
		}
		kernel := tiles32
		if n <= tileSide/2 {
			kernel = tiles16
		}
		kernel(&s.sums[0], tileSide, &x[t*tileStep], room*tileStep, &w[0], steps, 1, add)
		for i := range n {
			copy(out[i*ld:][:rows], s.sums[i*tileSide:])
		}
	}
}

// tileType is what a type in blocks brings to tiles: its panels, and whether their M is added to the code.
type tileType struct {
	panelType
	biased int
}

// tileKernels returns the products at AMX. Rows that are alone go through the kernels of AVX-512.
func tileKernels(below [numTypes]kernel) [numTypes]kernel {
	mul := below
	for _, list := range [][]panelType{panelTypesAVX512, panelTypesLattice} {
		for _, p := range list {
			p.panelLevel = &panelAVX512
			t := &tileType{panelType: p}
			if p.unpackK != nil && !hasMin(p.typ) {
				t.biased = 1
			}
			mul[p.typ] = t.mul
		}
	}
	for _, p := range []rowTiles{
		{F16, roundF16, floatsAlone(panelAVX512.f16, F16)},
		{BF16, roundBF16, floatsAlone(panelAVX512.bf16, BF16)},
		{Q1_0, roundAny(Q1_0), allAlone(mulQ1_0)},
		{Q2_0, roundAny(Q2_0), allAlone(mulQ2_0)},
	} {
		mul[p.typ] = p.mul
	}
	return mul
}

// mul is the kernel of the type. A piece of columns passes all rows before the next one, so that the activations of the
// piece stay in the second-level cache.
func (p *tileType) mul(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	alone := a.alone(panelFrom)
	if alone > 0 {
		p.few(dst, ld, w, stride, rows, a)
	}
	if alone == a.N {
		return
	}
	s := tilePool.Get().(*tileScratch)
	defer tilePool.Put(s)
	tokens, step := a.N-alone, panelStep(a.Cols, p.block())
	room := tilePadded(tokens)
	for c := 0; c < a.Cols; c += step {
		cols := min(step, a.Cols-c)
		for r := 0; r < rows; r += tileSide {
			n := min(tileSide, rows-r)
			p.fill(&s.panelScratch, w[r*stride:], stride, n, c, cols)
			bf16PanelAVX512(&s.w[0], &s.q[0], &s.dm[0], cols/p.group, p.group, p.biased)
			s.multiply(dst[alone*ld+r:], ld, n, tokens, a.bf16[c*room:], room, s.w[:], cols/tileStep, min(c, 1))
		}
	}
}

// rowTiles is what a type brings to tiles whose rows become bfloat16 one by one.
type rowTiles struct {
	typ   Type
	round func(dst *uint16, w []byte, s *tileScratch)                            // a piece of a row
	first func(dst []float32, ld int, w []byte, stride, rows int, a *Act, n int) // the product with n tokens, which are alone
}

// roundF16 is rowTiles.round of F16.
func roundF16(dst *uint16, w []byte, _ *tileScratch) {
	bf16HalvesAVX512(dst, (*uint16)(unsafe.Pointer(&w[0])), len(w)/2)
}

// roundBF16 is rowTiles.round of BF16, which has nothing to round.
func roundBF16(dst *uint16, w []byte, _ *tileScratch) {
	copy(unsafe.Slice((*byte)(unsafe.Pointer(dst)), len(w)), w)
}

// roundAny returns rowTiles.round of a type without assembly.
func roundAny(t Type) func(dst *uint16, w []byte, s *tileScratch) {
	elems, bytes := t.Block()
	return func(dst *uint16, w []byte, s *tileScratch) {
		f := s.sums[:len(w)/bytes*elems]
		dequantize(f, t, w)
		bf16RowAVX512(dst, tileStep, &f[0], len(f))
	}
}

// floatsAlone returns rowTiles.first of a type whose activations stay float32.
func floatsAlone(kernels dotKernels, t Type) func([]float32, int, []byte, int, int, *Act, int) {
	return func(dst []float32, ld int, w []byte, stride, rows int, a *Act, n int) {
		floatRows(kernels, t, panelAVX512.step, dst, ld, w, stride, rows, a, n)
	}
}

// allAlone returns rowTiles.first of a type whose kernel takes all tokens: what it makes of the others is overwritten.
func allAlone(all kernel) func([]float32, int, []byte, int, int, *Act, int) {
	return func(dst []float32, ld int, w []byte, stride, rows int, a *Act, _ int) {
		all(dst, ld, w, stride, rows, a)
	}
}

// mul is the kernel of the type. The columns of a piece are as many as have room in a row of codes. Floats of which the
// activations were not packed, for want of a call or of whole groups of columns, are multiplied as if they were alone.
func (p *rowTiles) mul(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	alone := a.alone(panelFrom)
	if a.Cols%tileStep != 0 || !a.tiled() {
		alone = a.N
	}
	if alone > 0 {
		p.first(dst, ld, w, stride, rows, a, alone)
	}
	if alone == a.N {
		return
	}
	s := tilePool.Get().(*tileScratch)
	defer tilePool.Put(s)
	elems, bytes := p.typ.Block()
	tokens := a.N - alone
	room := tilePadded(tokens)
	for c := 0; c < a.Cols; c += halfCols {
		cols := min(halfCols, a.Cols-c)
		for r := 0; r < rows; r += tileSide {
			n := min(tileSide, rows-r)
			for i := range n {
				p.round(s.halves(i), w[(r+i)*stride+c/elems*bytes:][:cols/elems*bytes], s)
			}
			s.interleave(cols)
			s.multiply(dst[alone*ld+r:], ld, n, tokens, a.bf16[c*room:], room, s.w[:], cols/tileStep, min(c, 1))
		}
	}
}

// halfCols is how many columns of bfloat16 a row of codes has room for.
const halfCols = panelCols / 2

// halves returns where row i of bfloat16 begins among the rows of codes.
func (s *tileScratch) halves(i int) *uint16 {
	return (*uint16)(unsafe.Pointer(&s.codes[i*codeStride]))
}

// interleave makes a panel of the rows of bfloat16.
func (s *tileScratch) interleave(cols int) {
	interleaveAVX512((*byte)(unsafe.Pointer(&s.w[0])), &s.codes[0], 2*cols)
}

// scoresTiles is vectorSet.promptScores at AMX: keys are the weights of a product.
func scoresTiles(dst []float32, ldd int, q []float32, nq, ldq int, k []uint16, stride, n, d int) {
	if d%tileStep != 0 || d == 0 || d > halfCols {
		vectorSets[cpu.AVX512].scores(dst, ldd, q, nq, ldq, k, stride, n, d)
		return
	}
	s := tilePool.Get().(*tileScratch)
	defer tilePool.Put(s)
	for i := 0; i < nq; i += tileSide {
		rows := min(tileSide, nq-i)
		for r := range rows {
			bf16RowAVX512(&s.x[r*tileStep], tileSide*tileStep, &q[(i+r)*ldq], d)
		}
		for j := 0; j < n; j += tileSide {
			keys := min(tileSide, n-j)
			for r := range keys {
				bf16HalvesAVX512(s.halves(r), &k[(j+r)*stride], d)
			}
			s.interleave(d)
			s.multiply(dst[i*ldd+j:], ldd, keys, rows, s.x[:], tileSide, s.w[:], d/tileStep, 0)
		}
	}
}

// weightedSumTiles is vectorSet.promptSum at AMX: values by column are the weights of a product.
func weightedSumTiles(out []float32, ldo int, p []float32, ldp, nq int, v []uint16, stride, n, d int) {
	if d%tileStep != 0 || d > panelCols {
		vectorSets[cpu.AVX512].weightedSum(out, ldo, p, ldp, nq, v, stride, n, d)
		return
	}
	s := tilePool.Get().(*tileScratch)
	defer tilePool.Put(s)
	most := panelCols / (d / tileSide) / tileStep * tileStep // positions whose values have room in a panel
	for j := 0; j < n; j += most {
		m := min(most, n-j)
		padded := tilePadded(m)
		s.pairs(v[j*stride:], stride, m, padded, d)
		for i := 0; i < nq; i += tileSide {
			rows := min(tileSide, nq-i)
			for r := range rows {
				s.weights(r, p[(i+r)*ldp+j:][:m])
			}
			for c := 0; c < d; c += tileSide {
				s.multiply(out[i*ldo+c:], ldo, tileSide, rows, s.x[:], tileSide, s.w[c*padded:], padded/tileStep, 1)
			}
		}
	}
}

// pairs makes panels of m rows of d values, with zeros behind them up to padded.
func (s *tileScratch) pairs(v []uint16, stride, m, padded, d int) {
	for j := 0; j < m; j += 2 {
		second := &s.zeros[0]
		if j+1 < m {
			second = &v[(j+1)*stride]
		}
		bf16PairsAVX512(&s.w[j*tileSide], padded*tileSide, &v[j*stride], second, d)
	}
	for c := 0; c < d; c += tileSide {
		clear(s.w[c*padded:][(m+1)/2*2*tileSide : padded*tileSide])
	}
}

// weights packs row r of the left side, with zeros up to a whole group of columns.
func (s *tileScratch) weights(r int, p []float32) {
	whole := len(p) / tileStep * tileStep
	x := s.x[r*tileStep:]
	if whole > 0 {
		bf16RowAVX512(&x[0], tileSide*tileStep, &p[0], whole)
	}
	if whole < len(p) {
		var rest [tileStep]float32
		copy(rest[:], p[whole:])
		bf16RowAVX512(&x[whole*tileSide], tileSide*tileStep, &rest[0], tileStep)
	}
}
