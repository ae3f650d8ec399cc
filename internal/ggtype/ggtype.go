// Package ggtype holds the tensor types of GGUF files: ggml's numbers, names and block layouts.
//
// A quantised row is a sequence of blocks; each block holds a fixed number of weights in a fixed number of bytes
// (ggml-common.h of llama.cpp is the source). gguf needs the layouts to check offsets, quant to read the blocks;
// both expose the type under their own name, gguf.Type and kernel.Type.
package ggtype

import "strconv"

// Type is a ggml tensor type as stored in a GGUF file.
type Type uint32

// The types that current GGUF files may hold. Numbers that are missing here were removed from the format.
const (
	F32     Type = 0
	F16     Type = 1
	Q4_0    Type = 2
	Q4_1    Type = 3
	Q5_0    Type = 6
	Q5_1    Type = 7
	Q8_0    Type = 8
	Q8_1    Type = 9
	Q2_K    Type = 10
	Q3_K    Type = 11
	Q4_K    Type = 12
	Q5_K    Type = 13
	Q6_K    Type = 14
	Q8_K    Type = 15
	IQ2_XXS Type = 16
	IQ2_XS  Type = 17
	IQ3_XXS Type = 18
	IQ1_S   Type = 19
	IQ4_NL  Type = 20
	IQ3_S   Type = 21
	IQ2_S   Type = 22
	IQ4_XS  Type = 23
	I8      Type = 24
	I16     Type = 25
	I32     Type = 26
	I64     Type = 27
	F64     Type = 28
	IQ1_M   Type = 29
	BF16    Type = 30
	TQ1_0   Type = 34
	TQ2_0   Type = 35
	MXFP4   Type = 39
	NVFP4   Type = 40
	Q1_0    Type = 41
	Q2_0    Type = 42
)

type layout struct {
	name         string
	elems, bytes int
}

var layouts = [...]layout{
	F32:     {"F32", 1, 4},
	F16:     {"F16", 1, 2},
	Q4_0:    {"Q4_0", 32, 18},
	Q4_1:    {"Q4_1", 32, 20},
	Q5_0:    {"Q5_0", 32, 22},
	Q5_1:    {"Q5_1", 32, 24},
	Q8_0:    {"Q8_0", 32, 34},
	Q8_1:    {"Q8_1", 32, 36},
	Q2_K:    {"Q2_K", 256, 84},
	Q3_K:    {"Q3_K", 256, 110},
	Q4_K:    {"Q4_K", 256, 144},
	Q5_K:    {"Q5_K", 256, 176},
	Q6_K:    {"Q6_K", 256, 210},
	Q8_K:    {"Q8_K", 256, 292},
	IQ2_XXS: {"IQ2_XXS", 256, 66},
	IQ2_XS:  {"IQ2_XS", 256, 74},
	IQ3_XXS: {"IQ3_XXS", 256, 98},
	IQ1_S:   {"IQ1_S", 256, 50},
	IQ4_NL:  {"IQ4_NL", 32, 18},
	IQ3_S:   {"IQ3_S", 256, 110},
	IQ2_S:   {"IQ2_S", 256, 82},
	IQ4_XS:  {"IQ4_XS", 256, 136},
	I8:      {"I8", 1, 1},
	I16:     {"I16", 1, 2},
	I32:     {"I32", 1, 4},
	I64:     {"I64", 1, 8},
	F64:     {"F64", 1, 8},
	IQ1_M:   {"IQ1_M", 256, 56},
	BF16:    {"BF16", 1, 2},
	TQ1_0:   {"TQ1_0", 256, 54},
	TQ2_0:   {"TQ2_0", 256, 66},
	MXFP4:   {"MXFP4", 32, 17},
	NVFP4:   {"NVFP4", 64, 36},
	Q1_0:    {"Q1_0", 128, 18},
	Q2_0:    {"Q2_0", 64, 18},
}

// Known reports whether t is a type of the format.
func (t Type) Known() bool { return int(t) < len(layouts) && layouts[t].elems != 0 }

// Block returns how many weights a block of t holds and how many bytes it takes; 0, 0 for an unknown type.
func (t Type) Block() (elems, bytes int) {
	if !t.Known() {
		return 0, 0
	}
	return layouts[t].elems, layouts[t].bytes
}

// String returns ggml's name of the type, "type(N)" for an unknown one.
func (t Type) String() string {
	if !t.Known() {
		return "type(" + strconv.FormatUint(uint64(t), 10) + ")"
	}
	return layouts[t].name
}

// RowBytes returns the bytes of a row of n weights; n must be a multiple of the block size.
func (t Type) RowBytes(n int) int {
	e, b := t.Block()
	if e == 0 {
		return 0
	}
	return n / e * b
}
