package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The instructions of VNNI exist twice: with an EVEX prefix, for AVX-512, and with a VEX prefix, for CPUs without AVX-512
// and so at level AVXVNNI. Go's assembler has the first form only. Of the second avo allocates the registers, as of any
// instruction; then writeBytes replaces them by their bytes.

// isaVNNI marks the second form.
const isaVNNI = "AVXVNNI"

// VPDPBUSD adds Σ u·s over four bytes each, s signed, to the int32 of sum. It stands in front of avo's.
func (g *gen) VPDPBUSD(s, u, sum operand.Op) { g.dotProduct("VPDPBUSD", g.Context.VPDPBUSD, s, u, sum) }

// VPDPWSSD adds Σ a·b over two int16 each to the int32 of sum. It stands in front of avo's.
func (g *gen) VPDPWSSD(a, b, sum operand.Op) { g.dotProduct("VPDPWSSD", g.Context.VPDPWSSD, a, b, sum) }

func (g *gen) dotProduct(name string, evex func(...operand.Op), a, b, sum operand.Op) {
	if g.evex() {
		evex(a, b, sum)
		return
	}
	g.Instruction(&ir.Instruction{
		Opcode: name, ISA: []string{isaVNNI},
		Operands: []operand.Op{a, b, sum}, Inputs: []operand.Op{a, b, sum}, Outputs: []operand.Op{sum},
	})
}

// writeBytes writes the instructions that the assembler does not know as data.
func writeBytes(f *ir.File) {
	for _, fn := range f.Functions() {
		for _, i := range fn.Instructions() {
			if len(i.ISA) != 1 {
				continue
			}
			switch i.ISA[0] {
			case isaVNNI:
				i.Opcode = vnniBytes(i)
			case isaAMX:
				bytes, text := amxBytes(i)
				i.Opcode = ""
				for _, b := range bytes {
					i.Opcode += fmt.Sprintf("BYTE $0x%02x; ", b)
				}
				i.Opcode += "// " + text
			default:
				continue
			}
			i.Operands = nil
		}
	}
}

// vnniBytes returns an instruction of VNNI as data: VEX.256.66.0F38.W0, 50 or 52, registers.
func vnniBytes(i *ir.Instruction) string {
	a, b, sum := number(i.Operands[0]), number(i.Operands[1]), number(i.Operands[2])
	op := map[string]uint32{"VPDPBUSD": 0x50, "VPDPWSSD": 0x52}[i.Opcode]
	high := func(r uint32) uint32 { return (r>>3 ^ 1) & 1 } // registers 8 to 15 by a bit that is 0
	prefix := 0xc4 | (high(sum)<<7|1<<6|high(a)<<5|2)<<8 | ((^b&15)<<3|1<<2|1)<<16
	return fmt.Sprintf("LONG $0x%08x; BYTE $0x%02x // %s %s, %s, %s", prefix|op<<24, 0xc0|(sum&7)<<3|a&7,
		i.Opcode, i.Operands[0].Asm(), i.Operands[1].Asm(), i.Operands[2].Asm())
}

// number returns the number of a vector register.
func number(op operand.Op) uint32 { return uint32(reg.ToPhysical(op.(reg.Register)).PhysicalIndex()) }
