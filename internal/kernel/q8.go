package kernel

// Q8_0 block, 34 bytes, 32 weights d·q:
//
//	0  half d
//	2  32 int8 q

// unpackQ8_0 writes the codes, q+128, and scales of the blocks in w, at most 8, to a tile's row.
func unpackQ8_0(q *[tileCols]byte, d *[tileCols / q8Block]float32, w []byte) {
	for b := 0; len(w) >= 34 && b < len(d); b, w = b+1, w[34:] {
		d[b] = half(w)
		o := q[b*32:][:32]
		for j := 0; j < 32; j += 8 {
			store8(o[j:], load8(w[2+j:])^topBits)
		}
	}
}
