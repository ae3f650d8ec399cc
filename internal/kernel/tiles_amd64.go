//go:build !purego

package kernel

import (
	"math"
	"sync"
	"time"
	"unsafe"

	"github.com/latentgo/latentgo/internal/cpu"
)

// At the level AMX products are products of tiles: of integers in panels (panel_amd64.go), of floats in the attention
// of prompts.
//
// A panel and the activations of 16 tokens fill tiles as they are. Tiles give the sums of integers, vectors scale and
// add them in the order of AVX-512's kernels: results are the same bits, and which kernel computes them is a matter of
// speed alone. Tokens beyond a multiple of 16 go through AVX-512's.

const (
	blockTokens = 16
	blockCols   = 256 // that a kernel takes at most
)

// tileKernel multiplies a panel by blocks of tokens; see asm_tiles_amd64.go.
type tileKernel = func(dst *float32, ld, rows, add int, w *byte, dm *float32, q *int8, ldq int, z *float32, ldz int, d *float32, ldd,
	groups, blocks int, sums *int32, ready int)

// tilePanel is a kernel and how many rows of a panel it takes.
type tilePanel struct {
	kernel tileKernel
	rows   int
}

// tilePanels has the tiles' kernels for those of AVX-512; tests replace them where the CPU does not have tiles.
var tilePanels = map[*[3]gemmKernel]tilePanel{
	&gemmAVX512:     {tiles32AMX, 32},
	&gemmK32AVX512:  {tilesK32AMX, 32},
	&gemmK16AVX512:  {tilesK16AMX, 16},
	&gemmK32BAVX512: {tilesK32BiasedAMX, 32},
	&gemmK16BAVX512: {tilesK16BiasedAMX, 16},
}

// blocks returns how many blocks of the tokens from from on tiles multiply.
func (p *panelType) blocks(a *Act, from int) int {
	if p.tiles.kernel == nil || a.N-from < blockTokens || !cpu.Chosen() && !tilesPay() {
		return 0
	}
	return (a.N - from) / blockTokens
}

// multiplyBlocks multiplies the panel by blocks of tokens, the first of which begins with from.
func (p *panelType) multiplyBlocks(s *panelScratch, dst []float32, ld, n, c, cols int, a *Act, from, blocks int) {
	x := p.activations(a)
	q, z, d := &x.q[from*a.Cols+c], &x.z[(from*a.Cols+c)/p.group], &x.d[(from*a.Cols+c)/x.block]
	for r := 0; r < n; r += p.tiles.rows {
		p.tiles.kernel(&dst[from*ld+r], ld, min(n-r, p.tiles.rows), min(c, 1), &s.q[4*r], &s.dm[r], q, a.Cols, z, a.Cols/p.group,
			d, a.Cols/x.block, cols/p.group, blocks, &s.sums[0], 0)
	}
}

// tilesPay reports whether tiles are faster than AVX-512's kernels on this CPU. It is measured once, in a tenth of a
// millisecond.
var tilesPay = sync.OnceValue(func() bool {
	p := panelType{panelLevel: &panelAVX512, typ: Q4_K, group: q8Block, gemm: &gemmK32AVX512, unpackK: unpackQ4_KAVX2}
	p.tiles = tilePanels[p.gemm]
	vectors, tiles := p.bothWays()
	leastVectors, leastTiles := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for range 16 {
		start := time.Now()
		vectors()
		between := time.Now()
		tiles()
		leastVectors, leastTiles = min(leastVectors, between.Sub(start)), min(leastTiles, time.Since(between))
	}
	return leastTiles < leastVectors
})

// measuredTokens is how many tokens bothWays takes: what a prompt of some length has for a matrix, or for an expert.
const measuredTokens = 4 * blockTokens

// bothWays returns functions that multiply a panel by tokens, without tiles and with them.
func (p *panelType) bothWays() (vectors, tiles func()) {
	var a Act
	a.Reset(make([]float32, measuredTokens*blockCols), measuredTokens, blockCols)
	a.Quantize(ActQ8, 0, measuredTokens)
	a.Quantize(ActQ8K, 0, measuredTokens)
	s, dst := new(panelScratch), make([]float32, measuredTokens*panelRows)
	return func() { p.tokens(s, dst, panelRows, panelRows, 0, blockCols, &a, 0) },
		func() {
			p.multiplyBlocks(s, dst, panelRows, panelRows, 0, blockCols, &a, 0, measuredTokens/blockTokens)
		}
}

// Both sides of a product of floats have 32 rows and, in a unit of 4 KiB, 32 columns of each.
const (
	unitSide  = 32
	unitSize  = 2048 // elements
	unitLine  = 64   // elements between lines of the right side: two columns of all rows
	sideUnits = 16   // that there is room for
	rawUnits  = 12   // columns of a row of half floats that a row of codes has room for
)

// tilesFloats is tilesFloatsAMX; tests replace it where the CPU does not have tiles.
var tilesFloats = tilesFloatsAMX

// floatScratch is the memory of one product of floats at a time.
type floatScratch struct {
	x, w  [sideUnits * unitSize]uint16 // left and right sides
	codes [panelRows * codeStride]byte // rows of half floats
	raw   [rawUnits * unitSize / 2]uint16
	sums  [unitSide * unitSide]float32 // results of which some are not wanted
	zeros [sideUnits * unitSide]uint16 // what an odd row is paired with
}

