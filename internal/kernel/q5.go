package kernel

// Q5_0 block, 22 bytes, 32 weights d·(q-16):
//
//	0  half d
//	2  4 bytes: bit j is bit 4 of weight j's q
//	6  16 bytes: bits 0 to 3 of q, laid out as in Q4_0
//
// Q5_1 block, 24 bytes, 32 weights d·q + m:
//
//	0  half d, 2  half m
//	4  20 bytes as in Q5_0 from byte 2

// unpackQ5_0 writes the codes and scales of the blocks in w, at most 8, to a tile's row.
func unpackQ5_0(q *[tileCols]byte, d *[tileCols / q8Block]float32, w []byte) {
	for b := 0; len(w) >= 22 && b < len(d); b, w = b+1, w[22:] {
		d[b] = half(w)
		x0, x1 := load8(w[6:]), load8(w[14:])
		o := q[b*32:][:32]
		store8(o, x0&lo4|bits8(w[2]))
		store8(o[8:], x1&lo4|bits8(w[3]))
		store8(o[16:], x0>>4&lo4|bits8(w[4]))
		store8(o[24:], x1>>4&lo4|bits8(w[5]))
	}
}

// unpackQ5_1 is unpackQ5_0 for Q5_1.
func unpackQ5_1(q *[tileCols]byte, d, m *[tileCols / q8Block]float32, w []byte) {
	for b := 0; len(w) >= 24 && b < len(d); b, w = b+1, w[24:] {
		d[b], m[b] = half(w), half(w[2:])
		x0, x1 := load8(w[8:]), load8(w[16:])
		o := q[b*32:][:32]
		store8(o, x0&lo4|bits8(w[4]))
		store8(o[8:], x1&lo4|bits8(w[5]))
		store8(o[16:], x0>>4&lo4|bits8(w[6]))
		store8(o[24:], x1>>4&lo4|bits8(w[7]))
	}
}
