//go:build !purego

package kernel

import "slices"

// What the types bring to panels. The codes of a type decide which kernels can take them:
//
//	AVX2     up to 4 bits: 8 products of 4 columns fit into 16-bit sums; 5 bits: 4; 6 bits: 2; int8: none, see gemm.go
//	VNNI     any unsigned byte; an int8 is made one by unpacking, with a bias of 128
//
// A bias of a 32-block type goes into M = -bias·D; the 256-block types' unpackers write M themselves. The rows of the
// table are the only place where a type meets its functions.

// The kernels for 1, 2 and 4 tokens that types share.
var (
	gemmBits4AVX2  = [3]gemmKernel{gemm32Bits4x1AVX2, gemm32Bits4x2AVX2, gemm32Bits4x4AVX2}
	gemmBits5AVX2  = [3]gemmKernel{gemm32Bits5x1AVX2, gemm32Bits5x2AVX2, gemm32Bits5x4AVX2}
	gemmInt8AVX2   = [3]gemmKernel{gemm32Int8x1AVX2, gemm32Int8x2AVX2, gemm32Int8x4AVX2}
	gemmK4AVX2     = [3]gemmKernel{gemmK32Bits4x1AVX2, gemmK32Bits4x2AVX2, gemmK32Bits4x4AVX2}
	gemmK5AVX2     = [3]gemmKernel{gemmK32Bits5x1AVX2, gemmK32Bits5x2AVX2, gemmK32Bits5x4AVX2}
	gemmK8AVX2     = [3]gemmKernel{gemmK32Int8x1AVX2, gemmK32Int8x2AVX2, gemmK32Int8x4AVX2}
	gemmK16AVX2    = [3]gemmKernel{gemmK16Bits5x1AVX2, gemmK16Bits5x2AVX2, gemmK16Bits5x4AVX2}
	gemmK16B5AVX2  = [3]gemmKernel{gemmK16Biased5x1AVX2, gemmK16Biased5x2AVX2, gemmK16Biased5x4AVX2}
	gemmK16B6AVX2  = [3]gemmKernel{gemmK16Biased6x1AVX2, gemmK16Biased6x2AVX2, gemmK16Biased6x4AVX2}
	gemmVNNI       = [3]gemmKernel{gemm32x1AVXVNNI, gemm32x2AVXVNNI, gemm32x4AVXVNNI}
	gemmK32VNNI    = [3]gemmKernel{gemmK32x1AVXVNNI, gemmK32x2AVXVNNI, gemmK32x4AVXVNNI}
	gemmK16VNNI    = [3]gemmKernel{gemmK16x1AVXVNNI, gemmK16x2AVXVNNI, gemmK16x4AVXVNNI}
	gemmK32BVNNI   = [3]gemmKernel{gemmK32Biasedx1AVXVNNI, gemmK32Biasedx2AVXVNNI, gemmK32Biasedx4AVXVNNI}
	gemmK16BVNNI   = [3]gemmKernel{gemmK16Biasedx1AVXVNNI, gemmK16Biasedx2AVXVNNI, gemmK16Biasedx4AVXVNNI}
	gemmAVX512     = [3]gemmKernel{gemm32x1AVX512, gemm32x2AVX512, gemm32x4AVX512}
	gemmK32AVX512  = [3]gemmKernel{gemmK32x1AVX512, gemmK32x2AVX512, gemmK32x4AVX512}
	gemmK16AVX512  = [3]gemmKernel{gemmK16x1AVX512, gemmK16x2AVX512, gemmK16x4AVX512}
	gemmK32BAVX512 = [3]gemmKernel{gemmK32Biasedx1AVX512, gemmK32Biasedx2AVX512, gemmK32Biasedx4AVX512}
	gemmK16BAVX512 = [3]gemmKernel{gemmK16Biasedx1AVX512, gemmK16Biasedx2AVX512, gemmK16Biasedx4AVX512}
)

