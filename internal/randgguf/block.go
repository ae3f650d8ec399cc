package main

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"github.com/x448/float16"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// A quantised weight is d·(its code's value); the values have a known root mean square when every code is as likely as
// every other, so d = σ/rms gives weights of mean square σ². That is all a maker does: it overwrites the scales in a
// block of random bytes and leaves the codes. Package quant describes the layouts.
//
// The mean must be 0, or each product would hold a multiple of the sum of its inputs, the same in all rows, which grows
// from layer to layer until it is all there is. Types with a minimum are centred by it. Others have codes
// like -8 … 7, whose mean is -½: there d has a random sign.

// maker turns random bytes into blocks of one type.
type maker struct {
	rms float64 // of a weight when d is 1
	set func(b []byte, d float32)
}

// makers are those of the types in blocks.
var makers = map[ggtype.Type]maker{
	ggtype.Q4_0: {rms(-8, 7), func(b []byte, d float32) { putHalf(b, signed(b, d)) }},
	ggtype.Q4_1: {rms(-7.5, 7.5), func(b []byte, d float32) { centre(b, d, -7.5) }},
	ggtype.Q5_0: {rms(-16, 15), func(b []byte, d float32) { putHalf(b, signed(b, d)) }},
	ggtype.Q5_1: {rms(-15.5, 15.5), func(b []byte, d float32) { centre(b, d, -15.5) }},
	ggtype.Q8_0: {rms(-127, 127), makeQ8_0},
	ggtype.Q2_K: {rms(8, 15) * rms(-1.5, 1.5), makeQ2_K},
	// The six-bit scales of Q3_K, the eight-bit ones of Q6_K and the six-bit ones of IQ4_XS may be anything.
	ggtype.Q3_K: {rms(-32, 31) * rms(-4, 3), func(b []byte, d float32) { putHalf(b[108:], signed(b[108:], d)) }},
	ggtype.Q4_K: {rms(32, 63) * rms(-7.5, 7.5), func(b []byte, d float32) { makeK45(b, d, 7.5) }},
	ggtype.Q5_K: {rms(32, 63) * rms(-15.5, 15.5), func(b []byte, d float32) { makeK45(b, d, 15.5) }},
	ggtype.Q6_K: {rms(-128, 127) * rms(-32, 31), func(b []byte, d float32) { putHalf(b[208:], signed(b[208:], d)) }},

	ggtype.IQ4_NL: {iq4RMS, func(b []byte, d float32) { putHalf(b, signed(b, d)) }},
	ggtype.IQ4_XS: {rms(-32, 31) * iq4RMS, func(b []byte, d float32) { putHalf(b, signed(b, d)) }},
	ggtype.MXFP4:  {math.Sqrt(2 * (1 + 4 + 9 + 16 + 36 + 64 + 144) / 16.), makeMXFP4},
}

// iq4RMS is the root mean square of the 16 values of IQ4_NL.
const iq4RMS = 67.438861

// rms returns the root mean square of lo, lo+1, … hi.
func rms(lo, hi float64) float64 {
	sum, n := 0.0, 0.0
	for v := lo; v <= hi; v++ {
		sum += v * v
		n++
	}
	return math.Sqrt(sum / n)
}

// fill writes random weights of type t and standard deviation sigma to dst, whole blocks.
func fill(dst []byte, t ggtype.Type, r *rand.PCG, sigma float64) {
	_, size := t.Block()
	if m, ok := makers[t]; ok {
		random(dst, r)
		d := sigma / m.rms
		for ; len(dst) >= size; dst = dst[size:] {
			m.set(dst[:size], float32(d*jitter(dst)))
		}
		return
	}
	for ; len(dst) >= size; dst = dst[size:] {
		putFloat(dst, t, float32(sigma*normal(r)))
	}
}

// random fills dst with random bytes.
func random(dst []byte, r *rand.PCG) {
	for ; len(dst) >= 8; dst = dst[8:] {
		binary.LittleEndian.PutUint64(dst, r.Uint64())
	}
	var last [8]byte
	binary.LittleEndian.PutUint64(last[:], r.Uint64())
	copy(dst, last[:])
}

// jitter returns a number around 1 from a block's first byte, so that scales differ from block to block: a kernel that
// takes the wrong one shall not go unnoticed.
func jitter(b []byte) float64 { return 0.75 + float64(b[0])/512 }

// normal returns a number of mean 0 and standard deviation 1: the sum of four uniform ones is normal enough here.
func normal(r *rand.PCG) float64 {
	x := r.Uint64()
	sum := x&0xFFFF + x>>16&0xFFFF + x>>32&0xFFFF + x>>48
	return (float64(sum)/65536 - 2 + 2./65536) * 1.7320508
}

// signed returns d with the sign of the random half float at b, which d will replace.
func signed(b []byte, d float32) float32 {
	if b[1]&0x80 != 0 {
		return -d
	}
	return d
}

// centre writes the scale d and the minimum m·d.
func centre(b []byte, d, m float32) {
	putHalf(b, d)
	putHalf(b[2:], m*d)
}

// makeQ8_0 keeps the codes but -128, which no encoder writes.
func makeQ8_0(b []byte, d float32) {
	putHalf(b, signed(b, d))
	for i, q := range b[2:34] {
		if q == 0x80 {
			b[2+i] = 0x81
		}
	}
}

// makeQ2_K gives each group a scale of 8 … 15 and the same minimum, which 1.5·d turns into the codes' mean.
func makeQ2_K(b []byte, d float32) {
	for i, s := range b[:16] {
		b[i] = (8 | s&7) * 0x11
	}
	putHalf(b[80:], d)
	putHalf(b[82:], 1.5*d)
}

// makeK45 gives each group of a Q4_K or Q5_K block a scale of 32 … 63 and the same minimum, which mean·d turns into the
// codes' mean. Bits 5 and 7 of the first four bytes are the top bits of all eight scales, the next four
// bytes hold the minima in the same way, the last four the low halves of scales and minima 4 to 7.
func makeK45(b []byte, d, mean float32) {
	putHalf(b, d)
	putHalf(b[2:], mean*d)
	for i := 4; i < 8; i++ {
		b[i] |= 0xA0
		b[i+4] = b[i]
		b[i+8] = b[i+8] & 15 * 0x11
	}
}

// makeMXFP4 rounds d to a power of two, up or down at random so that the mean square is kept. The dice are the byte
// that jitter took, scrambled: a byte of codes would favour some of them.
func makeMXFP4(b []byte, d float32) {
	x := math.Log2(float64(d))
	e := math.Floor(x)
	if up := (math.Exp2(2*(x-e)) - 1) / 3; float64(b[0]*167)/256 < up {
		e++
	}
	b[0] = byte(128 + e)
}

// putFloat writes one weight of a type that is not in blocks.
func putFloat(b []byte, t ggtype.Type, f float32) {
	switch t {
	case ggtype.F16:
		putHalf(b, f)
	case ggtype.BF16:
		binary.LittleEndian.PutUint16(b, uint16(math.Float32bits(f)>>16))
	default:
		binary.LittleEndian.PutUint32(b, math.Float32bits(f))
	}
}

// putHalf writes f as a half float.
func putHalf(b []byte, f float32) { binary.LittleEndian.PutUint16(b, float16.Fromfloat32(f).Bits()) }
