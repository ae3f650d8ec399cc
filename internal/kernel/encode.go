package kernel

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/x448/float16"
)

// Quantize encodes src as type t to dst: F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1 or Q8_0, with ggml's reference rounding
// (no search for a better scale). len(src) is a multiple of the type's block; dst needs t.RowBytes(len(src)) bytes and
// may be longer. Errors wrap ErrType, ErrShape, or ErrValue when a block type meets NaN or infinity.
func Quantize(dst []byte, t Type, src []float32) error {
	elems, bytes := t.Block()
	encode := encoders(t)
	if encode == nil {
		return fmt.Errorf("quantize to type %v: %w", t, ErrType)
	}
	if len(src)%elems != 0 || len(dst) < t.RowBytes(len(src)) {
		return fmt.Errorf("quantize %d weights to type %v in %d bytes: %w", len(src), t, len(dst), ErrShape)
	}
	for i := 0; i < len(src); i += elems {
		if elems > 1 && !finite((*[q8Block]float32)(src[i:])) {
			return fmt.Errorf("quantize weights %d to %d to type %v: %w", i, i+elems, t, ErrValue)
		}
		encode(dst[i/elems*bytes:][:bytes], src[i:i+elems])
	}
	return nil
}

// encoders returns the function that encodes one block of t, nil when there is none.
func encoders(t Type) func(b []byte, x []float32) {
	switch t {
	case F32:
		return func(b []byte, x []float32) { binary.LittleEndian.PutUint32(b, math.Float32bits(x[0])) }
	case F16:
		return func(b []byte, x []float32) { putHalf(b, x[0]) }
	case BF16:
		return func(b []byte, x []float32) { binary.LittleEndian.PutUint16(b, floatToBfloat(x[0])) }
	case Q4_0:
		return encodeQ4_0
	case Q4_1:
		return encodeQ4_1
	case Q5_0:
		return encodeQ5_0
	case Q5_1:
		return encodeQ5_1
	case Q8_0:
		return encodeQ8_0
	}
	return nil
}

// The encoders write one block each; q4.go, q5.go and q8.go show the layouts.

func encodeQ4_0(b []byte, x []float32) {
	var q [32]byte
	putHalf(b, symmetric(&q, x, 8))
	putNibbles(b[2:], &q)
}

func encodeQ4_1(b []byte, x []float32) {
	var q [32]byte
	d, m := affine(&q, x, 15)
	putHalf(b, d)
	putHalf(b[2:], m)
	putNibbles(b[4:], &q)
}

func encodeQ5_0(b []byte, x []float32) {
	var q [32]byte
	putHalf(b, symmetric(&q, x, 16))
	putFifths(b[2:], &q)
	putNibbles(b[6:], &q)
}

func encodeQ5_1(b []byte, x []float32) {
	var q [32]byte
	d, m := affine(&q, x, 31)
	putHalf(b, d)
	putHalf(b[2:], m)
	putFifths(b[4:], &q)
	putNibbles(b[8:], &q)
}

func encodeQ8_0(b []byte, x []float32) {
	block := (*[q8Block]float32)(x)
	d := abs(signedMax32(block)) / 127
	putHalf(b, d)
	roundAway32((*[q8Block]byte)(b[2:]), block, invert(d))
}

// symmetric fills q with codes of d·(q-n), d = -m/n with m the first value of the largest magnitude: m itself gets code
// 0, the value opposite to it would need code 2n and is clamped.
func symmetric(q *[32]byte, x []float32, n float32) (d float32) {
	block := (*[32]float32)(x)
	d = signedMax32(block) / -n
	codes32(q, block, 0, invert(d), n+0.5, 2*n-1)
	return d
}

// affine fills q with codes of d·q + m, with m the smallest value and the largest one at code n.
func affine(q *[32]byte, x []float32, n float32) (d, m float32) {
	block := (*[32]float32)(x)
	m, top := range32(block)
	d = (top - m) / n
	codes32(q, block, m, invert(d), 0.5, n)
	return d, m
}

// The functions for a block of 32 numbers have assembly, which calls by name: what goes through a function value escapes
// to the heap.

// range32Generic returns the smallest and the largest value; of zeros with either sign the first, as ggml does it.
func range32Generic(x *[32]float32) (lo, hi float32) {
	lo, hi = x[0], x[0]
	for _, v := range x {
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	return lo, hi
}

// codes32Generic sets q to (x-shift)·inv + bias, truncated to a code from 0 to top.
func codes32Generic(q *[32]byte, x *[32]float32, shift, inv, bias, top float32) {
	for j, v := range x {
		if v = float32((v-shift)*inv) + bias; v > top {
			v = top
		}
		q[j] = 0
		if v > 0 {
			q[j] = byte(v)
		}
	}
}

// roundAway32Generic sets q to x·inv rounded to int8, halves away from zero as C's roundf does it; activations round
// them to even.
func roundAway32Generic(q *[32]byte, x *[32]float32, inv float32) {
	for j, v := range x {
		q[j] = byte(int8(math.Round(float64(v * inv))))
	}
}

// RoundAway sets q to x·inv rounded to int8, halves away from zero. q is as long as x, a multiple of 32, or it panics.
func RoundAway(q []byte, x []float32, inv float32) {
	if len(q) != len(x) || len(x)%32 != 0 {
		panic("kernel: codes of another length than weights, or of no multiple of 32")
	}
	for i := 0; i < len(x); i += 32 {
		roundAway32((*[32]byte)(q[i:]), (*[32]float32)(x[i:]), inv)
	}
}

// SquaredErrors returns Σ(x-y)² and Σx² in double precision. y is as long as x, or it panics.
func SquaredErrors(x, y []float32) (errs, all float64) {
	sameLength(x, y, y)
	n := len(x) &^ 3
	if n > 0 {
		errs, all = squares(x[:n], y[:n])
	}
	e, a := squaresGeneric(x[n:], y[n:])
	return errs + e, all + a
}

func squaresGeneric(x, y []float32) (errs, all float64) {
	for i, v := range x {
		d := float64(v - y[i])
		errs += d * d
		all += float64(v) * float64(v)
	}
	return errs, all
}

// invert returns 1/d, 0 when that is not finite.
func invert(d float32) float32 {
	if id := 1 / d; id >= -math.MaxFloat32 && id <= math.MaxFloat32 {
		return id
	}
	return 0
}

// finite reports whether no value of x is NaN or infinite.
func finite(x *[32]float32) bool { return abs(signedMax32(x)) <= math.MaxFloat32 }

func abs(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

// putHalf writes the nearest half float, ties to even, infinity when there is none.
func putHalf(b []byte, f float32) { binary.LittleEndian.PutUint16(b, float16.Fromfloat32(f).Bits()) }

// putNibbles packs bits 0 to 3 of code j and of code j+16 into byte j.
func putNibbles(b []byte, q *[32]byte) {
	for j := range 16 {
		b[j] = q[j]&15 | q[j+16]<<4
	}
}

// putFifths packs bit 4 of code j into bit j of four bytes.
func putFifths(b []byte, q *[32]byte) {
	bits := uint32(0)
	for j, v := range q {
		bits |= uint32(v>>4&1) << j
	}
	binary.LittleEndian.PutUint32(b, bits)
}
