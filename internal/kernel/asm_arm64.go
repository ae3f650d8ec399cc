//go:build !purego

package kernel

// The assembly of arm64. Every function takes lengths of at least 1 except where it says otherwise, and neither reads
// nor writes outside of the rows it is given.

// rowsQ4_0NEON multiplies rows of Q4_0 by one token: dst[i] = w[i*stride…]·q, in blocks of 32 with scales d and s;
// mulQ4_0 is the reference implementation.
//
//go:noescape
func rowsQ4_0NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)

// rowsQ4_1NEON is rowsQ4_0NEON for Q4_1; mulQ4_1 is the reference implementation.
//
//go:noescape
func rowsQ4_1NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)

// rowsQ5_0NEON is rowsQ4_0NEON for Q5_0; mulQ5_0 is the reference implementation.
//
//go:noescape
func rowsQ5_0NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)

// rowsQ5_1NEON is rowsQ4_0NEON for Q5_1; mulQ5_1 is the reference implementation.
//
//go:noescape
func rowsQ5_1NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)

// rowsQ8_0NEON is rowsQ4_0NEON for Q8_0; mulQ8_0 is the reference implementation.
//
//go:noescape
func rowsQ8_0NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)

// rowsIQ4_NLNEON is rowsQ4_0NEON for IQ4_NL; mulIQ4_NL is the reference implementation.
//
//go:noescape
func rowsIQ4_NLNEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)

// rowsMXFP4NEON is rowsQ4_0NEON for MXFP4; mulMXFP4 is the reference implementation.
//
//go:noescape
func rowsMXFP4NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)

// rowsQ1_0NEON is rowsQ4_0NEON for Q1_0; mulQ1_0 is the reference implementation.
//
//go:noescape
func rowsQ1_0NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)

// rowsQ2_0NEON is rowsQ4_0NEON for Q2_0; mulQ2_0 is the reference implementation.
//
//go:noescape
func rowsQ2_0NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)

// rowsQ4_KNEON multiplies rows of Q4_K by one token: dst[i] = w[i*stride…]·q, in blocks of 256 with scales d and sums
// bsums of 16; mulQ4_K is the reference implementation.
//
//go:noescape
func rowsQ4_KNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// rowsQ5_KNEON is rowsQ4_KNEON for Q5_K; mulQ5_K is the reference implementation.
//
//go:noescape
func rowsQ5_KNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// rowsQ6_KNEON is rowsQ4_KNEON for Q6_K; mulQ6_K is the reference implementation.
//
//go:noescape
func rowsQ6_KNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// rowsIQ2_XXSNEON is rowsQ4_KNEON for IQ2_XXS; mulIQ2_XXS is the reference implementation.
//
//go:noescape
func rowsIQ2_XXSNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// rowsIQ2_XSNEON is rowsQ4_KNEON for IQ2_XS; mulIQ2_XS is the reference implementation.
//
//go:noescape
func rowsIQ2_XSNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// rowsIQ2_SNEON is rowsQ4_KNEON for IQ2_S; mulIQ2_S is the reference implementation.
//
//go:noescape
func rowsIQ2_SNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// rowsIQ3_XXSNEON is rowsQ4_KNEON for IQ3_XXS; mulIQ3_XXS is the reference implementation.
//
//go:noescape
func rowsIQ3_XXSNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// rowsIQ3_SNEON is rowsQ4_KNEON for IQ3_S; mulIQ3_S is the reference implementation.
//
//go:noescape
func rowsIQ3_SNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// rowsIQ1_SNEON is rowsQ4_KNEON for IQ1_S; mulIQ1_S is the reference implementation.
//
//go:noescape
func rowsIQ1_SNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// rowsIQ1_MNEON is rowsQ4_KNEON for IQ1_M; mulIQ1_M is the reference implementation.
//
//go:noescape
func rowsIQ1_MNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// rowsQ2_KNEON is rowsQ4_KNEON for Q2_K; mulQ2_K is the reference implementation.
//
//go:noescape
func rowsQ2_KNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// rowsQ3_KNEON is rowsQ4_KNEON for Q3_K; mulQ3_K is the reference implementation.
//
//go:noescape
func rowsQ3_KNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// rowsIQ4_XSNEON is rowsQ4_KNEON for IQ4_XS; mulIQ4_XS is the reference implementation.
//
//go:noescape
func rowsIQ4_XSNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// rowsTQ1_0NEON is rowsQ4_KNEON for TQ1_0; mulTQ1_0 is the reference implementation.
//
//go:noescape
func rowsTQ1_0NEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// rowsTQ2_0NEON is rowsQ4_KNEON for TQ2_0; mulTQ2_0 is the reference implementation.
//
//go:noescape
func rowsTQ2_0NEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// interleave8NEON puts eight rows of cols codes, stride bytes apart, less bias, into the order of [gemm8NEON]: four
// columns of row 0, four of row 1, … four of row 7, the next four columns of row 0 and so on. cols is a multiple of 16.
// Its reference implementation is interleave8 in the tests.
//
//go:noescape
func interleave8NEON(dst *int8, codes *byte, stride, cols, bias int)

