package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// level is a set of instructions that a function is built for. The width of vectors is separate from the instructions:
// AVX-512's instructions exist for 256 bits too, and rows in blocks of 32 use them so.
type level struct {
	name     string // suffix of the function's name
	bytes    int    // of a vector register
	unsigned bool   // int8 codes are unpacked with a bias of 128, since VPDPBUSD wants unsigned ones, of 8 bits
}

var (
	avx2    = level{"AVX2", 32, false}
	avxvnni = level{"AVXVNNI", 32, true}
	avx512  = level{"AVX512", 64, true}
	amx     = level{"AMX", 64, true} // with the instructions of avx512

	// avx2unsigned unpacks for both levels of VNNI.
	avx2unsigned = level{"UnsignedAVX2", 32, true}
)

// lanes returns how many float32 a register holds.
func (l level) lanes() int { return l.bytes / 4 }

// wide reports whether vectors have 512 bits.
func (l level) wide() bool { return l.bytes == 64 }

// evex reports whether there are AVX-512's instructions: 32 registers, masks, at any width of vectors.
func (l level) evex() bool { return l.name == avx512.name || l.name == amx.name }

// vnni reports whether there are VPDPBUSD and VPDPWSSD, at any width of vectors.
func (l level) vnni() bool { return l.evex() || l.name == avxvnni.name }

// narrow returns the level with vectors of 256 bits.
func (l level) narrow() level { return level{l.name, 32, l.unsigned} }

// gen builds one file, a function at a time. It adds to avo's context what depends on the level and what the kernels share.
// The types of the kernels embed it, so that an instruction is a method call on them.
type gen struct {
	*build.Context
	level
	labels  int              // given out in the function
	globals map[string]table // written in the file
}

// table is a table of constants in the file.
type table struct {
	operand.Mem
	words []uint32
}

// newGen returns a generator for a new file, which the tag purego leaves out.
func newGen() *gen {
	g := &gen{Context: build.NewContext(), globals: map[string]table{}}
	g.ConstraintExpr("!purego")
	return g
}

// fn starts the function name+level with the parameters sig, "(dst *float32, n int)". doc becomes its comment; it says what
// the function computes and what its pure-Go reference implementation is called. Pointers do not escape: the functions keep none.
func (g *gen) fn(l level, name, sig string, doc ...string) {
	g.level, g.labels = l, 0
	g.Function(name + l.name)
	g.Attributes(attr.NOSPLIT)
	g.SignatureExpr("func" + sig)
	g.Pragma("noescape")
	doc[0] = name + l.name + " " + doc[0]
	g.Doc(doc...)
}

// done ends the function: the upper halves are cleared, since SSE code after us would be slowed down by them.
func (g *gen) done() {
	g.VZEROUPPER()
	g.RET()
}

// arg loads a parameter into a new register.
func (g *gen) arg(name string) reg.GPVirtual {
	r := g.GP64()
	g.Load(g.Param(name), r)
	return r
}

// bytesArg loads a parameter that counts elements of 1<<shift bytes, as bytes.
func (g *gen) bytesArg(name string, shift uint64) reg.GPVirtual {
	r := g.arg(name)
	g.SHLQ(operand.U8(shift), r)
	return r
}

// times3 returns a new register with 3·r: the third multiple that addressing cannot form.
func (g *gen) times3(r reg.GPVirtual) reg.GPVirtual {
	t := g.GP64()
	g.LEAQ(operand.Mem{Base: r, Index: r, Scale: 2}, t)
	return t
}

// copyOf returns a new register with r, to be changed where r must stay.
func (g *gen) copyOf(r reg.Register) reg.GPVirtual {
	t := g.GP64()
	g.MOVQ(r, t)
	return t
}

// vec returns a new vector register as wide as the level.
func (g *gen) vec() reg.VecVirtual {
	if g.wide() {
		return g.ZMM()
	}
	return g.YMM()
}

