package main

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Weight rows in blocks of 256 times one token. As rows32.go, but a block has its own scales sc of 16 or 32 weights, small
// integers, so that a whole block is summed in integers before it meets a float:
//
//	sum = Σ_g sc_g·Σ_{c in g} (q_w - bias)·q_a      (VPMADDUBSW, then VPMADDWD with sc as int16)
//	acc += d_w·d_a·sum                              (lane by lane; with a bias, of the lanes' sum, still an integer)
//	mins += dmin·d_a·Σ_g mn_g·Σ_{c in g} q_a        (VPMADDWD of mn with the sums that came with the activations)
//
// None of it overflows: pairs are at most 2·63·127 < 2^14, times sc below 2^7 in pairs of pairs, 8 times per lane.
//
// AVX-512 multiplies less: four columns are summed at once (VPDPBUSD), at most 4·63·128 < 2^15, so that two vectors of sums
// fit one of int16 (VPACKSSDW), which VPDPWSSD multiplies by sc. Codes of a table can be too large for that.
//
// Rows go one by one: what rows could share is little, and one row after the other is what hardware prefetches.

// formatK describes a weight format in blocks of 256: w = d·sc·(q - bias) - dmin·mn with sc and mn per 16 or 32 weights.
type formatK struct {
	name   string
	size   int  // bytes of a block
	d      int  // offset of the half d; dmin follows when there is a min
	group  int  // weights that share sc: 16 or 32
	min    bool // there are dmin and mn
	bias   byte
	table  bool    // q is a code of IQ4_XS, an int8 once it is looked up
	signed bool    // q is an int8; so it is with a table
	flat   bool    // scales are 1, and codes of two bits are biased by 1
	raise  byte    // what unpacking to panels adds to an int8, so that it is none
	factor float32 // of d; 0 is 1
	grid   string  // the Go variable that points at what quants looks up, or empty

	negate func(k *kGen, i int) reg.VecVirtual    // returns bytes of ones where quants are to be negated; nil: nowhere
	lift   func(k *kGen, i int, q reg.VecVirtual) // makes quants what less leaves of them; nil where there is none
	less   func(k *kGen) reg.VecVirtual           // returns what all codes of a group of 16 have too much, as int16 times sc; nil: nothing
	begin  func(k *kGen)                          // prepares a block for quants; may be nil
	ownD   func(k *kGen) reg.VecVirtual           // returns the half d; nil where it lies at d
	scales func(k *kGen)                          // fills k.sc, and k.mn when there is a min
	quants func(k *kGen, i int) reg.VecVirtual    // returns the q of weights i·n … i·n+n-1, n bytes of a vector
}

// formatsK are all formats in blocks of 256. Their layouts are described beside the reference implementations in package kernel.
var formatsK = []formatK{
	{name: "Q2_K", size: 84, d: 80, group: 16, min: true, scales: (*kGen).scales2, quants: (*kGen).quants2},
	{name: "Q3_K", size: 110, d: 108, group: 16, bias: 4, scales: (*kGen).scales3, quants: (*kGen).quants3},
	{name: "Q4_K", size: 144, d: 0, group: 32, min: true, scales: (*kGen).scales4, quants: (*kGen).quants4},
	{name: "Q5_K", size: 176, d: 0, group: 32, min: true, scales: (*kGen).scales4, quants: (*kGen).quants5},
	{name: "Q6_K", size: 210, d: 208, group: 16, bias: 32, scales: (*kGen).scales6, quants: (*kGen).quants6},
	{name: "IQ4_XS", size: 136, d: 0, group: 32, table: true, scales: (*kGen).scalesXS, quants: (*kGen).quantsXS},
}

// buildRowsK writes the products of weight rows with one token, for the formats in blocks of 256.
func buildRowsK(g *gen) {
	for _, l := range []level{avx2, avx512} {
		for _, f := range formatsK {
			g.rowsK(l, f)
		}
	}
}

