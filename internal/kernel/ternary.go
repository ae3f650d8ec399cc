package kernel

// TQ2_0 block, 66 bytes, 256 weights d·(q-1): 64 bytes of q as in Q2_K, half d.
//
// TQ1_0 block, 54 bytes, the same with q packed as digits of base 3: 32 bytes of five weights each, at distances of 32,
// 16 bytes of five at distances of 16, 4 bytes of four at distances of 4; half d. A byte is ⌈256·n/243⌉ of a number n
// of five digits, so that multiplying it by 3 carries the first digit out at the top.
//
// Q1_0 block, 18 bytes, 128 weights d·(2q-1): half d; bit l of byte i is q of weight 8i+l.
//
// Q2_0 block, 18 bytes, 64 weights d·(q-1): half d; bits 2l and 2l+1 of byte i are q of weight 4i+l.

// unpackTQ2_0 writes the codes and scales of one block to a tile's row and returns d.
func unpackTQ2_0(q *[tileCols]byte, sc *[tileCols / kGroup]int32, w []byte) float32 {
	w = w[:66]
	for l := 0; l < 32; l += 8 {
		x, y := load8(w[l:]), load8(w[32+l:])
		for j := range 4 {
			store8(q[32*j+l:], x>>(2*j)&lo2)
			store8(q[128+32*j+l:], y>>(2*j)&lo2)
		}
	}
	for g := range sc {
		sc[g] = 1
	}
	return half(w[64:])
}

// unpackTQ1_0 is unpackTQ2_0 for TQ1_0.
func unpackTQ1_0(q *[tileCols]byte, sc *[tileCols / kGroup]int32, w []byte) float32 {
	w = w[:54]
	digits(q[:160], w[:32])
	digits(q[160:240], w[32:48])
	digits(q[240:], w[48:52])
	for g := range sc {
		sc[g] = 1
	}
	return half(w[52:])
}

// digits unpacks len(q)/len(w) digits of each byte, at distances of len(w).
func digits(q, w []byte) {
	for i, b := range w {
		n := uint16(b)
		for j := i; j < len(q); j += len(w) {
			n *= 3
			q[j] = byte(n >> 8)
			n &= 0xff
		}
	}
}

// unpackQ1_0 writes the codes and scales of the blocks in w, at most 2, to a tile's row.
func unpackQ1_0(q *[tileCols]byte, d *[tileCols / q8Block]float32, w []byte) {
	for b := 0; len(w) >= 18 && b < 2; b, w = b+1, w[18:] {
		for i := range 4 {
			d[4*b+i] = half(w)
		}
		for i, bits := range w[2:18] {
			store8(q[128*b+8*i:], bits8(bits)>>3) // 0 or 2
		}
	}
}

// unpackQ2_0 writes the codes and scales of the blocks in w, at most 4, to a tile's row.
func unpackQ2_0(q *[tileCols]byte, d *[tileCols / q8Block]float32, w []byte) {
	for b := 0; len(w) >= 18 && b < 4; b, w = b+1, w[18:] {
		d[2*b], d[2*b+1] = half(w), half(w)
		for i, x := range w[2:18] {
			for l := range 4 {
				q[64*b+4*i+l] = x >> (2 * l) & 3
			}
		}
	}
}