// vecs returns n new vector registers.
func (g *gen) vecs(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = g.vec()
	}
	return v
}

// zero clears v.
func (g *gen) zero(v ...reg.VecVirtual) {
	for _, v := range v {
		if g.evex() { // avo takes v for an input of VPXORD, which keeps its register from the start on
			g.Instruction(&ir.Instruction{
				Opcode: "VPXORD", Operands: []operand.Op{v, v, v}, Outputs: []operand.Op{v}, ISA: []string{"AVX512F"},
			})
		} else {
			g.VPXOR(v, v, v)
		}
	}
}

// label returns a new label.
func (g *gen) label(name string) string {
	g.labels++
	return fmt.Sprintf("%s%d", name, g.labels)
}

// while runs body as long as n is at least step, and lowers n by step each time: what is left then is n mod step. The test is
// at the bottom of the loop, on the flags that the subtraction leaves.
func (g *gen) while(n reg.GPVirtual, step uint64, name string, body func()) {
	top, end := g.label(name), g.label(name+"End")
	g.SUBQ(operand.Imm(step), n)
	g.JLT(operand.LabelRef(end))
	g.Label(top)
	body()
	g.SUBQ(operand.Imm(step), n)
	g.JGE(operand.LabelRef(top))
	g.Label(end)
	g.ADDQ(operand.Imm(step), n)
}

// whileMem is while with a counter in memory, a parameter: for functions that are short of registers, and loops whose body
// is long.
func (g *gen) whileMem(n operand.Mem, step uint64, name string, body func()) {
	top, end := g.label(name), g.label(name+"End")
	g.Label(top)
	g.CMPQ(n, operand.Imm(step))
	g.JLT(operand.LabelRef(end))
	g.SUBQ(operand.Imm(step), n)
	body()
	g.JMP(operand.LabelRef(top))
	g.Label(end)
}

// add advances a pointer by a constant.
func (g *gen) add(bytes int, p reg.GPVirtual) { g.ADDQ(operand.I32(bytes), p) }

// rowPtr addresses row i < 4 of rows that lie stride bytes apart from p on; stride3 is three strides. Addresses have a base and
// an index times 1, 2, 4 or 8, so that one pointer serves four rows.
func rowPtr(p, stride, stride3 reg.GPVirtual, i int) operand.Mem {
	m := operand.Mem{Base: p}
	switch i {
	case 1:
		m.Index, m.Scale = stride, 1
	case 2:
		m.Index, m.Scale = stride, 2
	case 3:
		m.Index, m.Scale = stride3, 1
	}
	return m
}

// f32 returns a new register with the value in every lane.
func (g *gen) f32(value float32) reg.VecVirtual { return g.u32(math.Float32bits(value)) }

// u32 returns a new register with the bits in every lane of 32.
func (g *gen) u32(bits uint32) reg.VecVirtual {
	v := g.vec()
	g.VBROADCASTSS(g.constant(bits), v)
	return v
}

// constant returns the address of a 32-bit constant.
func (g *gen) constant(bits uint32) operand.Mem {
	return g.data(fmt.Sprintf("c%08x", bits), bits)
}

// data returns the address of a read-only table of 32-bit words. A table is written once per file: the same name must mean
// the same words.
func (g *gen) data(name string, words ...uint32) operand.Mem {
	if m, ok := g.globals[name]; ok {
		if !slices.Equal(m.words, words) {
			panic("two tables are called " + name)
		}
		return m.Mem
	}
	m := g.StaticGlobal(name)
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	for _, w := range words {
		g.AppendDatum(operand.U32(w))
	}
	g.globals[name] = table{m, words}
	return m
}

// Sums across lanes. All of them add in the same order, so that a row's result is the same to the last bit whatever it is
// computed together with: in each 128-bit lane (0+2) + (1+3), then lane 0 + lane 2 and 1 + 3 where there are four, then the
// two that are left.