// kGen is what the parts of one function share.
type kGen struct {
	*gen
	formatK
	w, q, d, sums reg.GPVirtual // the block, its activations, their scale and sums
	grid          reg.GPVirtual // what quants looks up
	ahead         reg.GPVirtual // how far before their use weights are asked for; nil: prefetchLeast
	scale         operand.Mem   // AVX-512: d·d_a and dmin·d_a of a block
	stack         operand.Mem   // signs and indexes of a block, see begin

	held   map[string]reg.VecVirtual // AVX-512: tables that stay in registers
	asked  *[]asked                  // tables that are asked for are listed here, if anywhere
	values reg.VecVirtual            // of the codes of a table
	biases reg.VecVirtual            // bytes of bias, for panels
	sc     reg.VecVirtual            // scales as int16: 16 of them, or 8; at AVX2 eight in both lanes,
	scHigh reg.VecVirtual            // and the upper eight of 16 here
	scAll  reg.VecVirtual            // all 16 of them in order
	mn     reg.VecVirtual            // minima as int16, as many as sc
}

// rowsK writes dst[r] = Σ_b d_a·(d·Σ_g sc·Σ(q-bias)·q_a - dmin·Σ_g mn·Σq_a), row after row.
func (g *gen) rowsK(l level, f formatK) {
	g.fn(l, "rows"+f.name, "(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)",
		fmt.Sprintf("multiplies rows of %s by one token: dst[i] = w[i*stride…]·q, in blocks of 256 with scales d and", f.name),
		"sums bsums of 16; mul"+f.name+" is the reference implementation.")
	dst, row, stride, rows := g.arg("dst"), g.arg("w"), g.arg("stride"), g.arg("rows")
	shared := kGen{gen: g, formatK: f}
	shared.constants()
	shared.hold()
	shared.loadAhead()
	g.while(rows, 1, "row", func() {
		k := shared
		k.w, k.q, k.d = g.copyOf(row), g.arg("q"), g.arg("d")
		summed := f.min || f.flat || f.less != nil || shared.late()
		if summed {
			k.sums = g.arg("bsums")
		}
		acc, mins := g.vec(), g.vec()
		g.zero(acc, mins)
		blocks := g.arg("blocks")
		g.while(blocks, 1, "block", func() {
			k.prefetch()
			k.block(acc, mins)
			g.add(f.size, k.w)
			g.add(256, k.q)
			g.add(4, k.d)
			if summed {
				g.add(32, k.sums)
			}
		})
		k.finish(acc, mins)
		g.VMOVSS(acc.AsX(), operand.Mem{Base: dst})
		g.add(4, dst)
		g.ADDQ(stride, row)
	})
	g.done()
}

// asked is a table that was asked for.
type asked struct {
	name  string
	words []uint32
}

// hold loads the tables that blocks ask for, at AVX-512, which has registers for all of them. Which they are is found by
// writing a block to nowhere.
func (k *kGen) hold() {
	if !k.evex() {
		return
	}
	k.scale = k.AllocLocal(8)
	var list []asked
	dry := kGen{gen: newGen(), formatK: k.formatK, asked: &list}
	dry.fn(k.level, "block", "()", "is dropped.")
	dry.w, dry.q, dry.d, dry.sums = dry.GP64(), dry.GP64(), dry.GP64(), dry.GP64()
	dry.values, dry.scale = dry.vec(), dry.AllocLocal(8)
	dry.block(dry.vec(), dry.vec())
	k.held = map[string]reg.VecVirtual{}
	for _, t := range list {
		if k.held[t.name] != nil {
			continue
		}
		v := k.vec()
		switch m := k.data(t.name, t.words...); len(t.words) {
		case 1:
			k.VPBROADCASTD(m, v)
		case 16:
			k.VMOVDQU32(m, v)
		case 8:
			k.VMOVDQU32(m, v.AsY())
		default:
			continue // of xmm operations, which take them from memory
		}
		k.held[t.name] = v
	}
}

// tableOf returns a table of words, in a register if hold has loaded it.
func (k *kGen) tableOf(name string, words ...uint32) operand.Op {
	if v := k.held[name]; v != nil {
		return v
	}
	if k.asked != nil {
		*k.asked = append(*k.asked, asked{name, words})
	}
	return k.data(name, words...)
}

// loadAhead loads package kernel's variable rowAhead, where there is a register for it. A row of blocks is one stream, which
// the prefetchers of some CPUs follow better alone.
func (k *kGen) loadAhead() {
	if k.begin != nil {
		return
	}
	k.ahead = k.GP64()
	k.MOVQ(operand.Mem{Symbol: operand.Symbol{Name: "·rowAhead"}, Base: reg.StaticBase}, k.ahead)
}

