//go:build !purego

package kernel

import (
	"math/bits"
	"sync"
	"unsafe"
)

// A matrix product of many tokens goes through panels: pieces of the weight matrix, 32 rows by at most panelCols
// columns, unpacked to codes of a byte and put into the order in which a vector holds one column group of many rows:
//
//	weight rows ── unpack ──▶ codes, row by row ── interleave ──▶ panel.q ──┐
//	            └─ scales ──────────────────────────────────────▶ panel.dm ─┤ gemm, for four tokens at a time
//	activations (int8, Σ per group, scale) ────────────────────────────────┘
//
// Then a lane of a vector is a row, no sums go across lanes, and a product of 4 columns by 16 rows is one instruction.
// Filling a panel costs as much as multiplying it by a dozen tokens at AVX-512, half that at AVX2, so that a prompt
// hardly notices and single tokens are better off with the kernels that read the file's bytes (rows_amd64.go). Nothing
// is kept: weights stay where they are in the file.

const (
	panelRows  = 32
	panelCols  = 768 // a panel and the activations of a few tokens fit into the first-level cache
	codeStride = 800 // bytes between the rows of codes; the assembly has the same number
)

// panelScratch is the memory of one product at a time, 96 KiB. Field sizes are multiples of 64 bytes, which keeps q and
// dm aligned to cache lines when the whole is.
type panelScratch struct {
	codes  [panelRows * codeStride]byte            // rows of codes
	scales [panelCols / q8Block * panelRows]uint32 // per block of 32 columns, per row: the block's first four bytes
	q      [panelRows * panelCols]byte             // codes in panel order
	dm     [panelCols / kGroup * 2 * panelRows]float32
	sums   [2 * blockTokens * blockCols]int32 // of tiles
}

var panelPool = sync.Pool{New: func() any { return new(panelScratch) }}

// gemmKernel multiplies a panel by 1, 2 or 4 tokens; see asm_gemm_amd64.go.
type gemmKernel = func(dst *float32, ld, rows, add int, w *byte, dm *float32, q *int8, ldq int, z *float32, ldz int, d *float32, ldd, supers int)

// panelLevel is what a level brings to panels.
type panelLevel struct {
	rows       int // that a kernel takes side by side; panelRows is a multiple
	interleave func(q, codes *byte, cols int)

	f16, bf16, f32 dotKernels // of the types whose activations stay float32
	step           int        // of columns that those take
}

var (
	panelAVX2   = panelLevel{8, interleaveAVX2, scoresAVX2, dotsBF16AVX2, dotsF32AVX2, 8}
	panelAVX512 = panelLevel{panelRows, interleaveAVX512, scoresAVX512, dotsBF16AVX512, dotsF32AVX512, 1}
)

// kernels returns the products of a level: panels for the given types, and the types whose activations stay float32.
func (l *panelLevel) kernels(types []panelType) (mul [numTypes]kernel) {
	for i := range types {
		types[i].panelLevel = l
		mul[types[i].typ] = types[i].mul
	}
	mul[F16], mul[BF16], mul[F32] = floatsWith(l.f16, F16, l.step), floatsWith(l.bf16, BF16, l.step), floatsWith(l.f32, F32, l.step)
	return mul
}

// panelType is what a weight type brings to panels at one level.
type panelType struct {
	*panelLevel
	typ      Type
	group    int // columns that share D and M
	gemm     *[3]gemmKernel
	unpack32 func(codes *byte, scales *uint32, w *byte, blocks int)
	bias     float32 // M = bias·D; 0 when the blocks hold M
	unpackK  func(codes *byte, dm *float32, stride, toM int, w *byte, blocks int)
	few      kernel    // for tokens that are alone, see Act; nil: panels, for one token too
	tiles    tilePanel // for blocks of tokens, where there are tiles
}

// mul is the kernel of the type. A panel passes all tokens before the next one is filled; its columns are cut so that
// it stays in the first-level cache, and the second and further pieces of a row add to the results of the first. Activations of
// the columns stay in the second-level cache: they pass all rows before the next columns.
func (p *panelType) mul(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	alone := 0
	if p.few != nil {
		alone = a.alone(panelFrom)
	}
	if alone > 0 {
		p.few(dst, ld, w, stride, rows, a)
	}
	if alone == a.N {
		return
	}
	s := panelPool.Get().(*panelScratch)
	defer panelPool.Put(s)
	blocks, most := p.blocks(a, alone), panelCols
	if blocks > 0 {
		most = blockCols
	}
	step := panelStep(a.Cols, p.block(), most)
	for c := 0; c < a.Cols; c += step {
		cols := min(step, a.Cols-c)
		for r := 0; r < rows; r += panelRows {
			n := min(panelRows, rows-r)
			p.fill(s, w[r*stride:], stride, n, c, cols)
			if blocks > 0 {
				p.multiplyBlocks(s, dst[r:], ld, n, c, cols, a, alone, blocks)
			}
			p.tokens(s, dst[r:], ld, n, c, cols, a, alone+blocks*blockTokens)
		}
	}
}

