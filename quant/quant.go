// Package quant reads, writes and multiplies by weights in ggml's block formats, the tensor types of GGUF files.
//
// A weight of a block format is an affine function of a small integer:
//
//	blocks of 32    w = d·q                Q4_0 Q5_0 Q8_0 IQ4_NL MXFP4, Q1_0 of 128, Q2_0 of 64
//	                w = d·q + m            Q4_1 Q5_1
//	blocks of 256   w = d·sc·q             Q3_K Q6_K IQ4_XS IQ1 to IQ3 TQ1_0 TQ2_0
//	                w = d·sc·q − dmin·mn   Q2_K Q4_K Q5_K
//
// with d, m and dmin half floats (MXFP4: d is a power of two) per block, and sc and mn small integers per 16 or 32
// weights. The q of IQ1, IQ2 and IQ3 are points of a lattice in 8 or 4 dimensions. F32, F16 and BF16 are plain floats.
//
// [Dequantize] gives the numbers of any of these types, [Quantize] encodes most, and [Matrix] multiplies by weights as
// they lie in a file. Formats follow llama.cpp (ggml-common.h, ggml-quants.c).
package quant

import (
	"github.com/latentgo/latentgo/internal/encode"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Type is a ggml tensor type; gguf.Type is the same type. It has the methods
//
//	String() string               ggml's name, "Q4_0"
//	Known() bool                  whether the format defines it
//	Block() (elems, bytes int)    weights in a block, and the bytes that a block takes
//	RowBytes(n int) int           the bytes of n weights, n a multiple of the block
type Type = ggtype.Type

// The types that this package computes with. Other types of the format can be named but not read.
const (
	F32    = ggtype.F32
	F16    = ggtype.F16
	BF16   = ggtype.BF16
	Q4_0   = ggtype.Q4_0
	Q4_1   = ggtype.Q4_1
	Q5_0   = ggtype.Q5_0
	Q5_1   = ggtype.Q5_1
	Q8_0   = ggtype.Q8_0
	Q2_K   = ggtype.Q2_K
	Q3_K   = ggtype.Q3_K
	Q4_K   = ggtype.Q4_K
	Q5_K   = ggtype.Q5_K
	Q6_K   = ggtype.Q6_K
	IQ4_NL = ggtype.IQ4_NL
	IQ4_XS = ggtype.IQ4_XS
	MXFP4  = ggtype.MXFP4

	IQ1_S   = ggtype.IQ1_S
	IQ1_M   = ggtype.IQ1_M
	IQ2_XXS = ggtype.IQ2_XXS
	IQ2_XS  = ggtype.IQ2_XS
	IQ2_S   = ggtype.IQ2_S
	IQ3_XXS = ggtype.IQ3_XXS
	IQ3_S   = ggtype.IQ3_S
	TQ1_0   = ggtype.TQ1_0
	TQ2_0   = ggtype.TQ2_0
	Q1_0    = ggtype.Q1_0
	Q2_0    = ggtype.Q2_0
)

var (
	// ErrType is returned when a tensor type cannot be computed with, or not be encoded to.
	ErrType = kernel.ErrType
	// ErrShape is returned when a shape does not fit the type's blocks or the slices given.
	ErrShape = kernel.ErrShape
	// ErrValue is returned when a weight to be encoded is NaN or infinite.
	ErrValue = kernel.ErrValue
)

// Dequantize writes the weights of type t in src as float32 to dst: len(dst) weights, a multiple of the type's block,
// from as many bytes as they take; src may be longer. The values are exactly those of the Python package gguf. Errors
// wrap ErrType or ErrShape; then nothing is written.
func Dequantize(dst []float32, t Type, src []byte) error { return kernel.Dequantize(dst, t, src) }

// CanQuantize reports whether Quantize encodes type t.
func CanQuantize(t Type) bool { return encode.Can(t) }

// Quantize encodes src as type t to dst, with as little error as its codes allow; F16, BF16 and the types Q4_0, Q4_1,
// Q5_0, Q5_1 and Q8_0 with ggml's reference rounding, byte for byte. len(src) is a multiple of the type's block; dst
// needs t.RowBytes(len(src)) bytes and may be longer. Errors wrap ErrType, see CanQuantize, ErrShape, or ErrValue when
// a block type meets NaN or infinity.
func Quantize(dst []byte, t Type, src []float32) error { return encode.Row(dst, t, src, nil) }

// QuantizeWeighted is Quantize with importance: how much the error of each weight of src counts, values that are not
// negative. Usually that is the mean square of the activations that the weight's column is multiplied by.
func QuantizeWeighted(dst []byte, t Type, src, importance []float32) error {
	return encode.Row(dst, t, src, importance)
}
