package kernel

// Q4_0 block, 18 bytes, 32 weights d·(q-8):
//
//	0  half d
//	2  16 bytes: q of weight j in the low, of weight j+16 in the high four bits of byte j
//
// Q4_1 block, 20 bytes, 32 weights d·q + m:
//
//	0  half d, 2  half m
//	4  16 bytes as in Q4_0

// unpackQ4_0 writes the codes and scales of the blocks in w, at most 8, to a tile's row.
func unpackQ4_0(q *[tileCols]byte, d *[tileCols / q8Block]float32, w []byte) {
	for b := 0; len(w) >= 18 && b < len(d); b, w = b+1, w[18:] {
		d[b] = half(w)
		x0, x1 := load8(w[2:]), load8(w[10:])
		o := q[b*32:][:32]
		store8(o, x0&lo4)
		store8(o[8:], x1&lo4)
		store8(o[16:], x0>>4&lo4)
		store8(o[24:], x1>>4&lo4)
	}
}

// unpackQ4_1 is unpackQ4_0 for Q4_1.
func unpackQ4_1(q *[tileCols]byte, d, m *[tileCols / q8Block]float32, w []byte) {
	for b := 0; len(w) >= 20 && b < len(d); b, w = b+1, w[20:] {
		d[b], m[b] = half(w), half(w[2:])
		x0, x1 := load8(w[4:]), load8(w[12:])
		o := q[b*32:][:32]
		store8(o, x0&lo4)
		store8(o[8:], x1&lo4)
		store8(o[16:], x0>>4&lo4)
		store8(o[24:], x1>>4&lo4)
	}
}
