package kernel

// Q2_K block, 84 bytes, 256 weights d·sc·q - dmin·mn, sc and mn per 16 weights:
//
//	0   16 bytes: sc in the low, mn in the high four bits
//	16  64 bytes: two groups of 32 bytes of 128 weights; weight 32·j+l of a group is bits 2j and 2j+1 of byte l
//	80  half d, 82  half dmin
//
// Q3_K block, 110 bytes, 256 weights d·(sc-32)·(q-4), sc per 16 weights:
//
//	0   32 bytes: bit j of byte l is bit 2 of weight 32·j+l's q
//	32  64 bytes: bits 0 and 1 of q, laid out as in Q2_K
//	96  12 bytes: bits 0 to 3 of the 16 sc in the halves of bytes 0 to 7 (sc 0 to 7 low, 8 to 15 high),
//	    bits 4 and 5 in bytes 8 to 11: sc i in bits 2·(i/4) of byte 8+i%4
//	108 half d

// unpackQ2_K writes the codes, scales and minima of one block to a tile's row and returns their factors.
func unpackQ2_K(q *[tileCols]byte, sc, mn *[tileCols / kGroup]int32, w []byte) (d, dmin float32) {
	w = w[:84]
	for i, s := range w[:16] {
		sc[i], mn[i] = int32(s&15), int32(s>>4)
	}
	for l := 0; l < 32; l += 8 {
		x, y := load8(w[16+l:]), load8(w[48+l:])
		for j := range 4 {
			store8(q[32*j+l:], x>>(2*j)&lo2)
			store8(q[128+32*j+l:], y>>(2*j)&lo2)
		}
	}
	return half(w[80:]), half(w[82:])
}

// unpackQ3_K writes the codes and scales of one block to a tile's row and returns d.
func unpackQ3_K(q *[tileCols]byte, sc *[tileCols / kGroup]int32, w []byte) (d float32) {
	w = w[:110]
	for i := range 8 {
		high := w[104+i&3] >> (i >> 2 << 1)
		sc[i] = int32(w[96+i]&15|high&3<<4) - 32
		sc[i+8] = int32(w[96+i]>>4|high>>4&3<<4) - 32
	}
	for l := 0; l < 32; l += 8 {
		x, y, h := load8(w[32+l:]), load8(w[64+l:]), load8(w[l:])
		for j := range 4 {
			store8(q[32*j+l:], x>>(2*j)&lo2|h>>j&ones<<2)
			store8(q[128+32*j+l:], y>>(2*j)&lo2|h>>(j+4)&ones<<2)
		}
	}
	return half(w[108:])
}
