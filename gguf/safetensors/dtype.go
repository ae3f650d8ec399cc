package safetensors

import (
	"encoding/binary"
	"math"

	"github.com/x448/float16"
)

// DType is the type of a tensor's elements, as the file names it.
type DType string

// The types that have a size of whole bytes.
const (
	F64    DType = "F64"
	F32    DType = "F32"
	F16    DType = "F16"
	BF16   DType = "BF16"
	F8E4M3 DType = "F8_E4M3" // sign, 4 bits of exponent, 3 of mantissa, no infinities
	F8E5M2 DType = "F8_E5M2"
	F8E8M0 DType = "F8_E8M0" // a power of two
	I64    DType = "I64"
	I32    DType = "I32"
	I16    DType = "I16"
	I8     DType = "I8"
	U64    DType = "U64"
	U32    DType = "U32"
	U16    DType = "U16"
	U8     DType = "U8"
	Bool   DType = "BOOL"
)

// dtypes holds the bytes of an element and how it is decoded.
var dtypes = map[DType]struct {
	size   int64
	decode func(b []byte) float32
}{
	F64:    {8, func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }},
	F32:    {4, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }},
	F16:    {2, func(b []byte) float32 { return float16.Frombits(binary.LittleEndian.Uint16(b)).Float32() }},
	BF16:   {2, func(b []byte) float32 { return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16) }},
	F8E4M3: {1, func(b []byte) float32 { return e4m3[b[0]] }},
	F8E5M2: {1, func(b []byte) float32 { return float16.Frombits(uint16(b[0]) << 8).Float32() }},
	F8E8M0: {1, func(b []byte) float32 { return e8m0(b[0]) }},
	I64:    {8, func(b []byte) float32 { return float32(int64(binary.LittleEndian.Uint64(b))) }},
	I32:    {4, func(b []byte) float32 { return float32(int32(binary.LittleEndian.Uint32(b))) }},
	I16:    {2, func(b []byte) float32 { return float32(int16(binary.LittleEndian.Uint16(b))) }},
	I8:     {1, func(b []byte) float32 { return float32(int8(b[0])) }},
	U64:    {8, func(b []byte) float32 { return float32(binary.LittleEndian.Uint64(b)) }},
	U32:    {4, func(b []byte) float32 { return float32(binary.LittleEndian.Uint32(b)) }},
	U16:    {2, func(b []byte) float32 { return float32(binary.LittleEndian.Uint16(b)) }},
	U8:     {1, func(b []byte) float32 { return float32(b[0]) }},
	Bool:   {1, func(b []byte) float32 { return float32(b[0]) }},
}

// Size returns the bytes of an element, 0 for a type that this package does not know.
func (d DType) Size() int64 { return dtypes[d].size }

// e4m3 holds the values of F8_E4M3.
var e4m3 = func() (t [256]float32) {
	for i := range t {
		exp, man := i>>3&15, float64(i&7)
		v := math.Ldexp(1+man/8, exp-7)
		switch {
		case exp == 0:
			v = math.Ldexp(man/8, -6)
		case exp == 15 && i&7 == 7:
			v = math.NaN()
		}
		if i >= 128 {
			v = -v
		}
		t[i] = float32(v)
	}
	return t
}()

// e8m0 is the value of F8_E8M0: 2^(b−127), and 255 for no number.
func e8m0(b byte) float32 {
	if b == 255 {
		return float32(math.NaN())
	}
	return float32(math.Ldexp(1, int(b)-127))
}
