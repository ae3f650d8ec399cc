package main

import (
	"fmt"
	"slices"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The types of lattice points and those of digits of 3, in blocks of 256 as those of rowskformats.go. Their q are int8: points
// that are looked up, eight weights (four of IQ3) at a time, with a sign each, or digits less 1. Signs are the activations',
// where that is less work. Lookups are loads of one point
// each: gather instructions are slower or as slow on most CPUs. There are kernels for AVX2; AVX-512 takes them too.

// formatsLattice are those formats. Their layouts are described beside the reference implementations in package kernel.
var formatsLattice = []formatK{
	{name: "IQ2_XXS", size: 66, group: 32, raise: 43, factor: 1. / 8, grid: "gridIQ2XXS", begin: (*kGen).beginIQ2XXS, negate: (*kGen).stackSigns, scales: (*kGen).scalesIQ2XXS, quants: (*kGen).quantsIQ2XXS},
	{name: "IQ2_XS", size: 74, group: 16, raise: 43, factor: 1. / 8, grid: "gridIQ2XS", begin: (*kGen).beginIQ2XS, negate: (*kGen).stackSigns, scales: (*kGen).scalesIQ2XS, quants: (*kGen).quantsIQ2XS},
	{name: "IQ2_S", size: 82, group: 16, raise: 43, factor: 1. / 8, grid: "gridIQ2S", begin: (*kGen).beginIQ2S, negate: (*kGen).signsIQ2S, scales: (*kGen).scalesIQ2S, quants: (*kGen).indexedPoints},
	{name: "IQ3_XXS", size: 98, group: 32, raise: 62, factor: 1. / 4, grid: "gridIQ3XXS", begin: (*kGen).beginIQ3XXS, negate: (*kGen).stackSigns, scales: (*kGen).scalesIQ3XXS, quants: (*kGen).quantsIQ3XXS},
	{name: "IQ3_S", size: 110, group: 32, raise: 15, grid: "gridIQ3S", begin: (*kGen).beginIQ3S, negate: (*kGen).signsIQ3S, scales: (*kGen).scalesIQ3S, quants: (*kGen).quantsIQ3S},
	{name: "IQ1_S", size: 50, group: 32, raise: 9, factor: 1. / 8, grid: "gridIQ1S", begin: (*kGen).beginIQ1S, less: (*kGen).lessIQ1S, lift: (*kGen).liftIQ1S, scales: (*kGen).scalesIQ1S, quants: (*kGen).indexedPoints},
	{name: "IQ1_M", size: 56, group: 16, raise: 9, factor: 1. / 8, grid: "gridIQ1S", begin: (*kGen).beginIQ1M, ownD: (*kGen).halfIQ1M, scales: (*kGen).scalesIQ1M, quants: (*kGen).quantsIQ1M},
	{name: "TQ1_0", size: 54, d: 52, group: 32, flat: true, scales: (*kGen).scalesOne, quants: (*kGen).quantsTQ1},
	{name: "TQ2_0", size: 66, d: 64, group: 32, flat: true, scales: (*kGen).scalesOne, quants: (*kGen).quantsTQ2},
}

// buildLattice writes the products of rows with one token, and the unpacking to panels.
func buildLattice(g *gen) {
	for _, f := range latticeFormats() {
		g.rowsK(avx2, f)
		g.unpackK(avx2, f)
	}
}

// latticeFormats returns formatsLattice with what follows for each.
func latticeFormats() []formatK {
	out := slices.Clone(formatsLattice)
	for i, f := range out {
		out[i].signed = !f.flat && f.negate == nil && f.less == nil
	}
	return out
}

// point addresses a point of the grid, eight bytes.
func (k *kGen) point(index reg.GPVirtual) operand.Mem {
	return operand.Mem{Base: k.grid, Index: index, Scale: 8}
}

// points8 returns four points of eight coordinates.
func (k *kGen) points8(index func(l int) reg.GPVirtual) reg.VecVirtual {
	v, high := k.vec(), k.vec()
	k.VPBROADCASTQ(k.point(index(0)), v) // all of v, or it would seem to be in use from the beginning
	k.VPINSRQ(operand.Imm(1), k.point(index(1)), v.AsX(), v.AsX())
	k.VMOVQ(k.point(index(2)), high.AsX())
	k.VPINSRQ(operand.Imm(1), k.point(index(3)), high.AsX(), high.AsX())
	k.VINSERTI128(operand.Imm(1), high.AsX(), v, v)
	return v
}

// points4 returns eight points of four coordinates.
func (k *kGen) points4(index func(l int) reg.GPVirtual) reg.VecVirtual {
	v, high := k.vec(), k.vec()
	for l := range 8 {
		x := v.AsX()
		if l >= 4 {
			x = high.AsX()
		}
		switch l {
		case 0:
			k.VPBROADCASTD(k.point(index(l)), v) // all of v, see points8
		case 4:
			k.VMOVD(k.point(index(l)), x)
		default:
			k.VPINSRD(operand.Imm(uint64(l%4)), k.point(index(l)), x, x)
		}
	}
	k.VINSERTI128(operand.Imm(1), high.AsX(), v, v)
	return v
}

// byteAt returns a byte of the block.
func (k *kGen) byteAt(offset int) reg.GPVirtual {
	r := k.GP64()
	k.MOVBLZX(k.at(offset), r.As32())
	return r
}

// On the stack: 32 bytes of signs, and up to 64 indexes of 16 bits.
const (
	indexesAt  = 32
	stackBytes = indexesAt + 128
)

// index returns an index from the stack.
func (k *kGen) index(n int) reg.GPVirtual {
	r := k.GP64()
	k.MOVWLZX(k.stack.Offset(indexesAt+2*n), r.As32())
	return r
}

// storeIndexes stores 16 indexes, number n and those behind it, that have a byte of the block each, and above it the bits of the
// words high that mask leaves.
func (k *kGen) storeIndexes(n, offset int, high reg.VecVirtual, mask operand.Mem) {
	low := k.vec()
	k.VPMOVZXBW(k.at(offset+n), low)
	k.VPAND(mask, high, high)
	k.VPOR(low, high, high)
	k.VMOVDQU(high, k.stack.Offset(indexesAt+2*n))
}

// copies returns 16 words: eight or four copies of each of some bytes or words of the block, by the table of bytes to take.
func (k *kGen) copies(offset int, name string, bytes ...uint32) reg.VecVirtual {
	v := k.vec()
	k.VBROADCASTI128(k.at(offset), v)
	k.VPSHUFB(k.data(name, bytes...), v, v)
	return v
}

// all repeats a byte to a word of 32 bits.
func all(b byte) uint32 { return uint32(b) * 0x01010101 }

// ymm returns the address of a table of eight words: w, repeated.
func (k *kGen) ymm(name string, w ...uint32) operand.Mem {
	for len(w) < 8 {
		w = append(w, w...)
	}
	return k.data(name, w...)
}

// bytes32 returns the address of 32 times a byte.
func (k *kGen) bytes32(b byte) operand.Mem { return k.ymm(fmt.Sprintf("bytes%02x", b), all(b)) }

// signs returns bytes of ones where the word has a bit set, one for each of 32.
func (k *kGen) signs(word operand.Mem) reg.VecVirtual {
	m := k.vec()
	bit := k.ymm("bitOfByte", 0x08040201, 0x80402010)
	k.VPBROADCASTD(word, m)
	k.VPSHUFB(k.data("byteOfEight", 0, 0, all(1), all(1), all(2), all(2), all(3), all(3)), m, m)
	k.VPAND(bit, m, m)
	k.VPCMPEQB(bit, m, m)
	return m
}

// stackSigns are signs from the stack.
func (k *kGen) stackSigns(i int) reg.VecVirtual { return k.signs(k.stack.Offset(4 * i)) }

// evenSigns stores signs of 256 weights from v, which has seven of eight bits in each byte: the eighth makes their number even.
func (k *kGen) evenSigns(v reg.VecVirtual) {
	k.Comment("signs = seven bits, and their parity on top")
	p, t := k.vec(), k.vec()
	k.VPSRLD(operand.Imm(4), v, p)
	k.VPXOR(v, p, p)
	k.VPAND(k.bytes32(0x0f), p, p)
	k.VMOVDQU(k.ymm("parity", 0x00808000, 0x80000080, 0x80000080, 0x00808000), t)
	k.VPSHUFB(p, t, t)
	k.VPOR(t, v, v)
	k.VMOVDQU(v, k.stack)
}

// sevenBits spreads the lower 28 bits of each word of 32 to its four bytes, seven to each.
func (k *kGen) sevenBits(v reg.VecVirtual) {
	parts := k.vecs(4)
	for i, p := range parts {
		m := k.ymm(fmt.Sprintf("seven%d", i), 0x7f<<(8*i))
		if i == 0 {
			k.VPAND(m, v, p)
			continue
		}
		k.VPSLLD(operand.Imm(uint64(i)), v, p)
		k.VPAND(m, p, p)
	}
	k.VPOR(parts[1], parts[0], parts[0])
	k.VPOR(parts[3], parts[2], parts[2])
	k.VPOR(parts[2], parts[0], v)
}

// odd sets words to 2·w + 1.
func (k *kGen) odd(w reg.VecVirtual) {
	k.VPADDW(w, w, w)
	k.VPADDW(k.ymm("ones16", 0x00010001), w, w)
}

// oddTop makes sc of the highest four bits of eight words of 32: 2·w + 1.
func (k *kGen) oddTop(v reg.VecVirtual) {
	high := k.vec()
	k.VPSRLD(operand.Imm(28), v, v)
	k.VEXTRACTI128(operand.Imm(1), v, high.AsX())
	k.VPACKUSDW(high.AsX(), v.AsX(), v.AsX())
	k.odd(v)
	k.both(v)
	k.sc = v
}

// oddNibbles returns 2·w + 1 of the halves of bytes, the low one first, in so many bytes: 8 or 4.
func (k *kGen) oddNibbles(offset, n int) reg.VecVirtual {
	v, high := k.vec(), k.vec()
	if n == 8 {
		k.VMOVQ(k.at(offset), v.AsX())
	} else {
		k.VMOVD(k.at(offset), v.AsX())
	}
	k.VPSRLD(operand.Imm(4), v.AsX(), high.AsX())
	k.VPUNPCKLBW(high.AsX(), v.AsX(), v.AsX())
	k.VPAND(k.bytes32(0x0f), v, v)
	k.VPMOVZXBW(v.AsX(), v)
	k.odd(v)
	return v
}

// wordsIQ2XXS returns the eight words of signs and scales, each behind the four bytes of its points.
func (k *kGen) wordsIQ2XXS() reg.VecVirtual {
	v, high := k.vec(), k.vec()
	k.VMOVUPS(k.at(2), v)
	k.VMOVUPS(k.at(34), high)
	k.VSHUFPS(operand.Imm(0b11_01_11_01), high, v, v) // 0 1 4 5 2 3 6 7
	k.VPERMQ(operand.Imm(0b11_01_10_00), v, v)
	return v
}

func (k *kGen) beginIQ2XXS() {
	v := k.wordsIQ2XXS()
	k.sevenBits(v)
	k.evenSigns(v)
}

func (k *kGen) scalesIQ2XXS() { k.oddTop(k.wordsIQ2XXS()) }

func (k *kGen) quantsIQ2XXS(i int) reg.VecVirtual {
	return k.points8(func(l int) reg.GPVirtual { return k.byteAt(2 + 8*i + l) })
}

func (k *kGen) beginIQ2XS() {
	v, high := k.vec(), k.vec()
	k.VMOVDQU(k.at(2), v)
	k.VMOVDQU(k.at(34), high)
	k.VPSRLW(operand.Imm(9), v, v)
	k.VPSRLW(operand.Imm(9), high, high)
	k.VPACKUSWB(high, v, v)
	k.VPERMQ(operand.Imm(0b11_01_10_00), v, v)
	k.evenSigns(v)
}

func (k *kGen) scalesIQ2XS() { k.scales16(k.oddNibbles(66, 8)) }

func (k *kGen) quantsIQ2XS(i int) reg.VecVirtual {
	return k.points8(func(l int) reg.GPVirtual {
		r := k.GP64()
		k.MOVWLZX(k.at(2+8*i+2*l), r.As32())
		k.ANDL(operand.U32(511), r.As32())
		return r
	})
}

func (k *kGen) scalesIQ2S() { k.scales16(k.oddNibbles(74, 8)) }

func (k *kGen) beginIQ2S() {
	for part := range 2 {
		k.Comment("indexes = bytes | two bits of a byte for four << 8")
		b := uint32(4 * part)
		high := k.copies(66, fmt.Sprintf("byte%dOfFour", b), fourWords(b, b+1, b+2, b+3)...)
		k.VPMULLW(k.ymm("by256_64", 256|64<<16, 16|4<<16), high, high)
		k.storeIndexes(16*part, 2, high, k.ymm("bits300", 0x03000300))
	}
}

// fourWords returns the bytes to take for four words each of four bytes.
func fourWords(bytes ...uint32) (w []uint32) {
	for _, b := range bytes {
		w = append(w, b*0x00010001|0x80008000, b*0x00010001|0x80008000)
	}
	return w
}

func (k *kGen) signsIQ2S(i int) reg.VecVirtual { return k.signs(k.at(34 + 4*i)) }

// indexedPoints looks up what the indexes on the stack say.
func (k *kGen) indexedPoints(i int) reg.VecVirtual {
	return k.points8(func(l int) reg.GPVirtual { return k.index(4*i + l) })
}

func (k *kGen) beginIQ3XXS() {
	v := k.vec()
	k.VMOVDQU(k.at(66), v)
	k.sevenBits(v)
	k.evenSigns(v)
}

func (k *kGen) scalesIQ3XXS() {
	v := k.vec()
	k.VMOVDQU(k.at(66), v)
	k.oddTop(v)
}

func (k *kGen) quantsIQ3XXS(i int) reg.VecVirtual {
	return k.points4(func(l int) reg.GPVirtual { return k.byteAt(2 + 8*i + l) })
}

func (k *kGen) scalesIQ3S() {
	k.sc = k.oddNibbles(106, 4)
	k.both(k.sc)
}

func (k *kGen) beginIQ3S() {
	for part := range 4 {
		k.Comment("indexes = bytes | a bit of a byte for eight << 8")
		b := uint32(2 * part)
		high := k.copies(66, fmt.Sprintf("byte%dOfEight", b), fourWords(b, b, b+1, b+1)...)
		k.VPMULLW(k.ymm("by256_128", 256|128<<16, 64|32<<16, 16|8<<16, 4|2<<16), high, high)
		k.storeIndexes(16*part, 2, high, k.ymm("bits100", 0x01000100))
	}
}

func (k *kGen) signsIQ3S(i int) reg.VecVirtual { return k.signs(k.at(74 + 4*i)) }

func (k *kGen) quantsIQ3S(i int) reg.VecVirtual {
	return k.points4(func(l int) reg.GPVirtual { return k.index(8*i + l) })
}

func (k *kGen) scalesIQ1S() {
	v := k.vec()
	k.VMOVDQU(k.at(34), v.AsX())
	k.VPSLLW(operand.Imm(1), v.AsX(), v.AsX())
	k.VPSRLW(operand.Imm(13), v.AsX(), v.AsX())
	k.odd(v)
	k.both(v)
	k.sc = v
}

// shiftPoints adds -9 to the coordinates v of IQ1 where bits of a word of 16 are set, else -7: those of the table, a word for
// each two weights.
func (k *kGen) shiftPoints(v reg.VecVirtual, offset int, name string, bits ...uint32) {
	m, set := k.vec(), k.data(name, bits...)
	k.VPBROADCASTW(k.at(offset), m)
	k.VPAND(set, m, m)
	k.VPCMPEQW(set, m, m)
	k.VPAND(k.bytes32(0xfe), m, m) // -2
	k.VPADDB(k.bytes32(0xf9), m, m)
	k.VPADDB(m, v, v)
}

func (k *kGen) beginIQ1S() {
	k.wordIndexes(34, 2, k.ymm("by256_32", 256|32<<16, 4), 1)
}

// wordIndexes stores 32 indexes: bytes, and above them three bits each of a word of 16 for four, which the first three find when
// it is multiplied, the fourth when it is shifted right.
func (k *kGen) wordIndexes(words, bytes int, factors operand.Mem, right uint64) {
	for part := range 2 {
		k.Comment("indexes = bytes | three bits of a word for four << 8")
		var take []uint32
		for j := range uint32(4) {
			b := 2 * (uint32(4*part) + j)
			take = append(take, (b|(b+1)<<8)*0x00010001, (b|(b+1)<<8)*0x00010001)
		}
		high, last := k.copies(words, fmt.Sprintf("word%dOfFour", 4*part), take...), k.vec()
		k.VPSRLW(operand.Imm(right), high, last)
		k.VPMULLW(factors, high, high)
		k.VPBLENDW(operand.Imm(0x88), last, high, high)
		k.storeIndexes(16*part, bytes, high, k.ymm("bits700", 0x07000700))
	}
}

// liftIQ1S makes a point's coordinates weights.
func (k *kGen) liftIQ1S(i int, v reg.VecVirtual) {
	const top = 0x80008000
	k.shiftPoints(v, 34+2*i, "top", top, top, top, top, top, top, top, top)
}

// lessIQ1S returns sc·(7 or 9): the coordinates are unsigned, and shifted by an eighth.
func (k *kGen) lessIQ1S() reg.VecVirtual {
	c, v, t := k.vec(), k.vec(), k.vec()
	k.VMOVDQU(k.at(34), c.AsX())
	k.VPSRAW(operand.Imm(15), c.AsX(), c.AsX())
	k.VPADDW(c.AsX(), c.AsX(), c.AsX()) // -2 or 0
	k.VMOVDQU(k.quad(0x00070007), v.AsX())
	k.VPSUBW(c.AsX(), v.AsX(), c.AsX())
	k.VPMULLW(k.sc.AsX(), c.AsX(), c.AsX())
	k.VPMOVZXWD(c.AsX(), v)
	k.VPSLLD(operand.Imm(16), v, t)
	k.VPOR(t, v, v)
	return v
}

// halfIQ1M returns d, of which each of four words of 16 has four bits on top.
func (k *kGen) halfIQ1M() reg.VecVirtual {
	words, d := k.GP64(), k.GP64()
	k.MOVQ(k.at(48), words)
	k.XORL(d.As32(), d.As32())
	for i := range 4 {
		t := k.GP64()
		k.MOVQ(words, t)
		k.SHRQ(operand.Imm(uint64(12+12*i)), t)
		k.ANDL(operand.U32(0xf<<(4*i)), t.As32())
		k.ORL(t.As32(), d.As32())
	}
	v := k.vec()
	k.VMOVD(d.As32(), v.AsX())
	return v
}

func (k *kGen) scalesIQ1M() {
	k.Comment("each word has four scales of three bits: shifted to the top and down again")
	v := k.vec()
	k.VPBROADCASTQ(k.at(48), v)
	k.VPSHUFB(k.data("wordOfFour", 0x01000100, 0x01000100, 0x03020302, 0x03020302, 0x05040504, 0x05040504, 0x07060706, 0x07060706), v, v)
	k.VPMULLW(k.ymm("shift13", 1<<13|1<<10<<16, 1<<7|1<<4<<16), v, v)
	k.VPSRLW(operand.Imm(13), v, v)
	k.odd(v)
	k.scales16(v)
}

func (k *kGen) beginIQ1M() {
	k.wordIndexes(32, 0, k.ymm("by256_16", 256|16<<16, 1), 4)
}

func (k *kGen) quantsIQ1M(i int) reg.VecVirtual {
	v := k.indexedPoints(i)
	bits := make([]uint32, 8)
	for j := range bits {
		bits[j] = 8 << (j / 2 * 4) * 0x00010001
	}
	k.shiftPoints(v, 32+2*i, "nibbleTops", bits...)
	return v
}