// prefetch asks for as many bytes as a block has.
func (k *kGen) prefetch() {
	for line := 0; line < k.size; line += 64 {
		m := operand.Mem{Base: k.w, Disp: prefetchLeast + line}
		if k.ahead != nil {
			m = operand.Mem{Base: k.w, Index: k.ahead, Scale: 1, Disp: line}
		}
		k.PREFETCHT0(m)
	}
}

// constants loads what is the same for all blocks.
func (k *kGen) constants() {
	if k.table {
		k.values = k.codes("iq4", iq4Values, 0)
	}
	k.lookups()
}

// lookups readies what begin and quants of a lattice need.
func (k *kGen) lookups() {
	if k.begin != nil {
		k.stack = k.AllocLocal(stackBytes)
	}
	if k.formatK.grid != "" {
		k.grid = k.GP64()
		k.MOVQ(operand.Mem{Symbol: operand.Symbol{Name: "·" + k.formatK.grid}, Base: reg.StaticBase}, k.grid)
	}
}

// ready prepares a block for quants.
func (k *kGen) ready() {
	if k.begin != nil {
		k.begin(k)
	}
}

// finish leaves Σ acc - Σ mins in the lowest lane of acc.
func (k *kGen) finish(acc, mins reg.VecVirtual) {
	k.Comment("dst = Σ acc - Σ mins")
	if k.min {
		k.VSUBPS(mins, acc, acc)
	}
	if !k.whole() {
		k.sum1(acc)
	}
}

// block adds one block of one row: to acc d·d_a·sc·(q-bias)·q_a, lane by lane or to the lowest, to mins dmin·d_a·mn·Σq_a.
func (k *kGen) block(acc, mins reg.VecVirtual) {
	sum := k.integers()
	k.Comment("acc += d·d_a·sum, mins += dmin·d_a·Σmn·Σq_a")
	d := k.factors()
	if k.whole() {
		k.addLanes(sum)
		k.VCVTDQ2PS(sum.AsX(), sum.AsX())
		k.VFMADD231SS(d.AsX(), sum.AsX(), acc.AsX())
		return
	}
	if k.evex() {
		k.VMOVLPS(d.AsX(), k.scale)
	}
	k.addScaled(d, 0, sum, acc)
	if k.min {
		k.addScaled(d, 1, k.minSums().AsY(), mins.AsY())
	}
}

// addScaled adds the integers sum, times the factor in a lane of d, to acc.
func (k *kGen) addScaled(d reg.VecVirtual, lane int, sum, acc reg.Register) {
	k.VCVTDQ2PS(sum, sum)
	if k.evex() { // from memory, where block has put them, a factor comes without a shuffle
		k.VFMADD231PS_BCST(k.scale.Offset(4*lane), sum, acc)
		return
	}
	if lane > 0 {
		k.VPSHUFD(operand.Imm(0x55), d.AsX(), d.AsX())
	}
	factor := k.vec()
	k.VBROADCASTSS(d.AsX(), factor)
	k.VFMADD231PS(sum, factor, acc)
}

// addLanes leaves the sum of the int32 of v in its lowest lane.
func (k *kGen) addLanes(v reg.VecVirtual) {
	t := k.vec()
	k.lowerLane(v)
	k.VPSHUFD(operand.Imm(0b01_00_11_10), v.AsX(), t.AsX())
	k.VPADDD(t.AsX(), v.AsX(), v.AsX())
	k.VPSHUFD(operand.Imm(0b10_11_00_01), v.AsX(), t.AsX())
	k.VPADDD(t.AsX(), v.AsX(), v.AsX())
}

// lowerLane adds the lanes of 128 bits of the int32 v to its lowest.
func (k *kGen) lowerLane(v reg.VecVirtual) {
	t := k.vec()
	if k.evex() {
		k.VEXTRACTI64X4(operand.Imm(1), v, t.AsY())
		k.VPADDD(t.AsY(), v.AsY(), v.AsY())
		k.VEXTRACTI32X4(operand.Imm(1), v.AsY(), t.AsX())
	} else {
		k.VEXTRACTI128(operand.Imm(1), v, t.AsX())
	}
	k.VPADDD(t.AsX(), v.AsX(), v.AsX())
}

