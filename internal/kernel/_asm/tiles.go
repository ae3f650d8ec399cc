package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// buildTiles writes the products of AMX tiles, and what fills those of attention.
func buildTiles(g *gen) {
	for _, k := range kinds(avx512) {
		g.tilePanel(k)
	}
	g.tileFloats()
	g.splitRow()
	g.splitPanel()
	g.splitPairs()
}

// Panels times tokens in blocks of 16, with the bits of gemm.go.
//
// A panel is the right side of TDPBSUD as it lies: 4 columns of 32 rows are a line of 128 bytes, and 8 such lines, a
// group of 32 columns, are two tiles beside each other; 4 lines are a group of 16. Activations are the left side as
// they lie: a token is a row. So tiles make all sums of integers. What is left to vectors are the scales of groups: 16
// tokens by 16 rows take a tile product 16 cycles and its store 16, and conversion and scaling 24 cycles of vectors, or
// 32. All of that goes on at once: in a turn the sums of four tokens of a block are scaled, and those of a quarter of
// the next block are made and stored.
const (
	tileTokens = 16
	tileTurns  = 4
	turnTokens = tileTokens / tileTurns
	tileGroups = 4    // tiles of sums that are made in a turn
	tileBytes  = 1024 // of a tile of sums
	tileCols   = 256  // of a panel at most: a block's sums have 16 KiB then
)

// tileGen is what the parts of a product share.
type tileGen struct {
	*gen
	gemmKind
	vectors int // of 16 rows

	valid, added    []*mask
	stride, qstride reg.GPVirtual // between the rows of sums, half of that between a panel's lines; between tokens
	q, w, out       reg.GPVirtual // of the next group to be multiplied
	fill, drain     operand.Mem   // the sums that are made, and those that are scaled
	in              operand.Mem   // of the next token of drain
	left            operand.Mem   // groups to be multiplied in this block
	scaling         operand.Mem   // 0 while there are no sums yet
}

// tilePanel writes what gemm does, for blocks of 16 tokens.
func (g *gen) tilePanel(k gemmKind) {
	rows := 16 * k.tileVectors()
	g.fn(amx, "tiles"+k.name,
		"(dst *float32, ld, rows, add int, w *byte, dm *float32, q *int8, ldq int, z *float32, ldz int, d *float32, ldd, groups, blocks int, sums *int32, ready int)",
		fmt.Sprintf("is gemm%s for blocks of %d tokens, %d rows of a panel and groups groups of columns, %d columns at most.", k.name, tileTokens, rows, tileCols),
		fmt.Sprintf("sums has room for twice %d sums. With ready 1 and 0 blocks it uses no tiles: the sums of one block are there, per group", tileBytes*16/4),
		fmt.Sprintf("and %d rows a tile of %d tokens; so tests run the rest where there are no tiles.", 16, tileTokens))
	m := &tileGen{gen: g, gemmKind: k, vectors: k.tileVectors()}
	m.begin()
	g.Label("block")
	m.block()
	g.ifSet(g.addr("blocks"), func() {
		g.Comment("the sums made are the next to be scaled")
		g.DECQ(g.addr("blocks"))
		g.MOVQ(operand.I32(1), m.scaling)
		fill, drain, next := g.loaded(m.fill), g.loaded(m.drain), g.copyOf(m.qstride)
		g.MOVQ(fill, m.drain)
		g.MOVQ(drain, m.fill)
		g.SHLQ(operand.Imm(4), next)
		g.ADDQ(next, g.addr("q"))
		g.JMP(operand.LabelRef("block"))
	})
	m.ifZero(g.addr("ready"), g.TILERELEASE)
	g.done()
}

// tileVectors returns how many vectors of 16 rows go together: of groups of 16 columns one, so that sums have 16 KiB
// too.
func (k gemmKind) tileVectors() int { return k.group / 16 }

// loaded returns a new register with the word at m.
func (g *gen) loaded(m operand.Mem) reg.GPVirtual {
	r := g.GP64()
	g.MOVQ(m, r)
	return r
}

