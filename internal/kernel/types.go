package kernel

import "github.com/latentgo/latentgo/internal/ggtype"

// Type is a ggml tensor type; gguf.Type is the same type.
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

// ActType is a type of activations that weights are multiplied by.
type ActType uint8

// The types of activations. The block length of one divides the row length of every matrix that asks for it.
const (
	ActF32   ActType = iota // float32 as given
	ActQ8                   // blocks of 32: int8 q, float32 d, float32 s = d·Σq
	ActQ8K                  // blocks of 256: int8 q, float32 d, int16 Σq per 16
	actTypes                // number of types
)

// Block returns how many activations share a scale: 1, 32 or 256.
func (f ActType) Block() int {
	switch f {
	case ActQ8:
		return q8Block
	case ActQ8K:
		return kBlock
	}
	return 1
}

// ActTypeOf returns the type in which a matrix of type t wants its activations, false when t cannot be computed with.
func ActTypeOf(t Type) (ActType, bool) {
	switch t {
	case F32, F16, BF16:
		return ActF32, true
	case Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4, Q1_0, Q2_0:
		return ActQ8, true
	case Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_XS, IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, TQ1_0, TQ2_0:
		return ActQ8K, true
	}
	return 0, false
}