// integers returns sums of sc·(q-bias)·q_a.
func (k *kGen) integers() reg.VecVirtual {
	k.ready()
	if k.flat {
		return k.flatSums()
	}
	k.Comment("sc, mn")
	k.formatK.scales(k)
	k.minima()
	sum := k.vec()
	k.zero(sum)
	k.Comment("sum += sc·Σ(q-bias)·q_a")
	for i := 0; i < 256/k.bytes; i += k.vectors() {
		k.accumulate(sum, k.product(i), k.spread(i))
	}
	switch sums := (operand.Mem{Base: k.sums}); {
	case k.less != nil:
		k.lessen(sum, sums, k.less(k))
	case k.late():
		k.unbias(sum, sums)
	}
	return sum
}

// packs reports whether products go in vectors of sums over four columns.
func (k *kGen) packs() bool { return k.evex() && !k.table }

// vectors returns how many vectors of weights meet their scales at once.
func (k *kGen) vectors() int {
	if k.packs() {
		return 2
	}
	return 1
}

// late reports whether there is a bias, which is taken from a block's integer sums, by way of the sums of activations, and
// not from each product.
func (k *kGen) late() bool { return k.bias != 0 }

// whole reports whether the lanes of a block's sums are added up as integers, since those of what is taken from them are of
// other columns. Then acc has a single lane.
func (k *kGen) whole() bool { return k.late() || k.flat }

// unbias takes bias·Σsc·Σq_a from a block's sums. Lanes of both are of different columns, but they will be added up as
// integers, so that what cancels does so exactly.
func (k *kGen) unbias(sum reg.VecVirtual, sums operand.Mem) {
	t := k.vec()
	k.zero(t)
	k.VPMADDWD(sums, k.scAll.AsY(), t.AsY())
	if k.bias != 0 {
		k.VPSLLD(operand.Imm(uint64(bits.TrailingZeros8(k.bias))), t.AsY(), t.AsY())
	}
	k.VPSUBD(t, sum, sum)
}

// lessen takes words times sums of activations from a block's sums.
func (k *kGen) lessen(sum reg.VecVirtual, sums operand.Mem, words reg.VecVirtual) {
	t := k.vec()
	k.VPMADDWD(sums, words, t)
	k.VPSUBD(t, sum, sum)
}

// product returns Σq·q_a over pairs of columns, of one vector of weights, or what packed returns of two.
func (k *kGen) product(i int) reg.VecVirtual {
	if k.packs() {
		return k.packed(k.two(i), operand.Mem{Base: k.q, Disp: i * k.bytes}, operand.Mem{Base: k.q, Disp: (i + 1) * k.bytes})
	}
	w, m := k.formatK.quants(k, i), operand.Mem{Base: k.q, Disp: i * k.bytes}
	if k.negate != nil {
		a, s := k.vec(), k.formatK.negate(k, i)
		k.VPXOR(m, s, a)
		k.VPSUBB(s, a, a)
		k.VPMADDUBSW(a, w, w)
		return w
	}
	switch {
	case k.table || k.signed:
		k.signedProduct(w, m)
	default:
		k.VPMADDUBSW(m, w, w)
	}
	return w
}

// two returns the q of vectors i and i+1.
func (k *kGen) two(i int) [2]reg.VecVirtual {
	return [2]reg.VecVirtual{k.formatK.quants(k, i), k.formatK.quants(k, i+1)}
}

// packed returns Σq·q_a over four columns of two vectors, as int16: in each lane of 128 bits four of the first, then four of
// the second.
func (k *kGen) packed(w [2]reg.VecVirtual, a ...operand.Mem) reg.VecVirtual {
	p := k.vecs(2)
	k.zero(p...)
	for j := range p {
		k.VPDPBUSD(a[j], w[j], p[j])
	}
	k.VPACKSSDW(p[1], p[0], p[0])
	return p[0]
}

