//go:build !purego

package kernel

import (
	"sync"
	"unsafe"
)

// A matrix product of many tokens goes through panels: pieces of the weight matrix, panelRows rows by at most panelCols
// columns, unpacked by the generic code and interleaved, so that SDOT multiplies four columns of four rows by four
// columns of a token, or SMMLA eight columns of two rows by eight of two tokens. Filling a panel costs as much as
// multiplying it by a few tokens.

const (
	panelRows  = tileRows
	panelCols  = 4 * tileCols // a panel and the activations of four tokens fit into a first-level cache of 64 KB
	gemmRows   = 8            // that gemm8NEON takes side by side
	gemmTokens = 4
)

// panelScratch is the memory of one worker.
type panelScratch struct {
	tile tile
	q    [panelRows / gemmRows][gemmRows * panelCols]int8                // interleaved weights
	dm   [panelRows / gemmRows][panelCols / kGroup][2 * gemmRows]float32 // D of eight rows and M per group
	z    [panelCols / kGroup]float32                                     // Σq of a single token
	out  [gemmTokens * gemmRows]float32                                  // where eight rows are not all wanted
}

var panelPool = sync.Pool{New: func() any { return new(panelScratch) }}

// panelKernels are the instructions that panels are for.
type panelKernels struct {
	interleave func(dst *int8, codes *byte, stride, cols, bias int)
	gemm       func(dst *float32, ld, add int, w *int8, dm *float32, q *int8, ldq int, z *float32, ldz int, d *float32, ldd, n, blocks, groups, steps, mins int)
}

var (
	panelsNEON = panelKernels{interleave8NEON, gemm8NEON}
	panelsI8MM = panelKernels{interleave8I8MM, gemm8I8MM}
)

// panelType is what a weight type brings to panels.
type panelType struct {
	*panelKernels
	typ   Type
	block int    // columns that share d
	group int    // columns that share D and M
	few   kernel // for tokens that are alone, see Act
}

// mul is the kernel of the type.
func (p *panelType) mul(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	alone := a.alone(panelFrom)
	if alone > 0 {
		p.few(dst, ld, w, stride, rows, a)
	}
	if alone == a.N {
		return
	}
	s := panelPool.Get().(*panelScratch)
	defer panelPool.Put(s)
	for r := 0; r < rows; r += panelRows {
		n := min(panelRows, rows-r)
		for c := 0; c < a.Cols; c += panelCols {
			cols := min(panelCols, a.Cols-c)
			p.fill(s, w[r*stride:], stride, n, c, cols)
			p.tokens(s, dst[r:], ld, n, c, cols, a, alone)
		}
	}
}

// fill unpacks columns c … c+cols-1 of n rows. What belongs to the other rows of the panel stays as it was: any
// numbers.
func (p *panelType) fill(s *panelScratch, w []byte, stride, n, c, cols int) {
	elems, bytes := p.typ.Block()
	bias, _ := codesOf(p.typ)
	for at := 0; at < cols; at += tileCols {
		k := min(tileCols, cols-at)
		for r := range n {
			s.tile[r].unpack(p.typ, w[r*stride+(c+at)/elems*bytes:][:k/elems*bytes])
		}
		for i := 0; i < n; i += gemmRows {
			p.interleave(&s.q[i/gemmRows][gemmRows*at], &s.tile[i].q[0], int(unsafe.Sizeof(s.tile[i])), k, int(bias))
			dm := s.dm[i/gemmRows][at/p.group:][:k/p.group]
			for r := range min(gemmRows, n-i) {
				if p.block == kBlock {
					s.tile[i+r].scalesK(dm, r, p.group)
				} else {
					s.tile[i+r].scales8(dm, r)
				}
			}
		}
	}
}

// scales8 writes D and M of a row of a type in blocks of 32 to column r of dm.
func (t *tileRow) scales8(dm [][2 * gemmRows]float32, r int) {
	for g := range dm {
		dm[g][r], dm[g][gemmRows+r] = t.d[g], t.m[g]
	}
}

// scalesK is scales8 for a type in blocks of 256.
func (t *tileRow) scalesK(dm [][2 * gemmRows]float32, r, group int) {
	for g := range dm {
		at := g * group / kGroup
		dm[g][r], dm[g][gemmRows+r] = t.kd*float32(t.sc[at]), -t.kmin*float32(t.mn[at])
	}
}

// tokens multiplies the panel by all tokens from the one told on.
func (p *panelType) tokens(s *panelScratch, dst []float32, ld, n, c, cols int, a *Act, from int) {
	add := min(c, 1)
	for t := from; t < a.N; t += gemmTokens {
		k := min(gemmTokens, a.N-t)
		x := p.activations(s, a, t, c, cols)
		for i := 0; i < n; i += gemmRows {
			if n-i >= gemmRows {
				x.gemm(&dst[t*ld+i], ld, add, s, i/gemmRows, k)
				continue
			}
			x.gemm(&s.out[0], gemmRows, 0, s, i/gemmRows, k)
			for j := range k {
				row := dst[(t+j)*ld+i:][:n-i]
				for r := range row {
					row[r] = float32(add)*row[r] + s.out[j*gemmRows+r]
				}
			}
		}
	}
}

// panelAct is columns of up to four tokens as gemm8NEON wants them.
type panelAct struct {
	q                     *int8
	z, d                  *float32
	ldq, ldz, ldd         int
	blocks, groups, steps int // of the panel; groups per block; steps of 16 columns per group
	mins                  int
	gemm8                 *panelKernels
}

// activations returns cols columns from c on of the tokens from t on.
func (p *panelType) activations(s *panelScratch, a *Act, t, c, cols int) panelAct {
	at := t*a.Cols + c
	x := panelAct{
		ldq: a.Cols, ldz: a.Cols / p.group, ldd: a.Cols / p.block,
		blocks: cols / p.block, groups: p.block / p.group, steps: p.group / kGroup,
		gemm8: p.panelKernels,
	}
	z := a.z
	if p.block == kBlock {
		x.q, x.d, z = &a.k8[at], &a.kd[at/kBlock], a.kz32
	} else {
		x.q, x.d = &a.q8[at], &a.d[at/q8Block]
	}
	if p.group == kGroup {
		z = a.kz16
	}
	x.z = &z[at/p.group]
	if hasMin(p.typ) {
		x.mins = 1
	}
	if !a.summed() && x.mins != 0 { // sums are kept for batches only
		q := a.q8
		if p.block == kBlock {
			q = a.k8
		}
		active().sums(s.z[:cols/p.group], q[at:][:cols], p.group)
		x.z = &s.z[0]
	}
	return x
}

// gemm multiplies eight rows of the panel by n tokens.
func (x *panelAct) gemm(dst *float32, ld, add int, s *panelScratch, eight, n int) {
	x.gemm8.gemm(dst, ld, add, &s.q[eight][0], &s.dm[eight][0][0], x.q, x.ldq, x.z, x.ldz, x.d, x.ldd, n, x.blocks, x.groups, x.steps, x.mins)
}