// panelTypesAVX2 are the types in blocks at AVX2.
var panelTypesAVX2 = []panelType{
	{typ: Q4_0, group: 32, gemm: &gemmBits4AVX2, unpack32: unpackQ4_0AVX2, bias: -8, few: rows32Tokens(rowsQ4_0AVX2, rowsQ4_0x4AVX2, rowsQ4_0x8AVX2)},
	{typ: Q4_1, group: 32, gemm: &gemmBits4AVX2, unpack32: unpackQ4_1AVX2, few: rows32Tokens(rowsQ4_1AVX2, rowsQ4_1x4AVX2, rowsQ4_1x8AVX2)},
	{typ: Q5_0, group: 32, gemm: &gemmBits5AVX2, unpack32: unpackQ5_0AVX2, bias: -16, few: rows32Tokens(rowsQ5_0AVX2, rowsQ5_0x4AVX2, nil)},
	{typ: Q5_1, group: 32, gemm: &gemmBits5AVX2, unpack32: unpackQ5_1AVX2, few: rows32Tokens(rowsQ5_1AVX2, rowsQ5_1x4AVX2, nil)},
	{typ: Q8_0, group: 32, gemm: &gemmInt8AVX2, unpack32: unpackQ8_0AVX2, few: rows32Tokens(rowsQ8_0AVX2, rowsQ8_0x4AVX2, rowsQ8_0x8AVX2)},
	{typ: IQ4_NL, group: 32, gemm: &gemmInt8AVX2, unpack32: unpackIQ4_NLAVX2, few: rows32Tokens(rowsIQ4_NLAVX2, rowsIQ4_NLx4AVX2, nil)},
	{typ: MXFP4, group: 32, gemm: &gemmBits5AVX2, unpack32: unpackMXFP4AVX2, bias: fp4Min, few: rows32Tokens(rowsMXFP4AVX2, rowsMXFP4x4AVX2, nil)},
	{typ: Q2_K, group: 16, gemm: &gemmK16AVX2, unpackK: unpackQ2_KAVX2, few: rowsKWithTokens(rowsQ2_KAVX2, rowsQ2_Kx4AVX2, rowsQ2_Kx8AVX2)},
	{typ: Q3_K, group: 16, gemm: &gemmK16B5AVX2, unpackK: unpackQ3_KAVX2, few: rowsKWithTokens(rowsQ3_KAVX2, rowsQ3_Kx4AVX2, rowsQ3_Kx8AVX2)},
	{typ: Q4_K, group: 32, gemm: &gemmK4AVX2, unpackK: unpackQ4_KAVX2, few: rowsKWithTokens(rowsQ4_KAVX2, rowsQ4_Kx4AVX2, rowsQ4_Kx8AVX2)},
	{typ: Q5_K, group: 32, gemm: &gemmK5AVX2, unpackK: unpackQ5_KAVX2, few: rowsKWithTokens(rowsQ5_KAVX2, rowsQ5_Kx4AVX2, rowsQ5_Kx8AVX2)},
	{typ: Q6_K, group: 16, gemm: &gemmK16B6AVX2, unpackK: unpackQ6_KAVX2, few: rowsKWithTokens(rowsQ6_KAVX2, rowsQ6_Kx4AVX2, rowsQ6_Kx8AVX2)},
	{typ: IQ4_XS, group: 32, gemm: &gemmK8AVX2, unpackK: unpackIQ4_XSAVX2, few: rowsKWithTokens(rowsIQ4_XSAVX2, rowsIQ4_XSx4AVX2, rowsIQ4_XSx8AVX2)},
}

