package ggtype

import "slices"

// field is a run of count numbers of width bytes each that starts off bytes into a block.
type field struct{ off, width, count int }

// swapFields lists the multi-byte numbers of a block. A block that is not listed holds single bytes only.
// Numbers that ggml declares as bytes but writes through a wider pointer (the high bits of Q5_0, the scales of IQ1_M)
// stand here with the width they are written with, since that is what a big-endian machine leaves in a file.
var swapFields = map[Type][]field{
	F32:     {{0, 4, 1}},
	F16:     {{0, 2, 1}},
	BF16:    {{0, 2, 1}},
	F64:     {{0, 8, 1}},
	I16:     {{0, 2, 1}},
	I32:     {{0, 4, 1}},
	I64:     {{0, 8, 1}},
	Q4_0:    {{0, 2, 1}},
	Q4_1:    {{0, 2, 2}},
	Q5_0:    {{0, 2, 1}, {2, 4, 1}},
	Q5_1:    {{0, 2, 2}, {4, 4, 1}},
	Q8_0:    {{0, 2, 1}},
	Q8_1:    {{0, 2, 2}},
	Q2_K:    {{80, 2, 2}},
	Q3_K:    {{108, 2, 1}},
	Q4_K:    {{0, 2, 2}},
	Q5_K:    {{0, 2, 2}},
	Q6_K:    {{208, 2, 1}},
	Q8_K:    {{0, 4, 1}, {260, 2, 16}},
	IQ2_XS:  {{0, 2, 33}},
	IQ2_S:   {{0, 2, 1}},
	IQ3_XXS: {{0, 2, 1}, {66, 4, 8}},
	IQ3_S:   {{0, 2, 1}},
	IQ1_S:   {{0, 2, 1}, {34, 2, 8}},
	IQ1_M:   {{48, 2, 4}},
	IQ4_NL:  {{0, 2, 1}},
	IQ4_XS:  {{0, 2, 2}},
	TQ1_0:   {{52, 2, 1}},
	TQ2_0:   {{64, 2, 1}},
	Q1_0:    {{0, 2, 1}},
	Q2_0:    {{0, 2, 1}},
}

// SwapBytes reverses the byte order of every number in data, a sequence of whole blocks of t, in place.
// It is its own inverse. It reports false, and leaves data alone, for types without a defined big-endian form:
// unknown ones and IQ2_XXS, whose grid indices ggml writes as words and reads as bytes.
func (t Type) SwapBytes(data []byte) bool {
	if !t.Known() || t == IQ2_XXS {
		return false
	}
	fields := swapFields[t]
	if len(fields) == 0 {
		return true
	}
	_, size := t.Block()
	for len(data) >= size {
		swapBlock(data[:size], fields)
		data = data[size:]
	}
	return true
}

// swapBlock reverses each number of one block.
func swapBlock(block []byte, fields []field) {
	for _, f := range fields {
		for i := range f.count {
			start := f.off + i*f.width
			slices.Reverse(block[start : start+f.width])
		}
	}
}
