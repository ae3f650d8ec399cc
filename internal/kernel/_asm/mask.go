package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A vector that is not full, at the end of a row or of a panel's rows, is read and written under a mask. AVX-512 has registers
// for masks; at AVX2 the sign bits of a vector say which lanes count, for loads and stores of 32-bit lanes only.

// mask names the lowest lanes of a vector of floats. A nil *mask names all of them.
type mask struct {
	k reg.Register   // AVX-512: an opmask
	v reg.VecVirtual // AVX2: all ones in the lanes
}

// tailMask returns the mask of the lowest n mod lanes lanes: none when n is a multiple.
func (g *gen) tailMask(n reg.GPVirtual) *mask {
	count := g.copyOf(n)
	g.ANDQ(operand.Imm(uint64(g.lanes()-1)), count)
	if g.evex() {
		bits := g.GP64()
		g.MOVQ(operand.I32(-1), bits)
		g.BZHIQ(count, bits, bits)
		m := &mask{k: g.K()}
		g.KMOVW(bits.As32(), m.k)
		return m
	}
	table, m := g.GP64(), &mask{v: g.vec()}
	g.LEAQ(g.lanesTable(), table)
	g.NEGQ(count)
	g.VMOVUPS(operand.Mem{Base: table, Index: count, Scale: 4, Disp: 32}, m.v)
	return m
}

// lowest returns the mask of the lowest n lanes at AVX-512.
func (g *gen) lowest(n int) *mask {
	bits, m := g.GP32(), &mask{k: g.K()}
	g.MOVL(operand.U32(1<<n-1), bits)
	g.KMOVW(bits, m.k)
	return m
}

// lanesTable addresses eight words of ones and eight of zeros: 4n bytes before its middle begins an AVX2 mask of n lanes.
func (g *gen) lanesTable() operand.Mem {
	const on = 0xffffffff
	return g.data("lanes", on, on, on, on, on, on, on, on, 0, 0, 0, 0, 0, 0, 0, 0)
}

// ifTail runs body with the mask of the n mod lanes last elements, when there are some; n counts them down to 0.
func (g *gen) ifTail(n reg.GPVirtual, body func(k *mask)) {
	end := g.label("tailEnd")
	g.TESTQ(n, n)
	g.JEQ(operand.LabelRef(end))
	body(g.tailMask(n))
	g.Label(end)
}

// eachVector runs body for n elements, a vector at a time, the last with a mask if it is not full.
func (g *gen) eachVector(n reg.GPVirtual, body func(k *mask)) {
	g.while(n, uint64(g.lanes()), "loop", func() { body(nil) })
	g.ifTail(n, body)
}

// load loads the lanes of k and clears the others. Nothing is read of the others: a masked load does not fault for them.
func (g *gen) load(m operand.Mem, k *mask, v reg.VecVirtual) {
	switch {
	case k == nil:
		g.VMOVUPS(m, v)
	case g.evex():
		g.VMOVUPS_Z(m, k.k, v)
	default:
		g.VMASKMOVPS(m, k.v, v)
	}
}

// store stores the lanes of k. The memory of the others is not touched, and need not be there.
func (g *gen) store(v reg.VecVirtual, k *mask, m operand.Mem) {
	switch {
	case k == nil:
		g.VMOVUPS(v, m)
	case g.evex():
		g.VMOVUPS(v, k.k, m)
	default:
		g.VMASKMOVPS(v, k.v, m)
	}
}

// keep clears all lanes but those of k.
func (g *gen) keep(k *mask, v reg.VecVirtual) {
	switch {
	case k == nil:
	case g.evex():
		g.VMOVAPS_Z(v, k.k, v)
	default:
		g.VANDPS(k.v, v, v)
	}
}