// panelTypesVNNI are the types in blocks and, behind them, those of lattice points, at AVXVNNI: those of AVX2, but for
// the products. Rows in blocks of 256 keep AVX2's: there VPDPWSSD saves an addition, but no multiplication.
var panelTypesVNNI = func() []panelType {
	all := slices.Concat(panelTypesAVX2, panelTypesLattice)
	for i := range all {
		p := &all[i]
		switch p.typ {
		case Q8_0:
			p.unpack32, p.bias = unpackQ8_0UnsignedAVX2, -128
		case IQ4_NL:
			p.unpack32, p.bias = unpackIQ4_NLUnsignedAVX2, -128
		case IQ4_XS:
			p.unpackK = unpackIQ4_XSUnsignedAVX2
		}
		p.gemm = gemmVNNIOf[p.gemm]
		if few := rowsVNNI[p.typ]; few != nil {
			p.few = few
		}
	}
	return all
}()

// rowsVNNI are the products of rows in blocks of 32 at AVXVNNI.
var rowsVNNI = map[Type]kernel{
	Q4_0:   rows32Tokens(rowsQ4_0AVXVNNI, rowsQ4_0x4AVXVNNI, rowsQ4_0x8AVXVNNI),
	Q4_1:   rows32Tokens(rowsQ4_1AVXVNNI, rowsQ4_1x4AVXVNNI, rowsQ4_1x8AVXVNNI),
	Q5_0:   rows32Tokens(rowsQ5_0AVXVNNI, rowsQ5_0x4AVXVNNI, nil),
	Q5_1:   rows32Tokens(rowsQ5_1AVXVNNI, rowsQ5_1x4AVXVNNI, nil),
	Q8_0:   rows32Tokens(rowsQ8_0AVXVNNI, rowsQ8_0x4AVXVNNI, rowsQ8_0x8AVXVNNI),
	IQ4_NL: rows32Tokens(rowsIQ4_NLAVXVNNI, rowsIQ4_NLx4AVXVNNI, nil),
	MXFP4:  rows32Tokens(rowsMXFP4AVXVNNI, rowsMXFP4x4AVXVNNI, nil),
}

// gemmVNNIOf has VNNI's kernels for those of AVX2.
var gemmVNNIOf = map[*[3]gemmKernel]*[3]gemmKernel{
	&gemmBits4AVX2: &gemmVNNI, &gemmBits5AVX2: &gemmVNNI, &gemmInt8AVX2: &gemmVNNI,
	&gemmK4AVX2: &gemmK32VNNI, &gemmK5AVX2: &gemmK32VNNI, &gemmK16AVX2: &gemmK16VNNI,
	&gemmK8AVX2: &gemmK32BVNNI, &gemmK32B5AVX2: &gemmK32BVNNI, &gemmK32B7AVX2: &gemmK32BVNNI,
	&gemmK16B5AVX2: &gemmK16BVNNI, &gemmK16B6AVX2: &gemmK16BVNNI, &gemmK16B7AVX2: &gemmK16BVNNI,
}

