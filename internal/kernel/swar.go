package kernel

import "encoding/binary"

// Eight bytes in a uint64, first byte lowest: the unpackers of the generic kernels work on these. No byte of an operand
// may carry into the next; the comments say how large the bytes are.
const (
	ones    = 0x0101010101010101
	lo2     = 0x03 * ones
	lo4     = 0x0f * ones
	topBits = 0x80 * ones
)

// load8 reads eight bytes, store8 writes them.
func load8(b []byte) uint64     { return binary.LittleEndian.Uint64(b) }
func store8(b []byte, x uint64) { binary.LittleEndian.PutUint64(b, x) }

// bits8 returns 8 bytes: byte i is 0x10 when bit i of b is set, else 0.
func bits8(b byte) uint64 {
	// Byte i keeps bit i of b alone: 0 or 2^i. Adding 0x7f carries it to bit 7.
	x := uint64(b) * ones & 0x8040201008040201
	return (x + 0x7f*ones) >> 3 & (0x10 * ones)
}
