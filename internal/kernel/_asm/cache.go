package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Attention with a cache of 8-bit panels. A panel is 16 rows of the cache in blocks of 32 columns,
//
//	codes    [block][8][16 rows][4 columns]   u, a byte that stands for u-128
//	scales   [block][16 rows]                 s, half floats
//
// so that a lane of 32 bits is a row, and four of its columns: integer products add up in the lanes, and no sums go across
// lanes as long as rows are what is wanted (scores). The weighted sum of rows (weighted sum) has them once per panel run and column.
//
//	scores   dst[i,j] = Σ_b s[j,b]·d[i,b]·(Σ_c u[j,b,c]·q[i,b,c] + z[i,b])   q int8, z = -128·Σ q
//	weighted sum      out[i,c] += Σ_j p[i,j]·s[j]·(u[j,c] - 128)
//
// A row of queries is packed by blocks of queryBlock bytes: 32 q, d as float32, z as int32.
const (
	panelBytes = 512  // codes of a block of a panel
	aheadBytes = 8192 // codes are asked for so far ahead
	queryBlock = 40
	// Rows of weights for weighted sum, p·s of up to 256 rows and behind them the start of the sums, lane by lane; in bytes.
	weighRow   = 4 * (256 + 16)
	weighStart = 4 * 256
)

// buildCache writes the functions at each level.
func buildCache(g *gen) {
	for _, l := range []level{avx2, avx512} {
		for nq := 1; nq <= l.maxCacheScores(); nq++ {
			g.scoresQ8(l, nq)
		}
		g.weighQ8(l)
		for nq := 1; nq <= l.maxQueries(elemF16); nq++ {
			g.weightedSumQ8(l, nq)
		}
	}
}

// maxCacheScores returns how many query rows scoresQ8 takes: each has two sums, and AVX2 needs registers for constants.
func (l level) maxCacheScores() int {
	if l.evex() {
		return 9
	}
	return 4
}

// cacheScores is what the parts of scoresQ8 share.
type cacheScores struct {
	*gen
	nq                   int
	k, s, dst            reg.GPVirtual
	part, total          []reg.VecVirtual // integer sum of a block, sum of all
	bias, ones, abs, val reg.VecVirtual   // AVX2
}

// scoresQ8 writes the scores of nq query rows.
func (g *gen) scoresQ8(l level, nq int) {
	g.fn(l, fmt.Sprintf("scoresQ8x%d", nq), "(dst *float32, ldd int, q *byte, ldq int, k *byte, s *uint16, n, blocks, skip int)",
		fmt.Sprintf("computes the scores of %d packed query rows, ldq bytes apart, with the first blocks of n rows of 8-bit panels, whose", nq),
		"last skip blocks are not read:",
		"dst[i*ldd+j] = Σ s·d·(Σ u·q + z), see _asm/cache.go; scoresQ8Generic is the reference implementation.")
	c := &cacheScores{gen: g, nq: nq, k: g.arg("k"), s: g.arg("s"), dst: g.arg("dst"), part: g.vecs(nq), total: g.vecs(nq)}
	if !g.evex() {
		c.bias, c.ones, c.abs, c.val = g.u32(0x80808080), g.u32(0x00010001), g.vec(), g.vec()
	}
	n, end := g.addr("n"), g.label("end")
	top := g.label("panel")
	g.Label(top)
	for part := 0; part < 16; part += g.lanes() {
		g.CMPQ(n, operand.Imm(1))
		g.JLT(operand.LabelRef(end))
		c.rows(4*part, part+g.lanes() == 16)
		g.SUBQ(operand.Imm(uint64(g.lanes())), n)
	}
	g.JMP(operand.LabelRef(top))
	g.Label(end)
	g.done()
}

// rows computes the scores of the rows of a panel that begin offset bytes behind its first; the last ones move on.
func (c *cacheScores) rows(offset int, last bool) {
	c.zero(c.total...)
	k, s, q, blocks := c.copyOf(c.k), c.copyOf(c.s), c.matrixArg("q", "ldq", 0, c.nq), c.arg("blocks")
	c.while(blocks, 1, "block", func() {
		c.block(k, s, q, offset)
		c.add(panelBytes, k)
		c.add(32, s)
		c.move(q, queryBlock)
	})
	if last {
		skip := c.arg("skip")
		c.SHLQ(operand.Imm(5), skip)
		c.ADDQ(skip, s)
		c.MOVQ(s, c.s)
		c.SHLQ(operand.Imm(4), skip)
		c.ADDQ(skip, k)
		c.MOVQ(k, c.k)
	}
	c.Comment("dst[i,j…] = total[i]")
	dst, ldd, n := c.copyOf(c.dst), c.bytesArg("ldd", 2), c.arg("n")
	c.ifFull(n, func(m *mask) {
		at := c.copyOf(dst)
		for _, t := range c.total {
			c.store(t, m, operand.Mem{Base: at})
			c.ADDQ(ldd, at)
		}
	})
	c.add(c.level.bytes, c.dst)
}