// panelTypesAVX512 are the types in blocks and, behind them, those of lattice points, at AVX-512. Their codes are
// unpacked as at AVX2, but for those with a sign.
var panelTypesAVX512 = slices.Concat([]panelType{
	{typ: Q4_0, group: 32, gemm: &gemmAVX512, unpack32: unpackQ4_0AVX2, bias: -8, few: rows32Tokens(rowsQ4_0AVX512, rowsQ4_0x4AVX512, rowsQ4_0x8AVX512)},
	{typ: Q4_1, group: 32, gemm: &gemmAVX512, unpack32: unpackQ4_1AVX2, few: rows32Tokens(rowsQ4_1AVX512, rowsQ4_1x4AVX512, rowsQ4_1x8AVX512)},
	{typ: Q5_0, group: 32, gemm: &gemmAVX512, unpack32: unpackQ5_0AVX2, bias: -16, few: rows32Tokens(rowsQ5_0AVX512, rowsQ5_0x4AVX512, rowsQ5_0x8AVX512)},
	{typ: Q5_1, group: 32, gemm: &gemmAVX512, unpack32: unpackQ5_1AVX2, few: rows32Tokens(rowsQ5_1AVX512, rowsQ5_1x4AVX512, rowsQ5_1x8AVX512)},
	{typ: Q8_0, group: 32, gemm: &gemmAVX512, unpack32: unpackQ8_0UnsignedAVX2, bias: -128, few: rows32Tokens(rowsQ8_0AVX512, rowsQ8_0x4AVX512, rowsQ8_0x8AVX512)},
	{typ: IQ4_NL, group: 32, gemm: &gemmAVX512, unpack32: unpackIQ4_NLUnsignedAVX2, bias: -128, few: rows32Tokens(rowsIQ4_NLAVX512, rowsIQ4_NLx4AVX512, rowsIQ4_NLx8AVX512)},
	{typ: MXFP4, group: 32, gemm: &gemmAVX512, unpack32: unpackMXFP4AVX2, bias: fp4Min, few: rows32Tokens(rowsMXFP4AVX512, rowsMXFP4x4AVX512, rowsMXFP4x8AVX512)},
	{typ: Q2_K, group: 16, gemm: &gemmK16AVX512, unpackK: unpackQ2_KAVX2, few: rowsKWithTokens(rowsQ2_KAVX512, rowsQ2_Kx4AVX512, rowsQ2_Kx8AVX512)},
	{typ: Q3_K, group: 16, gemm: &gemmK16BAVX512, unpackK: unpackQ3_KAVX2, few: rowsKWithTokens(rowsQ3_KAVX512, rowsQ3_Kx4AVX512, rowsQ3_Kx8AVX512)},
	{typ: Q4_K, group: 32, gemm: &gemmK32AVX512, unpackK: unpackQ4_KAVX2, few: rowsKWithTokens(rowsQ4_KAVX512, rowsQ4_Kx4AVX512, rowsQ4_Kx8AVX512)},
	{typ: Q5_K, group: 32, gemm: &gemmK32AVX512, unpackK: unpackQ5_KAVX2, few: rowsKWithTokens(rowsQ5_KAVX512, rowsQ5_Kx4AVX512, rowsQ5_Kx8AVX512)},
	{typ: Q6_K, group: 16, gemm: &gemmK16BAVX512, unpackK: unpackQ6_KAVX2, few: rowsKWithTokens(rowsQ6_KAVX512, rowsQ6_Kx4AVX512, rowsQ6_Kx8AVX512)},
	{typ: IQ4_XS, group: 32, gemm: &gemmK32BAVX512, unpackK: unpackIQ4_XSUnsignedAVX2, few: rowsKWithTokens(rowsIQ4_XSAVX512, rowsIQ4_XSx4AVX512, rowsIQ4_XSx8AVX512)},
}, latticeAVX512())

// latticeAVX512 returns the types of lattice points with AVX-512's panels.
func latticeAVX512() []panelType {
	all := slices.Clone(panelTypesLattice)
	for i := range all {
		all[i].gemm = &gemmK32BAVX512
		if all[i].group == kGroup {
			all[i].gemm = &gemmK16BAVX512
		}
	}
	return all
}

// The kernels of the types whose activations stay float32; those of F16 are attention's.
var (
	dotsBF16AVX2   = dotKernels{scoresBF16x1AVX2, scoresBF16x2AVX2, scoresBF16x3AVX2, scoresBF16x4AVX2}
	dotsBF16AVX512 = dotKernels{scoresBF16x1AVX512, scoresBF16x2AVX512, scoresBF16x3AVX512, scoresBF16x4AVX512}
	dotsF32AVX2    = dotKernels{scoresF32x1AVX2, scoresF32x2AVX2, scoresF32x3AVX2, scoresF32x4AVX2}
	dotsF32AVX512  = dotKernels{scoresF32x1AVX512, scoresF32x2AVX512, scoresF32x3AVX512, scoresF32x4AVX512}
)