// ifZero runs body if the word at m is 0.
func (g *gen) ifZero(m operand.Mem, body func()) {
	end := g.label("notZero")
	g.CMPQ(m, operand.Imm(0))
	g.JNE(operand.LabelRef(end))
	body()
	g.Label(end)
}

// ifSet runs body if the word at m is not 0.
func (g *gen) ifSet(m operand.Mem, body func()) {
	end := g.label("zero")
	g.CMPQ(m, operand.Imm(0))
	g.JEQ(operand.LabelRef(end))
	body()
	g.Label(end)
}

// begin configures the tiles.
func (m *tileGen) begin() {
	sum, a, b := tileShape{16, 64}, tileShape{tileTokens, m.group}, tileShape{m.group / 4, 64}
	m.ifZero(m.addr("ready"), func() {
		m.LDTILECFG(fmt.Sprintf("shapes%d", m.group), [8]tileShape{sum, sum, sum, sum, a, {}, b, b})
	})
	for _, local := range []*operand.Mem{&m.fill, &m.drain, &m.in, &m.left, &m.scaling} {
		*local = m.AllocLocal(8)
	}
	sums := m.arg("sums")
	m.MOVQ(sums, m.drain)
	m.add(16*tileBytes, sums)
	m.MOVQ(sums, m.fill)
	m.MOVQ(m.arg("ready"), m.scaling)
	rows := &gemmGen{gen: m.gen, vectors: m.vectors}
	m.valid, m.added = rows.rowMasks(false), rows.rowMasks(true)
	m.stride, m.qstride = m.GP64(), m.arg("ldq")
	m.MOVQ(operand.I32(64), m.stride)
	m.q, m.w, m.out = m.GP64(), m.GP64(), m.GP64()
}

// block scales the sums of a block of tokens and makes those of the next.
func (m *tileGen) block() {
	m.MOVQ(m.addr("q"), m.q)
	m.MOVQ(m.addr("w"), m.w)
	m.MOVQ(m.fill, m.out)
	m.MOVQ(m.loaded(m.drain), m.in)
	m.MOVQ(operand.I32(0), m.left)
	m.ifSet(m.addr("blocks"), func() { m.MOVQ(m.arg("groups"), m.left) })
	turns := m.AllocLocal(8)
	m.MOVQ(operand.I32(tileTurns), turns)
	m.whileMem(turns, 1, "turn", func() {
		m.products()
		m.ifSet(m.scaling, m.scale)
	})
}

// products makes the sums of the next groups.
func (m *tileGen) products() {
	for i := 0; i < tileGroups; i += m.vectors {
		m.ifSet(m.left, func() {
			m.DECQ(m.left)
			m.Comment("sums of a group = code·q, 16 rows to a tile")
			const a = 4
			m.TILELOADD(operand.Mem{Base: m.q, Index: m.qstride, Scale: 1}, a)
			for v := range m.vectors {
				sum, b := tile(i+v), tile(6+v)
				m.TILEZERO(sum)
				m.TILELOADD(operand.Mem{Base: m.w, Disp: 64 * v, Index: m.stride, Scale: 2}, b)
				m.TDPBSUD(b, a, sum)
				m.TILESTORED(sum, operand.Mem{Base: m.out, Disp: tileBytes * v, Index: m.stride, Scale: 1})
			}
			m.add(m.group, m.q)
			m.add(32*m.group, m.w)
			m.add(tileBytes*m.vectors, m.out)
		})
	}
}