// foldLanes adds the 128-bit lanes of v into its lowest.
func (g *gen) foldLanes(v reg.VecVirtual) {
	if g.wide() {
		t := g.ZMM()
		g.VEXTRACTF64X4(operand.Imm(1), v, t.AsY())
		g.VADDPS(t.AsY(), v.AsY(), v.AsY())
	}
	t := g.YMM()
	if g.evex() {
		g.VEXTRACTF32X4(operand.Imm(1), v.AsY(), t.AsX())
	} else {
		g.VEXTRACTF128(operand.Imm(1), v.AsY(), t.AsX())
	}
	g.VADDPS(t.AsX(), v.AsX(), v.AsX())
}

// pairSums adds a and b lane by lane to one register: (a0+a2, b0+b2, a1+a3, b1+b3) in each 128-bit lane, in a.
func (g *gen) pairSums(a, b reg.VecVirtual) {
	t := g.vec()
	g.VUNPCKHPS(b, a, t)
	g.VUNPCKLPS(b, a, a)
	g.VADDPS(t, a, a)
}

// halves adds the upper two lanes of each 128-bit lane of v to the lower two.
func (g *gen) halves(v reg.VecVirtual) {
	t := g.vec()
	g.VPERMILPS(operand.Imm(0b01_00_11_10), v, t)
	g.VADDPS(t, v, v)
}

// sum1 leaves Σa in the lowest lane of a.
func (g *gen) sum1(a reg.VecVirtual) {
	t := g.vec()
	g.halves(a)
	g.VPERMILPS(operand.Imm(0b10_11_00_01), a, t)
	g.VADDPS(t, a, a)
	g.foldLanes(a)
}

// sum2 leaves Σa, Σb in the lowest lanes of a.
func (g *gen) sum2(a, b reg.VecVirtual) {
	g.pairSums(a, b)
	g.halves(a)
	g.foldLanes(a)
}

// sum4 leaves Σv[0] … Σv[3] in the lowest lanes of v[0].
func (g *gen) sum4(v []reg.VecVirtual) {
	g.laneSums(v)
	g.foldLanes(v[0])
}

// laneSums leaves the sums of each 128-bit lane of v[0] … v[3], or v[2], in that lane of v[0]; a fourth sum then means nothing.
func (g *gen) laneSums(v []reg.VecVirtual) {
	g.pairSums(v[0], v[1])
	g.pairSums(v[2], v[len(v)-1])
	t := g.vec()
	g.VUNPCKHPD(v[2], v[0], t)
	g.VUNPCKLPD(v[2], v[0], v[0])
	g.VADDPS(t, v[0], v[0])
}

// foldRows is foldLanes of two to four vectors of 512 bits: lane i of v[0] becomes the sum of the lanes of v[i].
func (g *gen) foldRows(v []reg.VecVirtual) {
	last := v[len(v)-1]
	for len(v) < 4 {
		v = append(v, last)
	}
	add := func(a, b reg.VecVirtual, low, high uint64) {
		t := g.ZMM()
		g.VSHUFF32X4(operand.Imm(high), b, a, t)
		g.VSHUFF32X4(operand.Imm(low), b, a, a)
		g.VADDPS(t, a, a)
	}
	second := g.ZMM()
	g.VMOVAPS(v[2], second)
	add(second, v[3], 0b01_00_01_00, 0b11_10_11_10)
	add(v[0], v[1], 0b01_00_01_00, 0b11_10_11_10)
	add(v[0], second, 0b10_00_10_00, 0b11_01_11_01)
}

// storeSums writes the sums of 1, 2 or 4 registers to consecutive floats at m.
func (g *gen) storeSums(v []reg.VecVirtual, m operand.Mem) {
	switch len(v) {
	case 1:
		g.sum1(v[0])
		g.VMOVSS(v[0].AsX(), m)
	case 2:
		g.sum2(v[0], v[1])
		g.VMOVSD(v[0].AsX(), m)
	case 4:
		g.sum4(v)
		g.VMOVUPS(v[0].AsX(), m)
	}
}
