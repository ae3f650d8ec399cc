package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// buildTiles writes what AMX tiles are filled with: bfloat16 in the order that they want. The tiles themselves are multiplied
// by tiles_amd64.s, written by hand: this generator does not know AMX.
//
// A vector register holds a row of a tile: 64 bytes. Weights, on the right of a product, come two columns at a time, those of
// a row side by side; activations, on the left, 32 columns of a token.
func buildTiles(g *gen) {
	g.bf16Panel()
	g.bf16Rows()
	g.bf16Halves()
	g.bf16Pairs()
}

// bf16Panel turns a panel of codes into one of bfloat16.
func (g *gen) bf16Panel() {
	g.fn(avx512, "bf16Panel", "(dst *uint16, q *byte, dm *float32, groups, size, biased int)",
		"turns a panel of 32 rows into bfloat16, two columns of each row at a time: D·code + M, or D·(code + M) with biased 1,",
		"rounded to nearest, halves away from zero; size is the columns of a group; bf16PanelGeneric is the reference implementation.")
	dst, q, dm, groups, size := g.arg("dst"), g.arg("q"), g.arg("dm"), g.arg("groups"), g.arg("size")
	all, bits := g.K(), g.arg("biased")
	g.NEGQ(bits) // all ones when biased
	g.KMOVW(bits.As32(), all)
	low, high, half := g.u32(0xff), g.u32(0xffff0000), g.u32(0x8000)
	g.while(groups, 1, "group", func() {
		d, m := g.vecs(2), g.vecs(2)
		g.Comment("D and M of 2 · 16 rows; M = D·M where it is added to the code")
		for v := range d {
			g.VMOVUPS(operand.Mem{Base: dm, Disp: 64 * v}, d[v])
			g.VMOVUPS(operand.Mem{Base: dm, Disp: 128 + 64*v}, m[v])
			g.VMULPS(d[v], m[v], all, m[v])
		}
		g.add(256, dm)
		left := g.copyOf(size)
		g.while(left, 4, "columns", func() {
			g.Comment("w = D·code + M of 4 columns")
			for v := range d {
				codes := g.ZMM()
				g.VMOVDQU32(operand.Mem{Base: q, Disp: 64 * v}, codes)
				w := g.vecs(4)
				for c := range w {
					switch c {
					case 0:
						g.VPANDD(low, codes, w[c])
					case 3:
						g.VPSRLD(operand.Imm(24), codes, w[c])
					default:
						g.VPSRLD(operand.Imm(uint64(8*c)), codes, w[c])
						g.VPANDD(low, w[c], w[c])
					}
					g.VCVTDQ2PS(w[c], w[c])
					g.VFMADD213PS(m[v], d[v], w[c])
					g.VPADDD(half, w[c], w[c])
				}
				for pair := range 2 {
					g.pairOf(w[2*pair], w[2*pair+1], high)
					g.VMOVDQU32(w[2*pair], operand.Mem{Base: dst, Disp: 128*pair + 64*v})
				}
			}
			g.add(128, q)
			g.add(256, dst)
		})
	})
	g.done()
}

// pairOf makes a, whose upper halves and those of b are bfloat16, pairs of the two, a's first.
func (g *gen) pairOf(a, b, high reg.VecVirtual) {
	g.VPSRLD(operand.Imm(16), a, a)
	g.VPTERNLOGD(operand.Imm(0xf8), high, b, a) // a | b & high
}

// rounding rounds floats to bfloat16 as the hardware does, to nearest even.
type rounding struct {
	*gen
	one, most, quiet reg.VecVirtual
}

func (g *gen) rounding() rounding {
	return rounding{g, g.u32(1), g.u32(0x7fff), g.u32(0x400000)}
}

// round leaves the bfloat16 of v in its upper halves; the lower ones mean nothing.
func (r rounding) round(v reg.VecVirtual) {
	odd, k := r.ZMM(), r.K()
	r.VCMPPS(operand.Imm(unordered), v, v, k)
	r.VPSRLD(operand.Imm(16), v, odd)
	r.VPANDD(r.one, odd, odd)
	r.VPADDD(r.most, odd, odd)
	r.KNOTW(k, k)
	r.VPADDD(odd, v, k, v)
	r.KNOTW(k, k)
	r.VPORD(r.quiet, v, k, v)
}

// unordered is the predicate of VCMPPS for NaN.
const unordered = 3

// bf16Rows converts a row of floats.
func (g *gen) bf16Rows() {
	g.fn(avx512, "bf16Row", "(dst *uint16, step int, x *float32, cols int)",
		"rounds a row of cols floats, a multiple of 32, to bfloat16 to nearest even; 32 columns lie together and the next step",
		"elements behind them; bf16RowGeneric is the reference implementation.")
	dst, step, x, cols := g.arg("dst"), g.bytesArg("step", 1), g.arg("x"), g.arg("cols")
	r := g.rounding()
	g.while(cols, 32, "columns", func() {
		for i := range 2 {
			v := g.ZMM()
			g.VMOVUPS(operand.Mem{Base: x, Disp: 64 * i}, v)
			r.round(v)
			g.VPSRLD(operand.Imm(16), v, v)
			g.VPMOVDW(v, operand.Mem{Base: dst, Disp: 32 * i})
		}
		g.add(128, x)
		g.ADDQ(step, dst)
	})
	g.done()
}

// bf16Halves converts half floats.
func (g *gen) bf16Halves() {
	g.fn(avx512, "bf16Halves", "(dst, src *uint16, n int)",
		"rounds n half floats, a multiple of 16, to bfloat16 to nearest even; bf16HalvesGeneric is the reference implementation.")
	dst, src, n := g.arg("dst"), g.arg("src"), g.arg("n")
	r := g.rounding()
	g.while(n, 16, "halves", func() {
		v := g.ZMM()
		g.VCVTPH2PS(operand.Mem{Base: src}, v)
		r.round(v)
		g.VPSRLD(operand.Imm(16), v, v)
		g.VPMOVDW(v, operand.Mem{Base: dst})
		g.add(32, src)
		g.add(32, dst)
	})
	g.done()
}

// bf16Pairs makes pairs of two rows of half floats.
func (g *gen) bf16Pairs() {
	g.fn(avx512, "bf16Pairs", "(dst *uint16, step int, a, b *uint16, cols int)",
		fmt.Sprintf("rounds cols half floats, a multiple of %d, of two rows to bfloat16 to nearest even and puts those of a column side", tilePanel),
		fmt.Sprintf("by side; %d columns lie together and the next step elements behind them; bf16PairsGeneric is the reference implementation.", tilePanel))
	dst, step, a, b, cols := g.arg("dst"), g.bytesArg("step", 1), g.arg("a"), g.arg("b"), g.arg("cols")
	r, high := g.rounding(), g.u32(0xffff0000)
	g.while(cols, tilePanel, "columns", func() {
		for i := range 2 {
			first, second := g.ZMM(), g.ZMM()
			g.VCVTPH2PS(operand.Mem{Base: a, Disp: 32 * i}, first)
			g.VCVTPH2PS(operand.Mem{Base: b, Disp: 32 * i}, second)
			r.round(first)
			r.round(second)
			g.pairOf(first, second, high)
			g.VMOVDQU32(first, operand.Mem{Base: dst, Disp: 64 * i})
		}
		g.add(2*tilePanel, a)
		g.add(2*tilePanel, b)
		g.ADDQ(step, dst)
	})
	g.done()
}

// tilePanel is how many columns of the right side of a product lie together: two tiles of 16.
const tilePanel = 32