// scale adds what a turn's tokens have in all groups to dst.
func (m *tileGen) scale() {
	total, part := m.results(), m.results()
	m.eachResult("total = add·dst", m.added, func(at operand.Mem, k *mask, v, t int) { m.gen.load(at, k, total[v][t]) })
	for v := range part {
		if m.super > 1 {
			m.zero(part[v]...)
		}
	}
	m.eachGroup(func(z, d matrix, sums, dm reg.GPVirtual) {
		m.Comment("part += D·sum + M·z, or D·(sum + M·z)")
		zs := m.vecs(turnTokens)
		for t := range zs {
			m.VBROADCASTSS(z.row(t), zs[t])
		}
		for v := range m.vectors {
			dv, mv := m.vec(), m.vec()
			m.VMOVUPS(operand.Mem{Base: dm, Disp: 64 * v}, dv)
			m.VMOVUPS(operand.Mem{Base: dm, Disp: 128 + 64*v}, mv)
			for t := range turnTokens {
				sum := m.vec()
				m.VCVTDQ2PS(operand.Mem{Base: sums, Disp: tileBytes*v + 64*t}, sum)
				switch {
				case m.biased:
					m.VFMADD231PS(zs[t], mv, sum)
				case m.super == 1:
					m.VMULPS(zs[t], mv, part[v][t])
				default:
					m.VFMADD231PS(zs[t], mv, part[v][t])
				}
				m.VFMADD231PS(sum, dv, part[v][t])
				if m.super == 1 {
					m.VFMADD231PS_BCST(d.row(t), part[v][t], total[v][t])
				}
			}
		}
	})
	if m.super > 1 {
		m.Comment("total += d·part")
		d := m.matrixArg("d", "ldd", 2, turnTokens)
		for v := range part {
			for t := range part[v] {
				m.VFMADD231PS_BCST(d.row(t), part[v][t], total[v][t])
			}
		}
	}
	m.eachResult("dst = total", m.valid, func(at operand.Mem, k *mask, v, t int) { m.gen.store(total[v][t], k, at) })
	m.Comment("the next tokens")
	m.ADDQ(operand.I32(64*turnTokens), m.in)
	for _, p := range [][2]string{{"dst", "ld"}, {"z", "ldz"}, {"d", "ldd"}} {
		m.ADDQ(m.bytesArg(p[1], 4), m.addr(p[0])) // four tokens of four bytes
	}
}

// results returns a register per vector of rows and token.
func (m *tileGen) results() [][]reg.VecVirtual {
	r := make([][]reg.VecVirtual, m.vectors)
	for v := range r {
		r[v] = m.vecs(turnTokens)
	}
	return r
}

// eachResult runs body for where the results of a turn's tokens are.
func (m *tileGen) eachResult(comment string, masks []*mask, body func(at operand.Mem, k *mask, v, t int)) {
	m.Comment(comment)
	dst, ld := m.arg("dst"), m.bytesArg("ld", 2)
	for t := range turnTokens {
		for v, k := range masks {
			body(operand.Mem{Base: dst, Disp: 64 * v}, k, v, t)
		}
		if t < turnTokens-1 {
			m.ADDQ(ld, dst)
		}
	}
}

// eachGroup runs body for all groups.
func (m *tileGen) eachGroup(body func(z, d matrix, sums, dm reg.GPVirtual)) {
	z, sums, dm, groups := m.matrixArg("z", "ldz", 2, turnTokens), m.loaded(m.in), m.arg("dm"), m.arg("groups")
	d := z
	if m.super == 1 {
		d.p = []reg.GPVirtual{m.arg("d")}
	}
	m.while(groups, 1, "group", func() {
		body(z, d, sums, dm)
		m.move(z, 4)
		if m.super == 1 {
			m.move(d, 4)
		}
		m.add(tileBytes*m.vectors, sums)
		m.add(256, dm)
	})
}

// Products of floats in attention. A float is split in two: the nearest bfloat16 and that of the rest. Of the four
// products of two such numbers that of the rests is left out. Half floats are exact in two parts, single ones to 2^-17
// of their magnitude.
//
// A left or right side of 32 rows is a unit per 32 columns: 2 KiB of first parts, then as much of rests. On the left a
// line of 64 bytes has 32 columns of a row, on the right a line of 128 bytes has two columns of all rows, those of a
// row beside each other.
const (
	unitRest  = 2048
	unitBytes = 2 * unitRest
)

