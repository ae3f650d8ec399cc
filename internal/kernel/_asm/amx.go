package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The instructions of AMX, which neither avo nor Go's assembler knows: Intel 64 and IA-32 Architectures Software Developer's
// Manual, volume 2, has their encodings. avo allocates the registers of their addresses; writeBytes writes their bytes.
//
// Tiles are configured and released within a function: between calls a goroutine may move to another thread.

// isaAMX marks these instructions.
const isaAMX = "AMX"

// tile is one of the registers T0 to T7.
type tile = operand.U8

// tileShape is what a tile is configured for; the zero value is a tile that is not used.
type tileShape struct{ rows, bytes int }

// LDTILECFG configures the tiles: palette 1, the bytes of a row from byte 16 on, the rows from byte 48 on. name is that of the
// table.
func (g *gen) LDTILECFG(name string, shapes [8]tileShape) {
	words := [16]uint32{0: 1}
	for i, s := range shapes {
		words[4+i/2] |= uint32(s.bytes) << (16 * (i % 2))
		words[12+i/4] |= uint32(s.rows) << (8 * (i % 4))
	}
	p := g.GP64()
	g.LEAQ(g.data(name, words[:]...), p)
	g.amx("LDTILECFG", operand.Mem{Base: p})
}

// TILERELEASE returns the tiles to their initial state.
func (g *gen) TILERELEASE() { g.amx("TILERELEASE") }

// TILEZERO clears t.
func (g *gen) TILEZERO(t tile) { g.amx("TILEZERO", t) }

// TILELOADD loads t; the rows lie at m, whose index is the distance between them.
func (g *gen) TILELOADD(m operand.Mem, t tile) { g.amx("TILELOADD", m, t) }

// TILESTORED stores t, see TILELOADD.
func (g *gen) TILESTORED(t tile, m operand.Mem) { g.amx("TILESTORED", m, t) }

// TDPBSUD adds to row i of sum, in lane j, Σ a[i,k]·b[k/4,j,k%4]: a has signed bytes, b unsigned ones, sum int32.
func (g *gen) TDPBSUD(b, a, sum tile) { g.amx("TDPBSUD", b, a, sum) }

// TDPBF16PS adds to row i of sum, in lane j, Σ a[i,k]·b[k/2,j,k%2]: a and b have bfloat16, sum floats.
func (g *gen) TDPBF16PS(b, a, sum tile) { g.amx("TDPBF16PS", b, a, sum) }

func (g *gen) amx(name string, ops ...operand.Op) {
	i := &ir.Instruction{Opcode: name, ISA: []string{isaAMX}, Operands: ops}
	if len(ops) > 0 {
		if m, ok := ops[0].(operand.Mem); ok {
			i.Inputs = []operand.Op{m}
		}
	}
	g.Instruction(i)
}

// amxBytes returns the bytes of an instruction of AMX: VEX.128.0F38.W0, and what it is called. The prefix is 0 for none, 2 for
// F3, 3 for F2.
func amxBytes(i *ir.Instruction) (bytes []byte, text string) {
	prefix := map[string]byte{"TILERELEASE": 0, "LDTILECFG": 0, "TILESTORED": 2, "TDPBSUD": 2, "TDPBF16PS": 2, "TILEZERO": 3, "TILELOADD": 3}[i.Opcode]
	op := map[string]byte{"TILELOADD": 0x4b, "TILESTORED": 0x4b, "TDPBSUD": 0x5e, "TDPBF16PS": 0x5c}[i.Opcode]
	if op == 0 {
		op = 0x49
	}
	tileOf := func(n int) byte { return byte(i.Operands[n].(tile)) }
	switch i.Opcode {
	case "TILERELEASE":
		return []byte{0xc4, 0xe2, 0x78, op, 0xc0}, i.Opcode
	case "TILEZERO":
		t := tileOf(0)
		return []byte{0xc4, 0xe2, 0x78 | prefix, op, 0xc0 | t<<3}, fmt.Sprintf("%s T%d", i.Opcode, t)
	case "TDPBSUD", "TDPBF16PS":
		b, a, sum := tileOf(0), tileOf(1), tileOf(2)
		return []byte{0xc4, 0xe2, ^b&15<<3 | prefix, op, 0xc0 | sum<<3 | a}, fmt.Sprintf("%s T%d, T%d, T%d", i.Opcode, b, a, sum)
	}
	m := i.Operands[0].(operand.Mem)
	t, text := byte(0), i.Opcode+" "+m.Asm()
	if len(i.Operands) > 1 {
		t, text = tileOf(1), fmt.Sprintf("%s T%d, %s", i.Opcode, tileOf(1), m.Asm())
	}
	if i.Opcode == "TILELOADD" {
		text = fmt.Sprintf("%s %s, T%d", i.Opcode, m.Asm(), t)
	}
	base, index, scale := gpNumber(m.Base), byte(4), byte(0) // index 4 is none
	if m.Index != nil {
		index, scale = gpNumber(m.Index), map[uint8]byte{1: 0, 2: 1, 4: 2, 8: 3}[m.Scale]
	}
	d := uint32(int32(m.Disp))
	return []byte{
		0xc4, 0x82 | (^index>>3&1)<<6 | (^base>>3&1)<<5, 0x78 | prefix, op,
		0x84 | t<<3, scale<<6 | index&7<<3 | base&7, byte(d), byte(d >> 8), byte(d >> 16), byte(d >> 24),
	}, text
}

// gpNumber returns the number of a general register.
func gpNumber(r reg.Register) byte { return byte(reg.ToPhysical(r).PhysicalIndex()) }
