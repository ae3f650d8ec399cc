package encode

import "math"

// The ternary types: w = d·q with q one of -1, 0, 1, and d the largest magnitude, since models that were trained for
// them have no other weights.
//
// TQ2_0 block, 66 bytes: 64 bytes, two groups of 32 of 128 weights; weight 32·j+l of a group is q+1 at bit 2j of byte
// l; then half d.
//
// TQ1_0 block, 54 bytes: 32 bytes of five weights each, at distances of 32, 16 bytes of five at distances of 16, 4
// bytes of four at distances of 4, and half d. The q+1 of a byte are the digits of a number in base 3, the first the
// highest, which is scaled so that the byte is ⌈256·number/243⌉.

// ternary writes the codes q+1 of 256 weights.
func ternary(q *[block]byte, x []float32) (d float32) {
	for _, v := range x {
		d = max(d, abs(v))
	}
	inv := invert(d)
	for i, v := range x {
		q[i] = byte(int(math.Round(float64(v*inv))) + 1)
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
