package encode

import "github.com/latentgo/latentgo/internal/kernel"

// The ternary types: w = d·q with q one of -1, 0, 1, and d the largest magnitude, since models that were trained for
// them have no other weights.
//
// TQ2_0 block, 66 bytes: 64 bytes, two groups of 32 of 128 weights; weight 32·j+l of a group is q+1 at bit 2j of byte
// l; then half d.
//
// TQ1_0 block, 54 bytes: 32 bytes of five weights each, at distances of 32, 16 bytes of five at distances of 16, 4
// bytes of four at distances of 4, and half d. The q+1 of a byte are the digits of a number in base 3, the first the
// highest, which is scaled so that the byte is ⌈256·number/243⌉.

// ternary writes the codes q+1 of at most 256 weights, a multiple of 32, and returns d.
func ternary(q *[block]byte, x []float32) (d float32) {
	d = kernel.AbsMax(x)
	kernel.RoundAway(q[:len(x)], x, invert(d))
	for i := 0; i < len(x); i += 8 {
		two := load8(q[i:]) & lo2 // bits 0 and 1 of q: 3 for -1
		store8(q[i:], (two+ones)&lo2)
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
	putDigits(b[:32], q[:])
	putDigits(b[32:48], q[160:])
	for i := range 4 {
		q := q[240+i:]
		b[48+i] = digitBytes[81*int(q[0])+27*int(q[4])+9*int(q[8])+3*int(q[12])]
	}
	putHalf(b[52:], d)
}

// putDigits packs five codes into each byte, those at distances of len(b), a multiple of 8. No number is above 242, so that
// eight of them add up side by side in one integer.
func putDigits(b, q []byte) {
	for i := 0; i < len(b); i += 8 {
		numbers := uint64(0)
		for j := range 5 {
			numbers = 3*numbers + load8(q[i+j*len(b):])
		}
		store8(b[i:], numbers)
	}
	for i, number := range b {
		b[i] = digitBytes[number]
	}
}

// digitBytes are the bytes of the numbers of five digits.
var digitBytes = func() (all [243]byte) {
	for n := range all {
		all[n] = byte((256*n + 242) / 243)
	}
	return all
}()

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