// signedProduct replaces the int8 w by Σw·q_a over pairs of columns: |w|·(±q_a). AVX-512 has no VPSIGNB; a mask of the negative
// w negates instead.
func (k *kGen) signedProduct(w reg.VecVirtual, m operand.Mem) {
	a := k.vec()
	if k.evex() {
		negative := k.K()
		zero := k.vec()
		k.zero(zero)
		k.VMOVDQU8(m, a)
		k.VPMOVB2M(w, negative)
		k.VPSUBB(a, zero, negative, a)
	} else {
		k.VMOVDQU(m, a)
		k.VPSIGNB(w, a, a)
	}
	k.VPABSB(w, w)
	k.VPMADDUBSW(a, w, w)
}

// accumulate adds the pairwise products p, times their scales, in pairs to sum: at AVX-512 one instruction.
func (k *kGen) accumulate(sum, p, sc reg.VecVirtual) {
	if k.evex() {
		k.VPDPWSSD(sc, p, sum)
		return
	}
	k.VPMADDWD(sc, p, p)
	k.VPADDD(p, sum, sum)
}

// spread returns the scales of vector i of weights, for each pair of columns: VPERMW takes any word of a register to any place,
// VPSHUFB stays within 128-bit lanes, which is why at AVX2 both lanes hold the same eight scales.
func (k *kGen) spread(i int) reg.VecVirtual {
	t := k.vec()
	name, words := k.pairWords(i)
	if k.evex() {
		k.VPERMW(k.sc, k.wordTable(name, words), t)
		return t
	}
	src, first := k.sc, i*k.bytes/k.group
	if first >= 8 {
		src = k.scHigh
	}
	for p := range words {
		words[p] = words[p]%8*0x0202 + 0x0100 // byte numbers
	}
	k.VPSHUFB(k.int16s(fmt.Sprintf("bytes%d_%d", k.group, first%8), words), src, t)
	return t
}

// pairWords returns, for each pair of columns of vector i, or each four of two as packed leaves them, the number of its scale,
// and a name for the table.
func (k *kGen) pairWords(i int) (name string, words []uint32) {
	first := i * k.bytes / k.group
	if k.packs() {
		for w := range k.bytes / 2 {
			lane, at := w/8, w%8
			words = append(words, uint32(first+(at/4*k.bytes+lane*16+at%4*4)/k.group))
		}
		return fmt.Sprintf("packs%d_%d", k.group, first), words
	}
	words = make([]uint32, k.bytes/2)
	for p := range words {
		words[p] = uint32(first + 2*p/k.group)
	}
	return fmt.Sprintf("words%d_%d", k.group, first), words
}

// int16s returns the address of a table of 16-bit words.
func (g *gen) int16s(name string, w []uint32) operand.Mem {
	return g.data(name, pairs(w)...)
}

// pairs returns 32-bit words of two 16-bit words each.
func pairs(w []uint32) []uint32 {
	dwords := make([]uint32, len(w)/2)
	for i := range dwords {
		dwords[i] = w[2*i] | w[2*i+1]<<16
	}
	return dwords
}

// factors returns d·d_a, and dmin·d_a in the next lane.
func (k *kGen) factors() reg.VecVirtual {
	v, t := k.ownFactors(), k.vec()
	k.VBROADCASTSS(operand.Mem{Base: k.d}, t.AsX())
	k.VMULPS(t.AsX(), v.AsX(), v.AsX())
	return v
}

// ownFactors returns d, and dmin in the next lane.
func (k *kGen) ownFactors() reg.VecVirtual {
	v := k.ownHalves()
	k.VCVTPH2PS(v.AsX(), v.AsX())
	if k.factor != 0 {
		k.VMULPS(k.quad(math.Float32bits(k.factor)), v.AsX(), v.AsX())
	}
	return v
}

// ownHalves returns the half d, and dmin in the next lane.
func (k *kGen) ownHalves() reg.VecVirtual {
	if k.ownD != nil {
		return k.ownD(k)
	}
	v, at := k.vec(), k.at(k.formatK.d)
	if k.min || k.formatK.d == 0 {
		k.VMOVD(at, v.AsX())
	} else { // at the end of the block there are two bytes and no more
		k.zero(v)
		k.VPINSRW(operand.Imm(0), at, v.AsX(), v.AsX())
	}
	return v
}

