package main

import "github.com/latentgo/latentgo/internal/ggtype"

// Mixtures by llama.cpp's rule (llama-quant.cpp, llama_tensor_get_type, without an importance matrix and without its
// exceptions for Falcon, experts and 70B models): most matrices get the base type; the output matrix, which a tied
// embedding is too, gets Q6_K; those that suffer most from quantisation, W_V and W_down, get more bits in some layers.
// Rows that the blocks of a type don't divide get a type with smaller blocks.

// role is what a tensor does in the model.
type role uint8

const (
	roleVector role = iota // norms and biases: always F32
	roleMatrix             // a matrix without a rule of its own
	roleEmbed
	roleOutput
	roleV
	roleO
	roleDown
)

// rule returns the type of a matrix in layer i of n with gqa query heads per key head, given the base type.
type rule func(i, n, gqa int, base ggtype.Type) ggtype.Type

// mix is a quantisation of a whole file.
type mix struct {
	fileType uint32 // general.file_type
	base     ggtype.Type
	v, o     rule // nil: the base type
	down     rule
}

// mixes are the quantisations by name.
var mixes = map[string]mix{
	"F32":    {fileType: 0, base: ggtype.F32},
	"F16":    {fileType: 1, base: ggtype.F16},
	"BF16":   {fileType: 32, base: ggtype.BF16},
	"Q4_0":   {fileType: 2, base: ggtype.Q4_0},
	"Q4_1":   {fileType: 3, base: ggtype.Q4_1},
	"Q5_0":   {fileType: 8, base: ggtype.Q5_0},
	"Q5_1":   {fileType: 9, base: ggtype.Q5_1},
	"Q8_0":   {fileType: 7, base: ggtype.Q8_0},
	"Q2_K":   {fileType: 10, base: ggtype.Q2_K, v: grouped(ggtype.Q4_K, ggtype.Q3_K), o: always(ggtype.Q3_K), down: always(ggtype.Q3_K)},
	"Q3_K_S": {fileType: 11, base: ggtype.Q3_K},
	"Q3_K_M": {fileType: 12, base: ggtype.Q3_K, v: q3KMValues, o: always(ggtype.Q4_K), down: q3KMDown},
	"Q3_K_L": {fileType: 13, base: ggtype.Q3_K, v: always(ggtype.Q5_K), o: always(ggtype.Q5_K), down: always(ggtype.Q5_K)},
	"Q4_K_S": {fileType: 14, base: ggtype.Q4_K, v: firstFour(ggtype.Q5_K), down: firstEighth(ggtype.Q5_K)},
	"Q4_K_M": {fileType: 15, base: ggtype.Q4_K, v: moreBits(ggtype.Q6_K), down: moreBits(ggtype.Q6_K)},
	"Q5_K_S": {fileType: 16, base: ggtype.Q5_K},
	"Q5_K_M": {fileType: 17, base: ggtype.Q5_K, v: moreBits(ggtype.Q6_K), down: moreBits(ggtype.Q6_K)},
	"Q6_K":   {fileType: 18, base: ggtype.Q6_K},
	"IQ4_NL": {fileType: 25, base: ggtype.IQ4_NL, v: grouped(ggtype.Q5_K, ggtype.IQ4_NL), down: firstEighth(ggtype.Q5_K)},
	"IQ4_XS": {fileType: 30, base: ggtype.IQ4_XS, v: grouped(ggtype.Q5_K, ggtype.IQ4_XS), down: firstEighth(ggtype.Q5_K)},
	// llama.cpp has MXFP4 for experts only; here every matrix but the output has it.
	"MXFP4": {fileType: 38, base: ggtype.MXFP4},
}

// always ignores the layer.
func always(t ggtype.Type) rule {
	return func(int, int, int, ggtype.Type) ggtype.Type { return t }
}

// grouped gives t to models with at least four query heads per key head, where W_V is small, and u to others.
func grouped(t, u ggtype.Type) rule {
	return func(_, _, gqa int, _ ggtype.Type) ggtype.Type {
		if gqa >= 4 {
			return t
		}
		return u
	}
}

// where gives t to the layers that test names.
func where(t ggtype.Type, test func(i, n int) bool) rule {
	return func(i, n, _ int, base ggtype.Type) ggtype.Type {
		if test(i, n) {
			return t
		}
		return base
	}
}

// moreBits gives t to the first and the last eighth of the layers and to every third one between.
func moreBits(t ggtype.Type) rule {
	return where(t, func(i, n int) bool { return i < n/8 || i >= 7*n/8 || (i-n/8)%3 == 2 })
}

// firstEighth gives t to the first eighth of the layers.
func firstEighth(t ggtype.Type) rule { return where(t, func(i, n int) bool { return i < n/8 }) }

// firstFour gives t to the first four layers.
func firstFour(t ggtype.Type) rule { return where(t, func(i, _ int) bool { return i < 4 }) }

// q3KMValues and q3KMDown are Q3_K_M's.
func q3KMValues(i, n, gqa int, _ ggtype.Type) ggtype.Type {
	return where(ggtype.Q5_K, func(i, _ int) bool { return i < 2 })(i, n, gqa, ggtype.Q4_K)
}

func q3KMDown(i, n, gqa int, _ ggtype.Type) ggtype.Type {
	return where(ggtype.Q5_K, func(i, n int) bool { return i < n/16 })(i, n, gqa, ggtype.Q4_K)
}

// typeOf returns the type of a tensor with rows of cols values in layer i of s.
func (m *mix) typeOf(r role, i, cols int, s *shape) ggtype.Type {
	if r == roleVector {
		return ggtype.F32
	}
	if elems, _ := m.base.Block(); elems == 1 {
		return m.base
	}
	if r == roleOutput || r == roleEmbed && s.tied {
		return fitting(m.output(cols), cols)
	}
	apply := map[role]rule{roleV: m.v, roleO: m.o, roleDown: m.down}[r]
	if apply == nil {
		apply = always(m.base)
	}
	return fitting(apply(i, s.layers, s.heads/s.kv, m.base), cols)
}

// output returns the type of the output matrix, before fitting.
func (m *mix) output(cols int) ggtype.Type {
	elems, _ := m.base.Block()
	if m.base == ggtype.Q8_0 || m.base == ggtype.MXFP4 || cols%elems != 0 {
		return ggtype.Q8_0
	}
	return ggtype.Q6_K
}

// smaller is what replaces a type whose blocks are too long for a row.
var smaller = map[ggtype.Type]ggtype.Type{
	ggtype.IQ4_XS: ggtype.IQ4_NL,
	ggtype.Q2_K:   ggtype.Q4_0,
	ggtype.Q3_K:   ggtype.Q4_0,
	ggtype.Q4_K:   ggtype.Q5_0,
	ggtype.Q5_K:   ggtype.Q5_1,
	ggtype.Q6_K:   ggtype.Q8_0,
}

// fitting returns t, or the nearest type whose blocks divide rows of cols values.
func fitting(t ggtype.Type, cols int) ggtype.Type {
	for {
		elems, _ := t.Block()
		if cols%elems == 0 {
			return t
		}
		next, ok := smaller[t]
		if !ok {
			return ggtype.F16
		}
		t = next
	}
}