// ifFull runs body without a mask when n is at least a vector's lanes, else with the mask of n lanes.
func (g *gen) ifFull(n reg.GPVirtual, body func(m *mask)) {
	few, end := g.label("few"), g.label("stored")
	g.CMPQ(n, operand.Imm(uint64(g.lanes())))
	g.JLT(operand.LabelRef(few))
	body(nil)
	g.JMP(operand.LabelRef(end))
	g.Label(few)
	body(g.tailMask(n))
	g.Label(end)
}

// block adds a block of 32 columns.
func (c *cacheScores) block(k, s reg.GPVirtual, q matrix, offset int) {
	c.Comment("part[i] = z + Σ u·q")
	if c.evex() {
		for i, p := range c.part {
			c.VPBROADCASTD(q.row(i).Offset(36), p)
		}
	} else {
		c.zero(c.part...)
	}
	for g := range 8 {
		c.PREFETCHT0(operand.Mem{Base: k, Disp: 64*g + aheadBytes})
		c.fourColumns(operand.Mem{Base: k, Disp: 64*g + offset}, q, 4*g)
	}
	c.Comment("total[i] += s·d·part")
	scale, t := c.vec(), c.vec()
	c.VCVTPH2PS(operand.Mem{Base: s, Disp: offset / 2}, scale)
	for i, p := range c.part {
		c.VCVTDQ2PS(p, p)
		if c.evex() {
			c.VMULPS_BCST(q.row(i).Offset(32), scale, t)
		} else {
			c.VBROADCASTSS(q.row(i).Offset(32), t)
			c.VMULPS(scale, t, t)
		}
		c.VFMADD231PS(t, p, c.total[i])
	}
}

// fourColumns adds four columns of all rows of the vector at k. AVX2 has only an instruction whose sums of pairs saturate:
// it takes |u-128| times q with the sign of u-128, so that they stay below 2·127·127.
func (c *cacheScores) fourColumns(k operand.Mem, q matrix, at int) {
	if c.evex() {
		v := c.vec()
		c.VMOVDQU32(k, v)
		for i, p := range c.part {
			c.VPDPBUSD_BCST(q.row(i).Offset(at), v, p)
		}
		return
	}
	c.VPXOR(k, c.bias, c.val)
	c.VPABSB(c.val, c.abs)
	for i, p := range c.part {
		t := c.vec()
		c.VPBROADCASTD(q.row(i).Offset(at), t)
		c.VPSIGNB(c.val, t, t)
		c.VPMADDUBSW(t, c.abs, t)
		c.VPMADDWD(c.ones, t, t)
		c.VPADDD(t, p, p)
	}
}

// weighQ8 writes a row of weights for weightedSumQ8.
func (g *gen) weighQ8(l level) {
	g.fn(l, "weighQ8", "(dst, p *float32, s *uint16, stride, panels int)",
		"sets dst[j] = p[j]·s[j] for 16·panels rows, the scales of a panel stride bytes behind those of the one before, and the",
		"lanes from dst[256] on to -384·Σ dst[j]; weighGeneric is the reference implementation.")
	dst, p, s, stride, n := g.arg("dst"), g.arg("p"), g.arg("s"), g.arg("stride"), g.arg("panels")
	start, sum, f := g.copyOf(dst), g.vec(), g.f32(-384)
	g.zero(sum)
	g.while(n, 1, "panel", func() {
		for b := 0; b < 64; b += g.bytes {
			x := g.vec()
			g.VCVTPH2PS(operand.Mem{Base: s, Disp: b / 2}, x)
			g.VMULPS(operand.Mem{Base: p, Disp: b}, x, x)
			g.VMOVUPS(x, operand.Mem{Base: dst, Disp: b})
			g.VADDPS(x, sum, sum)
		}
		g.add(64, p)
		g.add(64, dst)
		g.ADDQ(stride, s)
	})
	g.VMULPS(f, sum, sum)
	g.VMOVUPS(sum, operand.Mem{Base: start, Disp: weighStart})
	g.done()
}

// cacheWeightedSum is what the passes of weightedSumQ8 share.
type cacheWeightedSum struct {
	*gen
	nq, cols       int
	mask, exponent reg.VecVirtual
	out, v, p      reg.GPVirtual
	acc            [][]reg.VecVirtual
}

// weightedSumQ8 writes the weighted sums of columns. A code gets to a float with two instructions: u shifted to the upper bits of a
// mantissa of exponent 8 is 256 + u, and the sums start at -384·Σ p·s.
func (g *gen) weightedSumQ8(l level, nq int) {
	g.fn(l, fmt.Sprintf("weightedSumQ8x%d", nq), "(out *float32, ldo int, p *float32, v *byte, stride, panels, groups int)",
		fmt.Sprintf("adds to %d rows of out, 4·groups columns each, the rows of 8-bit panels, weighted by as many rows from weighQ8;", nq),
		"the panels' codes are stride bytes apart; weightedSumQ8Generic is the reference implementation.")
	c := &cacheWeightedSum{gen: g, nq: nq, cols: 2, mask: g.u32(0x007f8000), exponent: g.u32(0x43800000)}
	if most := map[bool]int{false: 3, true: 5}[g.evex()]; nq <= most { // as registers allow
		c.cols = 4
	}
	for range nq {
		c.acc = append(c.acc, g.vecs(c.cols))
	}
	c.out, c.v, c.p = g.arg("out"), g.arg("v"), g.arg("p")
	g.whileMem(g.addr("groups"), 1, "group", func() {
		for col := 0; col < 4; col += c.cols {
			c.columns(col)
		}
		g.add(64, c.v)
	})
	g.done()
}