// tileFloats writes dst[i,j] (+)= Σ_c x[i,c]·w[j,c].
func (g *gen) tileFloats() {
	g.fn(amx, "tilesFloats", "(dst *float32, ld int, x, w *uint16, steps, blocks, add int)",
		"multiplies the left side x by blocks right sides w, each of steps units: block b becomes columns 32b to 32b+31 of dst, 32 rows,",
		"or with add 1 is added to them; tilesFloatsGeneric is the reference implementation.")
	full := tileShape{16, 64}
	g.LDTILECFG("shapes", [8]tileShape{full, full, full, full, full, full, full, full})
	low, ld, w, blocks, stride := g.arg("dst"), g.bytesArg("ld", 2), g.arg("w"), g.arg("blocks"), g.GP64()
	high := g.copyOf(ld)
	g.SHLQ(operand.Imm(4), high)
	g.ADDQ(low, high)
	g.MOVQ(operand.I32(64), stride)
	results := func(body func(m operand.Mem, t tile)) {
		for t, half := range []reg.GPVirtual{low, low, high, high} {
			body(operand.Mem{Base: half, Disp: 64 * (t % 2), Index: ld, Scale: 1}, tile(t))
		}
	}
	g.while(blocks, 1, "block", func() {
		results(func(_ operand.Mem, t tile) { g.TILEZERO(t) })
		g.ifSet(g.addr("add"), func() { results(g.TILELOADD) })
		x, steps := g.arg("x"), g.arg("steps")
		g.while(steps, 1, "step", func() {
			left := func(at int) {
				for i := range 2 {
					g.TILELOADD(operand.Mem{Base: x, Disp: at + 1024*i, Index: stride, Scale: 1}, tile(4+i))
				}
			}
			right := func(at int) {
				for i := range 2 {
					g.TILELOADD(operand.Mem{Base: w, Disp: at + 64*i, Index: stride, Scale: 2}, tile(6+i))
				}
			}
			products := func() {
				for t := range tile(4) {
					g.TDPBF16PS(6+t%2, 4+t/2, t)
				}
			}
			g.Comment("rests · first parts, first parts · first parts, first parts · rests")
			left(unitRest)
			right(0)
			products()
			left(0)
			products()
			right(unitRest)
			products()
			g.add(unitBytes, x)
			g.add(unitBytes, w)
		})
		results(func(m operand.Mem, t tile) { g.TILESTORED(t, m) })
		g.add(128, low)
		g.add(128, high)
	})
	g.TILERELEASE()
	g.RET()
}

// splitting splits floats.
type splitting struct {
	*gen
	half, upper reg.VecVirtual
	factor      reg.VecVirtual // for rests of more than 8 bits; nil where there are none
}

func (g *gen) splitting() splitting { return splitting{g, g.u32(0x8000), g.u32(0xffff0000), nil} }

// split returns vectors with the parts of x in the upper halves of their words. What is no number has a rest that is
// none.
func (s splitting) split(x reg.VecVirtual) (first, rest reg.VecVirtual) {
	first, rest = s.ZMM(), s.ZMM()
	s.VPADDD(s.half, x, first)
	s.VPANDD(s.upper, first, first)
	s.VSUBPS(first, x, rest)
	if s.factor != nil { // f·rest - (f·rest - rest) is the rest rounded to 8 bits
		large, t := s.ZMM(), s.ZMM()
		s.VMULPS(s.factor, rest, large)
		s.VSUBPS(rest, large, t)
		s.VSUBPS(t, large, rest)
	}
	return first, rest
}

// upperWords returns the index of VPERMT2W that takes the upper halves of the words of two vectors.
func (g *gen) upperWords() reg.VecVirtual {
	var index [16]uint32
	for i := range index {
		index[i] = uint32(4*i+1) | uint32(4*i+3)<<16
	}
	v := g.ZMM()
	g.VMOVDQU32(g.data("upperWords", index[:]...), v)
	return v
}