var floatPool = sync.Pool{New: func() any { return new(floatScratch) }}

// multiply computes cols columns of the first rows rows of dst, or with add 1 adds to them, of left and right sides of
// steps units.
func (s *floatScratch) multiply(dst []float32, ld, rows, cols, steps, add int) {
	whole := 0
	if rows == unitSide {
		whole = cols / unitSide
	}
	if whole > 0 {
		tilesFloats(&dst[0], ld, &s.x[0], &s.w[0], steps, whole, add)
	}
	for b := whole; b*unitSide < cols; b++ {
		n, out := min(unitSide, cols-b*unitSide), dst[b*unitSide:]
		for i := 0; add == 1 && i < rows; i++ {
			copy(s.sums[i*unitSide:], out[i*ld:][:n])
		}
		tilesFloats(&s.sums[0], unitSide, &s.x[0], &s.w[b*steps*unitSize], steps, 1, add)
		for i := range rows {
			copy(out[i*ld:][:n], s.sums[i*unitSide:])
		}
	}
}

// scoresTiles is vectorSet.promptScores at AMX: keys are the right sides of products.
func scoresTiles(dst []float32, ldd int, q []float32, nq, ldq int, k []uint16, stride, n, d int) {
	if d%unitSide != 0 || d == 0 {
		vectorSets[cpu.AVX512].scores(dst, ldd, q, nq, ldq, k, stride, n, d)
		return
	}
	s := floatPool.Get().(*floatScratch)
	defer floatPool.Put(s)
	for i := 0; i < nq; i += unitSide {
		rows := min(unitSide, nq-i)
		for c := 0; c < d; c += rawUnits * unitSide {
			steps := min(rawUnits, (d-c)/unitSide)
			for r := range rows {
				splitRowAVX512(&s.x[r*unitSide], &q[(i+r)*ldq+c], steps)
			}
			most := sideUnits / steps * unitSide
			for j := 0; j < n; j += most {
				m := min(most, n-j)
				for b := 0; b < m; b += unitSide {
					s.keys(s.w[b/unitSide*steps*unitSize:], k[(j+b)*stride+c:], stride, min(unitSide, m-b), steps)
				}
				s.multiply(dst[i*ldd+j:], ldd, rows, m, steps, min(c, 1))
			}
		}
	}
}

// keys makes a right side of n rows of half floats; what it has of other rows may be any numbers.
func (s *floatScratch) keys(w, k []uint16, stride, n, steps int) {
	for r := range n {
		copy(unsafe.Slice((*uint16)(unsafe.Pointer(&s.codes[r*codeStride])), steps*unitSide), k[r*stride:])
	}
	interleaveAVX512((*byte)(unsafe.Pointer(&s.raw[0])), &s.codes[0], 2*steps*unitSide)
	splitPanelAVX512(&w[0], &s.raw[0], steps)
}

// weightedSumTiles is vectorSet.promptSum at AMX: values by column are the right sides of products.
func weightedSumTiles(out []float32, ldo int, p []float32, ldp, nq int, v []uint16, stride, n, d int) {
	if d%unitSide != 0 {
		vectorSets[cpu.AVX512].weightedSum(out, ldo, p, ldp, nq, v, stride, n, d)
		return
	}
	s := floatPool.Get().(*floatScratch)
	defer floatPool.Put(s)
	for c := 0; c < d; c += sideUnits * unitSide {
		cols := min(sideUnits*unitSide, d-c)
		most := sideUnits / (cols / unitSide) * unitSide // positions whose values there is room for
		for j := 0; j < n; j += most {
			m := min(most, n-j)
			steps := (m + unitSide - 1) / unitSide
			s.values(v[j*stride+c:], stride, m, cols/unitSide, steps)
			for i := 0; i < nq; i += unitSide {
				rows := min(unitSide, nq-i)
				for r := range rows {
					s.weights(r, p[(i+r)*ldp+j:][:m])
				}
				s.multiply(out[i*ldo+c:], ldo, rows, cols, steps, 1)
			}
		}
	}
}

// values makes blocks right sides of m rows of half floats, with zeros behind them up to steps units.
func (s *floatScratch) values(v []uint16, stride, m, blocks, steps int) {
	for j := 0; j < steps*unitSide; j += 2 {
		first, second := &s.zeros[0], &s.zeros[0]
		if j < m {
			first = &v[j*stride]
		}
		if j+1 < m {
			second = &v[(j+1)*stride]
		}
		splitPairsAVX512(&s.w[j/unitSide*unitSize+j%unitSide/2*unitLine], steps*unitSize, first, second, blocks)
	}
}

// weights makes row r of the left side, with zeros up to a whole unit.
func (s *floatScratch) weights(r int, p []float32) {
	whole := len(p) / unitSide
	x := s.x[r*unitSide:]
	if whole > 0 {
		splitRowAVX512(&x[0], &p[0], whole)
	}
	if rest := p[whole*unitSide:]; len(rest) > 0 {
		var unit [unitSide]float32
		copy(unit[:], rest)
		splitRowAVX512(&x[whole*unitSize], &unit[0], 1)
	}
}