// gemm8NEON multiplies eight interleaved rows by n tokens, 1 to 4: with M only when mins is not 0,
//
//	dst[t*ld+r] = Σ_b d[t*ldd+b]·Σ_g (D[r,g]·Σ_j w[r,g,j]·q[t*ldq+j…] + M[r,g]·z[t*ldz+g])
//
// over all blocks b and the groups g of each block, a group having 16·steps columns; it is added to dst when add is not
// 0. dm has D of the eight rows, then M, per group. All eight results of a token are written. Its reference
// implementation is gemm8 in the tests.
//
//go:noescape
func gemm8NEON(dst *float32, ld, add int, w *int8, dm *float32, q *int8, ldq int, z *float32, ldz int, d *float32, ldd, n, blocks, groups, steps, mins int)

// interleave8I8MM is interleave8NEON in the order of [gemm8I8MM]: eight columns of row 0, eight of row 1, … eight of row 7,
// the next eight columns of row 0 and so on.
//
//go:noescape
func interleave8I8MM(dst *int8, codes *byte, stride, cols, bias int)

// gemm8I8MM is gemm8NEON for weights from interleave8I8MM.
//
//go:noescape
func gemm8I8MM(dst *float32, ld, add int, w *int8, dm *float32, q *int8, ldq int, z *float32, ldz int, d *float32, ldd, n, blocks, groups, steps, mins int)

// quantQ8NEON quantises blocks of 32 values to q, d and s; quantQ8 is the reference implementation.
//
//go:noescape
func quantQ8NEON(q *int8, d, s, x *float32, blocks int)

// quantQ8KNEON quantises blocks of 256 values to q, d and bsums; quantQ8K is the reference implementation.
//
//go:noescape
func quantQ8KNEON(q *int8, d *float32, bsums *int16, x *float32, blocks int)

// sums32NEON sets z[i] to the sum of the i-th 32 values of q; groupSumsGeneric is the reference implementation.
//
//go:noescape
func sums32NEON(z *float32, q *int8, groups int)

// sums16NEON sets z[i] to the sum of the i-th 16 values of q; groupSumsGeneric is the reference implementation.
//
//go:noescape
func sums16NEON(z *float32, q *int8, groups int)

// scoresF16x1NEON multiplies rows of half floats, stride bytes apart, by one row of d floats, a multiple of 8 or 0:
// dst[j] = q·k[j*stride…] for j < n; scoresGeneric is the reference implementation.
//
//go:noescape
func scoresF16x1NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)

// scoresF16x2NEON is scoresF16x1NEON for two rows of floats, ldq apart, and as many of results, ldd apart;
// scoresGeneric is its reference implementation.
//
//go:noescape
func scoresF16x2NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)

// scoresF16x3NEON is scoresF16x1NEON for three rows of floats, ldq apart, and as many of results, ldd apart;
// scoresGeneric is its reference implementation.
//
//go:noescape
func scoresF16x3NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)

// scoresBF16x1NEON is scoresF16x1NEON for rows of BF16; mulBF16 is the reference implementation.
//
//go:noescape
func scoresBF16x1NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)

// scoresBF16x2NEON is scoresBF16x1NEON for two rows of floats, ldq apart, and as many of results, ldd apart; mulBF16 is
// its reference implementation.
//
//go:noescape
func scoresBF16x2NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)

// scoresBF16x3NEON is scoresBF16x1NEON for three rows of floats, ldq apart, and as many of results, ldd apart; mulBF16
// is its reference implementation.
//
//go:noescape
func scoresBF16x3NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)

// scoresF32x1NEON is scoresF16x1NEON for rows of F32; mulF32 is the reference implementation.
//
//go:noescape
func scoresF32x1NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)

// scoresF32x2NEON is scoresF32x1NEON for two rows of floats, ldq apart, and as many of results, ldd apart; mulF32 is
// its reference implementation.
//
//go:noescape
func scoresF32x2NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)

