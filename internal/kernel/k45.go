package kernel

// Q4_K block, 144 bytes, 256 weights d·sc·q - dmin·mn, sc and mn per 32 weights:
//
//	0   half d, 2  half dmin
//	4   12 bytes: eight sc and eight mn of six bits, see scalesK4
//	16  128 bytes: four groups of 32 bytes of 64 weights; weight l of a group in the low, l+32 in the high half of byte l
//
// Q5_K block, 176 bytes, the same with five bits:
//
//	0   16 bytes as in Q4_K
//	16  32 bytes: bit j of byte l is bit 4 of weight 32·j+l's q
//	48  128 bytes as in Q4_K from byte 16

// scalesK4 unpacks 12 bytes s to eight scales and eight minima, each written for both groups of 16 of its 32 weights:
// sc 0 to 3 are the low six bits of s[0:4], mn 0 to 3 those of s[4:8]; sc 4 to 7 have their low four bits in the low
// halves of s[8:12] and their high two bits on top of s[0:4], mn 4 to 7 in the high halves and on top of s[4:8].
func scalesK4(sc, mn *[tileCols / kGroup]int32, s []byte) {
	s = s[:12]
	for i := range 4 {
		a, b, c := s[i], s[i+4], s[i+8]
		s0, s4 := int32(a&63), int32(c&15|a>>6<<4)
		m0, m4 := int32(b&63), int32(c>>4|b>>6<<4)
		sc[2*i], sc[2*i+1], sc[2*i+8], sc[2*i+9] = s0, s0, s4, s4
		mn[2*i], mn[2*i+1], mn[2*i+8], mn[2*i+9] = m0, m0, m4, m4
	}
}

// unpackQ4_K writes the codes, scales and minima of one block to a tile's row and returns their factors.
func unpackQ4_K(q *[tileCols]byte, sc, mn *[tileCols / kGroup]int32, w []byte) (d, dmin float32) {
	w = w[:144]
	scalesK4(sc, mn, w[4:])
	for g := range 4 {
		in, o := w[16+32*g:][:32], q[64*g:][:64]
		for l := 0; l < 32; l += 8 {
			x := load8(in[l:])
			store8(o[l:], x&lo4)
			store8(o[l+32:], x>>4&lo4)
		}
	}
	return half(w), half(w[2:])
}

// unpackQ5_K is unpackQ4_K for Q5_K.
func unpackQ5_K(q *[tileCols]byte, sc, mn *[tileCols / kGroup]int32, w []byte) (d, dmin float32) {
	w = w[:176]
	scalesK4(sc, mn, w[4:])
	for g := range 4 {
		in, o := w[48+32*g:][:32], q[64*g:][:64]
		for l := 0; l < 32; l += 8 {
			x, h := load8(in[l:]), load8(w[16+l:])>>(2*g)
			store8(o[l:], x&lo4|h&ones<<4)
			store8(o[l+32:], x>>4&lo4|h>>1&ones<<4)
		}
	}
	return half(w), half(w[2:])
}