// splitRow splits a row of the left side.
func (g *gen) splitRow() {
	g.fn(avx512, "splitRow", "(dst *uint16, x *float32, units int)",
		"makes 32·units floats a row of the left side of tilesFloats; splitRowGeneric is the reference implementation.")
	dst, x, units := g.arg("dst"), g.arg("x"), g.arg("units")
	s, upper := g.splitting(), g.upperWords()
	s.factor = g.f32(1<<16 + 1)
	g.while(units, 1, "unit", func() {
		a, b := g.ZMM(), g.ZMM()
		g.VMOVUPS(operand.Mem{Base: x}, a)
		g.VMOVUPS(operand.Mem{Base: x, Disp: 64}, b)
		s.storeWords(a, b, upper, dst)
		g.add(128, x)
		g.add(unitBytes, dst)
	})
	g.done()
}

// splitPanel splits units of the right side.
func (g *gen) splitPanel() {
	g.fn(avx512, "splitPanel", "(dst, src *uint16, units int)",
		"makes half floats, in the order of a panel, units of the right side of tilesFloats; splitPanelGeneric is the reference",
		"implementation.")
	dst, src, units := g.arg("dst"), g.arg("src"), g.arg("units")
	s, upper := g.splitting(), g.upperWords()
	g.while(units, 1, "unit", func() {
		lines := g.GP64()
		g.MOVQ(operand.I32(unitRest/64), lines)
		g.while(lines, 1, "line", func() {
			a, b := g.ZMM(), g.ZMM()
			g.VCVTPH2PS(operand.Mem{Base: src}, a)
			g.VCVTPH2PS(operand.Mem{Base: src, Disp: 32}, b)
			s.storeWords(a, b, upper, dst)
			g.add(64, src)
			g.add(64, dst)
		})
		g.add(unitBytes-unitRest, dst)
	})
	g.done()
}

// storeWords splits a and b and stores their parts.
func (s splitting) storeWords(a, b, upper reg.VecVirtual, dst reg.GPVirtual) {
	firstA, restA := s.split(a)
	firstB, restB := s.split(b)
	s.VPERMT2W(firstB, upper, firstA)
	s.VPERMT2W(restB, upper, restA)
	s.VMOVDQU32(firstA, operand.Mem{Base: dst})
	s.VMOVDQU32(restA, operand.Mem{Base: dst, Disp: unitRest})
}

// splitPairs makes lines of the right side of two of its columns.
func (g *gen) splitPairs() {
	g.fn(avx512, "splitPairs", "(dst *uint16, step int, a, b *uint16, blocks int)",
		"makes two columns of half floats a line in each of blocks right sides of tilesFloats, of 32 rows each, which lie step elements",
		"apart; splitPairsGeneric is the reference implementation.")
	dst, step, a, b, blocks := g.arg("dst"), g.bytesArg("step", 1), g.arg("a"), g.arg("b"), g.arg("blocks")
	s := g.splitting()
	g.while(blocks, 1, "block", func() {
		for i := range 2 {
			x, y := g.ZMM(), g.ZMM()
			g.VCVTPH2PS(operand.Mem{Base: a, Disp: 32 * i}, x)
			g.VCVTPH2PS(operand.Mem{Base: b, Disp: 32 * i}, y)
			firstX, restX := s.split(x)
			firstY, restY := s.split(y)
			s.storePairs(firstX, firstY, operand.Mem{Base: dst, Disp: 64 * i})
			s.storePairs(restX, restY, operand.Mem{Base: dst, Disp: unitRest + 64*i})
		}
		g.add(64, a)
		g.add(64, b)
		g.ADDQ(step, dst)
	})
	g.done()
}

// storePairs stores the upper halves of the words of x and y side by side.
func (s splitting) storePairs(x, y reg.VecVirtual, m operand.Mem) {
	s.VPSRLD(operand.Imm(16), x, x)
	s.VPTERNLOGD(operand.Imm(0xf8), s.upper, y, x) // x | y & upper
	s.VMOVDQU32(x, m)
}
