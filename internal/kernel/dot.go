package kernel

// The integer dot product of the generic kernels multiplies four columns at once. A word with the codes w0 … w3 in
// lanes of 16 bits, times a word with the activations x3 … x0 in the opposite order, is a product of two polynomials in
// B = 2^16:
//
//	(w0 + w1·B + w2·B² + w3·B³)·(x3 + x2·B + x1·B² + x0·B³)
//
// whose coefficient of B³ is w0·x0 + w1·x1 + w2·x2 + w3·x3; higher ones fall off the word. The sums in the lower lanes
// are signed and borrow at most one from the top lane, which rounding gives back. Every lane must stay within 15 bits
// and sign: with |x| ≤ 127 four-bit codes allow 16 columns before the top lane is taken out, five-bit codes 8, six-bit
// codes 4; eight-bit codes are split in two halves.

const (
	bytesOf16 = 0x00ff00ff00ff00ff // the even bytes of a word as lanes
	halfOf16  = 0x000f000f000f000f // their low four bits
	onesOf16  = 0x0001000100010001
)

// top takes the coefficient of B³ out of a sum of products.
func top(s uint64) int32 { return int32(int64(s+1<<47) >> 48) }

// packed holds up to 256 activations of one token ready for the product: two words per 8 columns, the even columns and
// the odd ones, first column in the top lane; and their sums by 16 columns.
type packed struct {
	x   [tileCols / 4]uint64
	sum [tileCols / kGroup]int32
}

// pack takes len(q) activations, a multiple of 16, at most 256. It leaves what is behind them as it was.
func (p *packed) pack(q []int8) {
	for g := range min(len(q), tileCols) / kGroup {
		x := (*[4]uint64)(p.x[4*g:])
		x[0], x[1] = lanes((*[8]int8)(q[16*g:]))
		x[2], x[3] = lanes((*[8]int8)(q[16*g+8:]))
		p.sum[g] = top((x[0] + x[1] + x[2] + x[3]) * onesOf16)
	}
}

// lanes returns the words of 8 activations.
func lanes(q *[8]int8) (even, odd uint64) {
	even = uint64(int64(q[6]) + int64(q[4])<<16 + int64(q[2])<<32 + int64(q[0])<<48)
	odd = uint64(int64(q[7]) + int64(q[5])<<16 + int64(q[3])<<32 + int64(q[1])<<48)
	return even, odd
}

// dot sets s[g] = Σ w·x over 16 columns for the first n groups; the codes w have the given number of bits.
func (p *packed) dot(s *[tileCols / kGroup]int32, w *[tileCols]byte, n, bits int) {
	n = min(n, len(s))
	switch {
	case bits <= 4:
		for g := range n {
			s[g] = dot4((*[16]byte)(w[16*g:]), (*[4]uint64)(p.x[4*g:]))
		}
	case bits == 5:
		for g := range n {
			s[g] = dot5((*[16]byte)(w[16*g:]), (*[4]uint64)(p.x[4*g:]))
		}
	case bits == 6:
		for g := range n {
			s[g] = dot6((*[16]byte)(w[16*g:]), (*[4]uint64)(p.x[4*g:]))
		}
	default:
		for g := range n {
			s[g] = dot8((*[16]byte)(w[16*g:]), (*[4]uint64)(p.x[4*g:]))
		}
	}
}

// dot4 returns Σ w·x over 16 columns, codes below 16.
func dot4(w *[16]byte, x *[4]uint64) int32 {
	a, b := load8(w[:8]), load8(w[8:])
	return top((a&bytesOf16)*x[0] + (a>>8&bytesOf16)*x[1] + (b&bytesOf16)*x[2] + (b>>8&bytesOf16)*x[3])
}

// dot5 is dot4 for codes below 32.
func dot5(w *[16]byte, x *[4]uint64) int32 {
	a, b := load8(w[:8]), load8(w[8:])
	return top((a&bytesOf16)*x[0]+(a>>8&bytesOf16)*x[1]) + top((b&bytesOf16)*x[2]+(b>>8&bytesOf16)*x[3])
}

// dot6 is dot4 for codes below 64.
func dot6(w *[16]byte, x *[4]uint64) int32 {
	a, b := load8(w[:8]), load8(w[8:])
	return top((a&bytesOf16)*x[0]) + top((a>>8&bytesOf16)*x[1]) + top((b&bytesOf16)*x[2]) + top((b>>8&bytesOf16)*x[3])
}

// dot8 is dot4 for codes below 256.
func dot8(w *[16]byte, x *[4]uint64) int32 {
	a, b := load8(w[:8]), load8(w[8:])
	low := (a&halfOf16)*x[0] + (a>>8&halfOf16)*x[1] + (b&halfOf16)*x[2] + (b>>8&halfOf16)*x[3]
	high := (a>>4&halfOf16)*x[0] + (a>>12&halfOf16)*x[1] + (b>>4&halfOf16)*x[2] + (b>>12&halfOf16)*x[3]
	return top(low) + top(high)<<4
}