// scoresF32x3NEON is scoresF32x1NEON for three rows of floats, ldq apart, and as many of results, ldd apart; mulF32 is
// its reference implementation.
//
//go:noescape
func scoresF32x3NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)

// weightedSum1NEON adds n rows of d half floats, a multiple of 8, stride elements apart and weighted by p, to out:
// out[c] += Σ_j p[j]·v[j*stride+c]; weightedSumF16Generic is the reference implementation.
//
//go:noescape
func weightedSum1NEON(out *float32, ldo int, p *float32, ldp int, v *uint16, stride, n, d int)

// weightedSum2NEON is weightedSum1NEON for two rows of weights, ldp apart, and as many of sums, ldo apart;
// weightedSumF16Generic is the reference implementation.
//
//go:noescape
func weightedSum2NEON(out *float32, ldo int, p *float32, ldp int, v *uint16, stride, n, d int)

// weightedSum3NEON is weightedSum1NEON for three rows of weights, ldp apart, and as many of sums, ldo apart;
// weightedSumF16Generic is the reference implementation.
//
//go:noescape
func weightedSum3NEON(out *float32, ldo int, p *float32, ldp int, v *uint16, stride, n, d int)

// weightedSum4NEON is weightedSum1NEON for four rows of weights, ldp apart, and as many of sums, ldo apart;
// weightedSumF16Generic is the reference implementation.
//
//go:noescape
func weightedSum4NEON(out *float32, ldo int, p *float32, ldp int, v *uint16, stride, n, d int)

// f16ToF32NEON converts n half floats, a multiple of 8; f16ToF32Generic is the reference implementation.
//
//go:noescape
func f16ToF32NEON(dst *float32, src *uint16, n int)

// f32ToF16NEON converts n floats, a multiple of 8, rounding to nearest, ties to even; f32ToF16Generic is the reference
// implementation.
//
//go:noescape
func f32ToF16NEON(dst *uint16, src *float32, n int)

// blockFloatToF16NEON converts blocks of 32 values q·2^e to half floats; blockFloatToF16Generic is the reference
// implementation.
//
//go:noescape
func blockFloatToF16NEON(dst *uint16, src *byte, blocks int)

// expSumNEON sets dst[i] = exp(x[i]-max) for n values, a multiple of 4, and returns their sum; expSumGeneric is the
// reference implementation.
//
//go:noescape
func expSumNEON(dst, x *float32, n int, max float32) float32

// siluMulNEON sets dst[i] = silu(gate[i])·up[i] for n values, a multiple of 4; siluMulGeneric is the reference
// implementation.
//
//go:noescape
func siluMulNEON(dst, gate, up *float32, n int)

// geluMulNEON sets dst[i] = gelu(gate[i])·up[i] for n values, a multiple of 4; geluMulGeneric is the reference
// implementation.
//
//go:noescape
func geluMulNEON(dst, gate, up *float32, n int)

// sumSquaresNEON returns the sum of x[i]² for n values, a multiple of 16; sumSquaresGeneric is the reference
// implementation.
//
//go:noescape
func sumSquaresNEON(x *float32, n int) float32

// addProducts1x1NEON multiplies a packed row of factors with rows of 1-bit codes, stride of them in a step, steps in a
// tile; rows is a multiple of 8: dst[i,r] += z[i] + Σ d·Σ u·q, see _asm/codes.go; addProductsGeneric is the reference
// implementation.
//
//go:noescape
func addProducts1x1NEON(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int)

// addProducts1x3NEON is addProducts1x1NEON for three rows of factors, ldf bytes apart, and of sums, ldd apart; addProductsGeneric is
// the reference implementation.
//
//go:noescape
func addProducts1x3NEON(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int)

// addProducts2x1NEON is addProducts1x1NEON for codes of 2 bits; addProductsGeneric is
// the reference implementation.
//
//go:noescape
func addProducts2x1NEON(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int)

// addProducts2x3NEON is addProducts1x1NEON for three rows and codes of 2 bits; addProductsGeneric is
// the reference implementation.
//
//go:noescape
func addProducts2x3NEON(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int)

// addProducts4x1NEON is addProducts1x1NEON for codes of 4 bits; addProductsGeneric is
// the reference implementation.
//
//go:noescape
func addProducts4x1NEON(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int)

// addProducts4x3NEON is addProducts1x1NEON for three rows and codes of 4 bits; addProductsGeneric is
// the reference implementation.
//
//go:noescape
func addProducts4x3NEON(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int)
