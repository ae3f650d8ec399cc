package encode

// The ternary types: w = d·q with q one of -1, 0, 1, and d the largest magnitude, since models that were trained for
// them have no other weights.
//
// TQ2_0 block, 66 bytes: 64 bytes, two groups of 32 of 128 weights; weight 32·j+l of a group is q+1 at bit 2j of byte
// l; then half d.
//
// TQ1_0 block, 54 bytes: 32 bytes of five weights each, at distances of 32, 16 bytes of five at distances of 16, 4
// bytes of four at distances of 4, and half d. The q+1 of a byte are the digits of a number in base 3, the first the
// highest, which is scaled so that the byte is ⌈256·number/243⌉.

// ternary writes the codes q+1 of at most 256 weights.
func ternary(q *[block]byte, x []float32) (d float32) {
	for _, v := range x {
		d = max(d, abs(v))
	}
	inv := invert(d)
	for i, v := range x {
		var up, down byte
		if v = float32(v * inv); v >= 0.5 { // halves go away from zero
			up = 1
		}
		if v <= -0.5 {
			down = 1
		}
		q[i] = 1 + up - down
	}
	return d
}

func encodeTQ2(b []byte, x, _ []float32) {
	var q [block]byte
	d := ternary(&q, x)
	putPairs(b, &q)
	putHalf(b[64:], d)
}

func encodeTQ1(b []byte, x, _ []float32) {
	var q [block]byte
	d := ternary(&q, x)
	putDigits(b[:32], q[:], 5)
	putDigits(b[32:48], q[160:], 5)
	putDigits(b[48:52], q[240:], 4)
	putHalf(b[52:], d)
}

// putDigits packs n codes into each byte, those at distances of len(b).
func putDigits(b, q []byte, n int) {
	for i := range b {
		number := 0
		for j := range 5 {
			number *= 3
			if j < n {
				number += int(q[i+j*len(b)])
			}
		}
		b[i] = byte((number*256 + 242) / 243)
	}
}

// Q1_0 block, 18 bytes, 128 weights ±d, d the mean of their magnitudes: half d; bit l of byte i is 1 for a weight 8i+l
// that is not negative.
//
// Q2_0 block, 18 bytes, 64 weights d·(q-1), d the largest magnitude, so that the q that stands for 2·d is not used: half
// d; bits 2l and 2l+1 of byte i are q of weight 4i+l.

func encodeQ1(b []byte, x, _ []float32) {
	sum := float32(0)
	for _, v := range x {
		sum += abs(v)
	}
	putHalf(b, sum/float32(len(x)))
	clear(b[2:])
	for i, v := range x {
		if v >= 0 {
			b[2+i/8] |= 1 << (i % 8)
		}
	}
}

func encodeQ2(b []byte, x, _ []float32) {
	var q [block]byte
	putHalf(b, ternary(&q, x))
	clear(b[2:])
	for i := range x {
		b[2+i/4] |= q[i] << (2 * (i % 4))
	}
}
