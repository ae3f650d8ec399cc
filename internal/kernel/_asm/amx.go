package main

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The instructions of AMX, which neither avo nor Go's assembler knows: Intel 64 and IA-32 Architectures Software
// Developer's Manual, volume 2, has their encodings. avo allocates the registers of their addresses; writeBytes writes
// their bytes.
//
// Tiles are configured and released within a function: between calls a goroutine may move to another thread.

// isaAMX marks these instructions.
const isaAMX = "AMX"

// tile is one of the registers T0 to T7.
type tile = operand.U8

// tileShape is what a tile is configured for; the zero value is a tile that is not used.
type tileShape struct{ rows, bytes int }

// LDTILECFG configures the tiles: palette 1, the bytes of a row from byte 16 on, the rows from byte 48 on. name is that
// of the table.
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
func (g *gen) TILESTORED(t tile, m operand.Mem) { g.amx("TILESTORED", t, m) }

// TDPBSUD adds to row i of sum, in lane j, Σ a[i,k]·b[k/4,j,k%4]: a has signed bytes, b unsigned ones, sum int32.
func (g *gen) TDPBSUD(b, a, sum tile) { g.amx("TDPBSUD", b, a, sum) }

// TDPBF16PS adds to row i of sum, in lane j, Σ a[i,k]·b[k/2,j,k%2]: a and b have bfloat16, sum floats.
func (g *gen) TDPBF16PS(b, a, sum tile) { g.amx("TDPBF16PS", b, a, sum) }

func (g *gen) amx(name string, ops ...operand.Op) {
	i := &ir.Instruction{Opcode: name, ISA: []string{isaAMX}, Operands: ops}
	for _, op := range ops {
		if m, ok := op.(operand.Mem); ok {
			i.Inputs = append(i.Inputs, m)
		}
	}
	g.Instruction(i)
}

// amxCodes are the prefixes, 0 for none, 2 for F3 and 3 for F2, and the operation codes of these instructions.
var amxCodes = map[string][2]byte{
	"LDTILECFG": {0, 0x49}, "TILERELEASE": {0, 0x49}, "TILEZERO": {3, 0x49}, "TILELOADD": {3, 0x4b},
	"TILESTORED": {2, 0x4b}, "TDPBSUD": {2, 0x5e}, "TDPBF16PS": {2, 0x5c},
}

// amxBytes returns the bytes of an instruction of AMX, VEX.128.0F38.W0, and what it is called.
func amxBytes(i *ir.Instruction) (bytes []byte, text string) {
	var memory []operand.Mem
	var tiles []byte
	text = i.Opcode
	for _, op := range i.Operands {
		if m, ok := op.(operand.Mem); ok {
			memory = append(memory, m)
			text += " " + m.Asm()
			continue
		}
		t := byte(op.(tile))
		tiles = append(tiles, t)
		text += fmt.Sprintf(" T%d", t)
	}
	code := amxCodes[i.Opcode]
	registers, last := byte(0xe2), 0x78|code[0]
	switch {
	case len(memory) == 1:
		m, t := memory[0], append(tiles, 0)[0]
		base, index, scale := gpNumber(m.Base), byte(4), uint8(1) // index 4 is none
		if m.Index != nil {
			index, scale = gpNumber(m.Index), m.Scale
		}
		registers &^= index>>3<<6 | base>>3<<5
		bytes = []byte{0x84 | t<<3, byte(bits.TrailingZeros8(scale))<<6 | index&7<<3 | base&7}
		bytes = binary.LittleEndian.AppendUint32(bytes, uint32(int32(m.Disp)))
	case len(tiles) == 3:
		b, a, sum := tiles[0], tiles[1], tiles[2]
		last &^= b << 3
		bytes = []byte{0xc0 | sum<<3 | a}
	case len(tiles) == 1:
		bytes = []byte{0xc0 | tiles[0]<<3}
	default:
		bytes = []byte{0xc0}
	}
	return append([]byte{0xc4, registers, last, code[1]}, bytes...), text
}

// gpNumber returns the number of a general register.
func gpNumber(r reg.Register) byte { return byte(reg.ToPhysical(r).PhysicalIndex()) }