// panelStep divides cols, a multiple of block, into steps of about the same size, at most most and a multiple of block.
func panelStep(cols, block, most int) int {
	steps := (cols + most - 1) / most
	return (cols/block + steps - 1) / steps * block
}

// block returns how many columns a block of the type has.
func (p *panelType) block() int {
	if p.unpackK != nil {
		return kBlock
	}
	return q8Block
}

// fill unpacks columns c … c+cols-1 of n rows. What belongs to the other rows of the panel stays as it was: any
// numbers.
func (p *panelType) fill(s *panelScratch, w []byte, stride, n, c, cols int) {
	elems, bytes := p.typ.Block()
	groups := cols / p.group
	for r := range n {
		codes, w := &s.codes[r*codeStride], &w[r*stride+c/elems*bytes]
		if p.unpackK != nil {
			p.unpackK(codes, p.row(s, r, groups), 2*p.rows, p.rows, w, cols/kBlock)
		} else {
			p.unpack32(codes, &s.scales[r], w, cols/q8Block)
		}
	}
	for r := 0; r < n; r += p.rows {
		p.interleave(&s.q[r*cols], &s.codes[r*codeStride], cols)
	}
	for r := 0; r < n && p.unpackK == nil; r += 8 {
		p.scales(p.row(s, r, groups), &s.scales[r], groups)
	}
}

// row returns where D of row r of the first group is. Rows that a kernel takes together have their D and M side by
// side, group after group; M lies p.rows floats behind D.
func (p *panelType) row(s *panelScratch, r, groups int) *float32 {
	return &s.dm[r/p.rows*groups*2*p.rows+r%p.rows]
}

// scales writes D and M of eight rows.
func (p *panelType) scales(dm *float32, scales *uint32, groups int) {
	if p.typ == MXFP4 {
		exponents(dm, 2*p.rows, p.rows, scales, groups, p.bias)
		return
	}
	scales32AVX2(dm, 2*p.rows, p.rows, scales, groups, p.bias)
}

// exponents is scales32 for blocks that begin with an exponent.
func exponents(dm *float32, stride, toM int, scales *uint32, groups int, bias float32) {
	out := unsafe.Slice(dm, (groups-1)*stride+toM+8)
	in := unsafe.Slice(scales, (groups-1)*panelRows+8)
	for g := range groups {
		for r := range 8 {
			d := e8m0Half(byte(in[g*panelRows+r]))
			out[g*stride+r], out[g*stride+toM+r] = d, bias*d
		}
	}
}

// tokens multiplies the panel by all tokens from the one told on, four at a time, then two and one. Every kernel adds
// in the same order, so that a token's result does not depend on how many go with it.
func (p *panelType) tokens(s *panelScratch, dst []float32, ld, n, c, cols int, a *Act, from int) {
	add := min(c, 1)
	x := p.activations(a)
	dm := 2 * p.rows * (cols / p.group)
	for t := from; t < a.N; {
		k := min(2, bits.Len(uint(a.N-t))-1)
		q, z, d := &x.q[t*a.Cols+c], &x.z[(t*a.Cols+c)/p.group], &x.d[(t*a.Cols+c)/x.block]
		for r, i := 0, 0; r < n; r, i = r+p.rows, i+1 {
			p.gemm[k](&dst[t*ld+r], ld, min(n-r, p.rows), add, &s.q[r*cols], &s.dm[i*dm],
				q, a.Cols, z, a.Cols/p.group, d, a.Cols/x.block, cols/x.block)
		}
		t += 1 << k
	}
}

// panelAct is a batch as the type's kernels want it.
type panelAct struct {
	q     []int8
	z, d  []float32
	block int // activations per d
}

func (p *panelType) activations(a *Act) panelAct {
	switch {
	case p.unpackK == nil:
		return panelAct{a.q8, a.z, a.d, q8Block}
	case p.group == kGroup:
		return panelAct{a.k8, a.kz16, a.kd, kBlock}
	}
	return panelAct{a.k8, a.kz32, a.kd, kBlock}
}