// minima readies mn for minSums: at AVX-512 eight words become sixteen, one for each sum of 16 activations.
func (k *kGen) minima() {
	if !k.min || k.group == 16 || !k.evex() {
		return
	}
	mn := k.vec()
	idx := k.wordTable("twiceWords", []uint32{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7})
	k.VPERMW(k.mn.AsY(), idx.AsY(), mn.AsY())
	k.mn = mn
}

// wordTable returns a register with 16-bit words.
func (k *kGen) wordTable(name string, words []uint32) reg.VecVirtual {
	return k.dwordTable(name, pairs(words)...)
}

// dwordTable returns a register with 32-bit words.
func (k *kGen) dwordTable(name string, words ...uint32) reg.VecVirtual {
	op := k.tableOf(name, words...)
	v, ok := op.(reg.VecVirtual)
	if !ok {
		v = k.vec()
		if len(words) == 8 {
			k.VMOVDQU32(op, v.AsY())
		} else {
			k.VMOVDQU32(op, v)
		}
	}
	return v
}

// minSums returns eight sums of mn·Σq_a, or four and zeros.
func (k *kGen) minSums() reg.VecVirtual { return k.minSumsOf(operand.Mem{Base: k.sums}) }

// minSumsOf is minSums of the sums there.
func (k *kGen) minSumsOf(sums operand.Mem) reg.VecVirtual {
	t := k.vec()
	if k.group == 16 || k.evex() {
		k.VPMADDWD(sums, k.mn.AsY(), t.AsY())
		return t
	}
	// Σq_a over 32, of eight groups
	u, ones := k.vec(), k.vec()
	k.VPBROADCASTD(k.constant(0x00010001), ones.AsY())
	k.VPMADDWD(sums, ones.AsY(), t.AsY())
	k.VEXTRACTI128(operand.Imm(1), t, u.AsX())
	k.VPACKSSDW(u.AsX(), t.AsX(), t.AsX())
	k.VPMADDWD(k.mn.AsX(), t.AsX(), t.AsX())
	return t
}

// bits returns v & mask, the mask a byte.
func (k *kGen) bits(mask byte, v reg.VecVirtual) {
	if !k.evex() {
		t := k.vec()
		k.VPBROADCASTD(k.constant(all(mask)), t)
		k.VPAND(t, v, v)
		return
	}
	if m := k.byteTable(mask); isMem(m) {
		k.VPANDD_BCST(m, v, v)
	} else {
		k.VPANDD(m, v, v)
	}
}

// combine sets v to v & low | h & high, masks of bytes that have no bit in common.
func (k *kGen) combine(low byte, v reg.VecVirtual, high byte, h reg.VecVirtual) {
	if !k.evex() {
		k.bits(low, v)
		k.bits(high, h)
		k.VPOR(h, v, v)
		return
	}
	const choose = 0xe4 // v where the mask has ones, else h
	if m := k.byteTable(low); isMem(m) {
		k.VPTERNLOGD_BCST(operand.U8(choose), m, h, v)
	} else {
		k.VPTERNLOGD(operand.U8(choose), m, h, v)
	}
	k.bits(low|high, v)
}

// byteTable returns a table of bytes b.
func (k *kGen) byteTable(b byte) operand.Op {
	return k.tableOf(fmt.Sprintf("c%08x", all(b)), all(b))
}

// isMem reports whether a table lies in memory.
func isMem(op operand.Op) bool {
	_, ok := op.(operand.Mem)
	return ok
}

// both puts 8 words, the lower half of the ymm v, into both lanes at AVX2, where shuffles stay in their lane.
func (k *kGen) both(v reg.VecVirtual) {
	if !k.evex() {
		k.VPERMQ(operand.Imm(0b01_00_01_00), v, v)
	}
}

// scales16 makes sc of 16 words: at AVX2 two registers, each with the same eight in both lanes.
func (k *kGen) scales16(words reg.VecVirtual) {
	k.sc, k.scAll = words, words
	if !k.evex() {
		k.scHigh, k.sc = k.vec(), k.vec()
		k.VPERMQ(operand.Imm(0b11_10_11_10), words, k.scHigh)
		k.VPERMQ(operand.Imm(0b01_00_01_00), words, k.sc)
	}
}
