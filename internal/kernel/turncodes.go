package kernel

import (
	"encoding/binary"
	"fmt"
)

// Turned makes columns of n rows from row on, a multiple of StepCols: row r of what it returns has their codes of column
// r. The codes are written to dst, of CodesSize(n, c.Cols, c.Bits) bytes.
func (c Codes) Turned(dst []byte, row, n int) Codes {
	c.check()
	step := StepCols(c.Bits)
	if row < 0 || n < 0 || n%step != 0 || c.first != 0 || row+n > c.Rows || len(dst) < CodesSize(n, c.Cols, c.Bits) {
		panic(fmt.Sprintf("kernel: %d rows of %d×%d codes of %d bits, from row %d on, turned into %d bytes", n, c.Rows, c.Cols, c.Bits, row, len(dst)))
	}
	for r := 0; r < n && c.Cols > 0; r += step {
		vectors().turn(dst[r/step*4*c.Cols:], c.Codes[4*(row+r):], 4*c.Rows, c.Cols/step, c.Bits)
	}
	return Codes{Codes: dst[:CodesSize(n, c.Cols, c.Bits)], Rows: c.Cols, Cols: n, Bits: c.Bits}
}

// turnGeneric turns blocks squares of 32/bits rows and columns, lds bytes apart in src and one behind the other in dst.
func turnGeneric(dst, src []byte, lds, blocks, bits int) {
	for i := range blocks {
		from, to := src[i*lds:], dst[i*4*StepCols(bits):]
		switch bits {
		case 4:
			turnSquare4((*[32]byte)(to), (*[32]byte)(from))
		case 2:
			turnSquare2((*[64]byte)(to), (*[64]byte)(from))
		default:
			turnSquare1((*[128]byte)(to), (*[128]byte)(from))
		}
	}
}

// turnSquare4 turns a square of 8 × 8. Rows i and i+4 lie in one word, so that two squares of 4 × 4 bytes are transposed
// at once; then the halves of bytes, which are four rows, or columns, apart, change places.
func turnSquare4(dst, src *[32]byte) {
	const even, low = 0x00ff00ff00ff00ff, 0x0f0f0f0f
	row := func(i int) uint64 {
		return uint64(binary.LittleEndian.Uint32(src[4*i:])) | uint64(binary.LittleEndian.Uint32(src[4*i+16:]))<<32
	}
	r0, r1, r2, r3 := row(0), row(1), row(2), row(3)
	a, b := r0&even|r1&even<<8, r0>>8&even|r1&^even // columns 0 and 2, 1 and 3, of rows 0 and 1
	c, d := r2&even|r3&even<<8, r2>>8&even|r3&^even
	const half = 0x0000ffff0000ffff
	for i, x := range [4]uint64{a&half | c&half<<16, b&half | d&half<<16, a>>16&half | c&^half, b>>16&half | d&^half} {
		first, last := uint32(x), uint32(x>>32)
		binary.LittleEndian.PutUint32(dst[4*i:], first&low|last&low<<4)
		binary.LittleEndian.PutUint32(dst[4*i+16:], first>>4&low|last&^low)
	}
}

// turnSquare2 turns a square of 16 × 16: each byte of a row has the codes of columns that are four apart, which with
// those of rows that are four apart make a square of 4 × 4.
func turnSquare2(dst, src *[64]byte) {
	for y := range 4 {
		for x := range 4 {
			w := uint32(src[4*y+x]) | uint32(src[4*y+x+16])<<8 | uint32(src[4*y+x+32])<<16 | uint32(src[4*y+x+48])<<24
			t := (w ^ w>>6) & 0x00cc00cc
			w ^= t ^ t<<6
			t = (w ^ w>>12) & 0x0000f0f0
			w ^= t ^ t<<12
			dst[4*x+y], dst[4*x+y+16], dst[4*x+y+32], dst[4*x+y+48] = byte(w), byte(w>>8), byte(w>>16), byte(w>>24)
		}
	}
}

// turnSquare1 turns a square of 32 × 32, in squares of 8 × 8 as turnSquare2 does (H. S. Warren, Hacker's Delight, 7-3).
func turnSquare1(dst, src *[128]byte) {
	for y := range 4 {
		for x := range 4 {
			w := uint64(0)
			for m := range 8 {
				w |= uint64(src[4*y+x+16*m]) << (8 * m)
			}
			t := (w ^ w>>7) & 0x00aa00aa00aa00aa
			w ^= t ^ t<<7
			t = (w ^ w>>14) & 0x0000cccc0000cccc
			w ^= t ^ t<<14
			t = (w ^ w>>28) & 0x00000000f0f0f0f0
			w ^= t ^ t<<28
			for k := range 8 {
				dst[4*x+y+16*k] = byte(w >> (8 * k))
			}
		}
	}
}
