package kernel

import (
	"encoding/binary"
	"fmt"
)

// TurnCodes makes columns of the rows of 4-bit codes: src are those of rows × cols, dst those of cols × rows. Both are
// multiples of 8.
func TurnCodes(dst, src []byte, rows, cols int) {
	n := CodesSize(rows, cols, 4)
	if min(rows, cols) < 0 || rows%8 != 0 || cols%8 != 0 || min(len(src), len(dst)) < n {
		panic(fmt.Sprintf("kernel: %d×%d codes in %d bytes turned to %d", rows, cols, len(src), len(dst)))
	}
	for col := 0; col < cols; col += 8 {
		for row := 0; row < rows; row += 8 {
			turnSquare((*[32]byte)(dst[4*(row/8*cols+col):]), (*[32]byte)(src[4*(col/8*rows+row):]))
		}
	}
}

// turnSquare turns a square of 8 × 8. Rows i and i+4 lie in one word, so that two squares of 4 × 4 bytes are transposed
// at once; then the halves of bytes, which are four rows, or columns, apart, change places.
func turnSquare(dst, src *[32]byte) {
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