// columns adds some columns, from col on, of a group of four.
func (c *cacheWeightedSum) columns(col int) {
	c.Comment("acc[i][c] = -384·Σ p·s")
	for i := range c.acc {
		for _, a := range c.acc[i] {
			c.load(operand.Mem{Base: c.p, Disp: i*weighRow + weighStart}, nil, a)
		}
	}
	v, p, n, stride := c.copyOf(c.v), c.copyOf(c.p), c.arg("panels"), c.arg("stride")
	c.while(n, 1, "panel", func() {
		for b := 0; b < 64; b += c.level.bytes {
			c.step(operand.Mem{Base: v, Disp: b}, operand.Mem{Base: p, Disp: b}, col)
		}
		c.ADDQ(stride, v)
		c.add(64, p)
	})
	c.addSums()
}

// step adds a vector of rows. AVX-512 has registers to keep all columns for each load of weights.
func (c *cacheWeightedSum) step(v, p operand.Mem, col int) {
	c.Comment("acc[i][c] += p[i]·s·(256+u[c])")
	raw := c.vec()
	c.VMOVUPS(v, raw)
	if !c.evex() {
		for b := range c.cols {
			x := c.float(raw, col+b)
			for i := range c.acc {
				c.VFMADD231PS(p.Offset(i*weighRow), x, c.acc[i][b])
			}
		}
		return
	}
	x := make([]reg.VecVirtual, c.cols)
	for b := range x {
		x[b] = c.float(raw, col+b)
	}
	for i := range c.acc {
		w := c.vec()
		c.VMOVUPS(p.Offset(i*weighRow), w)
		for b := range x {
			c.VFMADD231PS(w, x[b], c.acc[i][b])
		}
	}
}

// float returns 256 + u of one of four columns.
func (c *cacheWeightedSum) float(raw reg.VecVirtual, col int) reg.VecVirtual {
	x, shift := c.vec(), 15-8*col
	if shift > 0 {
		c.VPSLLD(operand.Imm(uint64(shift)), raw, x)
	} else {
		c.VPSRLD(operand.Imm(uint64(-shift)), raw, x)
	}
	if c.evex() {
		c.VPTERNLOGD(operand.Imm(0xea), c.exponent, c.mask, x) // x&mask | exponent
	} else {
		c.VPAND(c.mask, x, x)
		c.VPOR(c.exponent, x, x)
	}
	return x
}

// addSums adds the sums across lanes to out and moves on: of four columns of a row, or two of two rows, at a time.
func (c *cacheWeightedSum) addSums() {
	c.Comment("out[i,c] += Σ acc[i][c]")
	var sums []reg.VecVirtual
	for i := 0; i < c.nq; i += 4 / c.cols {
		four := c.acc[i]
		if c.cols == 2 {
			if four = append(four[:2:2], four[1]); i+1 < c.nq {
				four = append(four[:2], c.acc[i+1]...)
			}
		}
		c.laneSums(four)
		sums = append(sums, four[0])
	}
	out, ldo := c.copyOf(c.out), c.bytesArg("ldo", 2)
	left := c.nq
	for len(sums) > 0 {
		n := 1
		if c.wide() {
			n = min(4, len(sums))
		}
		if n > 1 {
			c.foldRows(sums[:n])
		} else {
			c.foldLanes(sums[0])
		}
		for i := range n {
			one := sums[i]
			if i > 0 {
				c.VEXTRACTF32X4(operand.Imm(uint64(i)), sums[0], one.AsX())
			}
			left -= c.addFour(one, out, ldo, left)
		}
		sums = sums[n:]
	}
	c.add(4*c.cols, c.out)
}

// addFour adds the lowest four lanes of x to out: of one row, or of two if so many are left. It returns their number.
func (c *cacheWeightedSum) addFour(x reg.VecVirtual, out, ldo reg.GPVirtual, left int) int {
	to, t := operand.Mem{Base: out}, c.vec().AsX() // writing to x would clear its other lanes
	if c.cols == 4 {
		c.VADDPS(to, x.AsX(), t)
		c.VMOVUPS(t, to)
		c.ADDQ(ldo, out)
		return 1
	}
	second := operand.Mem{Base: out, Index: ldo, Scale: 1}
	c.VMOVSD(to, t)
	if left > 1 {
		c.VMOVHPS(second, t, t)
	}
	c.VADDPS(t, x.AsX(), t)
	c.VMOVSD(t, to)
	if left > 1 {
		c.VMOVHPS(t, second)
	}
	c.ADDQ(ldo, out)
	c.ADDQ(ldo, out)
	return 2
}
