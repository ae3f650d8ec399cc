package kernel

// Q6_K block, 210 bytes, 256 weights d·sc·(q-32), sc per 16 weights:
//
//	0   128 bytes: two groups of 64 bytes of 128 weights; weight l of a group has bits 0 to 3 of its q in the low half of
//	    byte l (l below 64) or in the high half of byte l-64
//	128 64 bytes: two groups of 32 bytes; bits 4 and 5 of weight 32·j+l are bits 2j and 2j+1 of byte l
//	192 16 int8 sc
//	208 half d

// unpackQ6_K writes the codes and scales of one block to a tile's row and returns d.
func unpackQ6_K(q *[tileCols]byte, sc *[tileCols / kGroup]int32, w []byte) (d float32) {
	w = w[:210]
	for i, s := range w[192:208] {
		sc[i] = int32(int8(s))
	}
	for g := range 2 {
		lo, hi, o := w[64*g:][:64], w[128+32*g:][:32], q[128*g:][:128]
		for l := 0; l < 32; l += 8 {
			x, y, h := load8(lo[l:]), load8(lo[l+32:]), load8(hi[l:])
			store8(o[l:], x&lo4|h&lo2<<4)
			store8(o[l+32:], y&lo4|h>>2&lo2<<4)
			store8(o[l+64:], x>>4&lo4|h>>4&lo2<<4)
			store8(o[l+96:], y>>4&lo4|h>>6&lo2<<4)
		}
	}
	return half(w[208:])
}
