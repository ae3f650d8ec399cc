//go:build !purego

package kernel

// The kernels for 1, 2 and 4 tokens of biased codes of 7 and 5 bits.
var (
	gemmK32B7AVX2 = [3]gemmKernel{gemmK32Biased7x1AVX2, gemmK32Biased7x2AVX2, gemmK32Biased7x4AVX2}
	gemmK16B7AVX2 = [3]gemmKernel{gemmK16Biased7x1AVX2, gemmK16Biased7x2AVX2, gemmK16Biased7x4AVX2}
	gemmK32B5AVX2 = [3]gemmKernel{gemmK32Biased5x1AVX2, gemmK32Biased5x2AVX2, gemmK32Biased5x4AVX2}
)

// panelTypesLattice are the types of lattice points and the ternary ones, at AVX2; the levels above have other products.
var panelTypesLattice = []panelType{
	{typ: IQ1_S, group: 32, gemm: &gemmK32B5AVX2, unpackK: unpackIQ1_SAVX2, few: rowsKWithTokens(rowsIQ1_SAVX2, rowsIQ1_Sx4AVX2, rowsIQ1_Sx8AVX2)},
	{typ: IQ1_M, group: 16, gemm: &gemmK16B5AVX2, unpackK: unpackIQ1_MAVX2, few: rowsKWithTokens(rowsIQ1_MAVX2, rowsIQ1_Mx4AVX2, rowsIQ1_Mx8AVX2)},
	{typ: IQ2_XXS, group: 32, gemm: &gemmK32B7AVX2, unpackK: unpackIQ2_XXSAVX2, few: rowsKWithTokens(rowsIQ2_XXSAVX2, rowsIQ2_XXSx4AVX2, rowsIQ2_XXSx8AVX2)},
	{typ: IQ2_XS, group: 16, gemm: &gemmK16B7AVX2, unpackK: unpackIQ2_XSAVX2, few: rowsKWithTokens(rowsIQ2_XSAVX2, rowsIQ2_XSx4AVX2, rowsIQ2_XSx8AVX2)},
	{typ: IQ2_S, group: 16, gemm: &gemmK16B7AVX2, unpackK: unpackIQ2_SAVX2, few: rowsKWithTokens(rowsIQ2_SAVX2, rowsIQ2_Sx4AVX2, rowsIQ2_Sx8AVX2)},
	{typ: IQ3_XXS, group: 32, gemm: &gemmK32B7AVX2, unpackK: unpackIQ3_XXSAVX2, few: rowsKWithTokens(rowsIQ3_XXSAVX2, rowsIQ3_XXSx4AVX2, rowsIQ3_XXSx8AVX2)},
	{typ: IQ3_S, group: 32, gemm: &gemmK32B5AVX2, unpackK: unpackIQ3_SAVX2, few: rowsKWithTokens(rowsIQ3_SAVX2, rowsIQ3_Sx4AVX2, rowsIQ3_Sx8AVX2)},
	{typ: TQ1_0, group: 32, gemm: &gemmK32B5AVX2, unpackK: unpackTQ1_0AVX2, few: rowsKWithTokens(rowsTQ1_0AVX2, rowsTQ1_0x4AVX2, rowsTQ1_0x8AVX2)},
	{typ: TQ2_0, group: 32, gemm: &gemmK32B5AVX2, unpackK: unpackTQ2_0AVX2, few: rowsKWithTokens(rowsTQ2_0AVX2, rowsTQ2_0x4AVX2, rowsTQ2_0x8AVX2)},
}
