//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// TRANSPOSE turns the rows a, b, c, d of four words, each of them four columns, into four vectors of one word of every row:
// words change places within pairs of rows, then double words do. t and u are used.
#define TRANSPOSE(a, b, c, d, t, u) \
	VTRN1 b.S4, a.S4, t.S4 \
	VTRN2 b.S4, a.S4, b.S4 \
	VTRN1 d.S4, c.S4, u.S4 \
	VTRN2 d.S4, c.S4, d.S4 \
	VTRN1 u.D2, t.D2, a.D2 \
	VTRN2 u.D2, t.D2, c.D2 \
	VMOV  b.B16, t.B16     \
	VTRN1 d.D2, t.D2, b.D2 \
	VTRN2 d.D2, t.D2, d.D2

// ROWS8 sets R1 and R5 to R11 to eight rows of codes, R2 bytes apart.
#define ROWS8 \
	MOVD dst+0(FP), R0 \
	MOVD codes+8(FP), R1 \
	MOVD stride+16(FP), R2 \
	MOVD cols+24(FP), R3 \
	MOVD bias+32(FP), R4 \
	VDUP R4, V31.B16 \
	ADD  R2, R1, R5 \
	ADD  R2, R5, R6 \
	ADD  R2, R6, R7 \
	ADD  R2, R7, R8 \
	ADD  R2, R8, R9 \
	ADD  R2, R9, R10 \
	ADD  R2, R10, R11

// COLUMNS16 fetches 16 columns of them, less the bias: of the first four rows into V0, V2, V4, V6.
#define COLUMNS16 \
	VLD1.P 16(R1), [V0.B16] \
	VLD1.P 16(R5), [V2.B16] \
	VLD1.P 16(R6), [V4.B16] \
	VLD1.P 16(R7), [V6.B16] \
	VLD1.P 16(R8), [V1.B16] \
	VLD1.P 16(R9), [V3.B16] \
	VLD1.P 16(R10), [V5.B16] \
	VLD1.P 16(R11), [V7.B16] \
	VSUB   V31.B16, V0.B16, V0.B16 \
	VSUB   V31.B16, V1.B16, V1.B16 \
	VSUB   V31.B16, V2.B16, V2.B16 \
	VSUB   V31.B16, V3.B16, V3.B16 \
	VSUB   V31.B16, V4.B16, V4.B16 \
	VSUB   V31.B16, V5.B16, V5.B16 \
	VSUB   V31.B16, V6.B16, V6.B16 \
	VSUB   V31.B16, V7.B16, V7.B16

// Eight interleaved rows by up to four tokens, in blocks of groups of columns:
//
//	y[t,r] = Σ_b d[t,b]·Σ_g (D[r,g]·Σ_j w[r,g,j]·q[t,g,j] + M[r,g]·z[t,g])
//
//	R0 w, R1 dm, R2–R5 q, R6–R9 z, R10–R13 d of four tokens
//	R14 blocks left, R15 groups left, R16 groups, R17 steps of 16 columns per group, R19 steps left, R20 mins
//	R21 dst, R22 its distance, R23 n, R24 distance and place to start with
//	V0–V7 integer sums, two vectors of four rows per token; V8–V15 sums over groups; V16–V23 y; V24–V27 q; V28–V31 w

// FOUR multiplies the bytes of one group of four columns, lane i of q, by rows in the vectors a and b, for four tokens.
#define FOUR(i, a, b) \
	SDOTE(i, 24, a, 0) \
	SDOTE(i, 24, b, 1) \
	SDOTE(i, 25, a, 2) \
	SDOTE(i, 25, b, 3) \
	SDOTE(i, 26, a, 4) \
	SDOTE(i, 26, b, 5) \
	SDOTE(i, 27, a, 6) \
	SDOTE(i, 27, b, 7)

// TOKENS4 sets a, b, c, d to the places of four tokens that are distance elements of 1<<shift bytes apart, the last of the
// R23 that there are for those that there are not.
#define TOKENS4(first, distance, shift, a, b, c, d) \
	LSL  $shift, distance, distance \
	POINTERS4(first, distance, R23, a, b, c, d)

// SCALED adds D·Σ w·q of a token.
#define SCALED(na, a, ta, nb, b, tb) \
	SCVTF4(na, na)                \
	SCVTF4(nb, nb)                \
	VFMLA V24.S4, a.S4, ta.S4     \
	VFMLA V25.S4, b.S4, tb.S4

// MINS adds M·z of a token.
#define MINS(z, ta, tb) \
	VLD1R.P 4(z), [V28.S4]        \
	VFMLA   V26.S4, V28.S4, ta.S4 \
	VFMLA   V27.S4, V28.S4, tb.S4

// BLOCK adds d times the sums over groups of a token.
#define BLOCK(d, ta, ya, tb, yb) \
	VLD1R.P 4(d), [V24.S4]        \
	VFMLA   V24.S4, ta.S4, ya.S4  \
	VFMLA   V24.S4, tb.S4, yb.S4

#define ZERO8(a, b, c, d, e, f, g, h) \
	ZERO(a) \
	ZERO(b) \
	ZERO(c) \
	ZERO(d) \
	ZERO(e) \
	ZERO(f) \
	ZERO(g) \
	ZERO(h)

// BEGIN fetches the arguments, and y where it is to be added to.
#define BEGIN(block) \
	MOVD n+88(FP), R23 \
	MOVD q+40(FP), R24 \
	MOVD ldq+48(FP), R22 \
	POINTERS4(R24, R22, R23, R2, R3, R4, R5) \
	MOVD z+56(FP), R24 \
	MOVD ldz+64(FP), R22 \
	TOKENS4(R24, R22, 2, R6, R7, R8, R9) \
	MOVD d+72(FP), R24 \
	MOVD ldd+80(FP), R22 \
	TOKENS4(R24, R22, 2, R10, R11, R12, R13) \
	MOVD w+24(FP), R0 \
	MOVD dm+32(FP), R1 \
	MOVD blocks+96(FP), R14 \
	MOVD groups+104(FP), R16 \
	MOVD steps+112(FP), R17 \
	MOVD mins+120(FP), R20 \
	MOVD dst+0(FP), R21 \
	MOVD ld+8(FP), R22 \
	MOVD add+16(FP), R24 \
	ZERO8(V16, V17, V18, V19, V20, V21, V22, V23) \
	CBZ  R24, block \
	TOKENS4(R21, R22, 2, R24, R25, R15, R19) \
	VLD1 (R24), [V16.S4, V17.S4] \
	VLD1 (R25), [V18.S4, V19.S4] \
	VLD1 (R15), [V20.S4, V21.S4] \
	VLD1 (R19), [V22.S4, V23.S4]

// END is what follows the products of a group, up to the end of the function.
#define END(block, group, next) \
	CBZ  R20, next \
	MINS(R6, V8, V9) \
	MINS(R7, V10, V11) \
	MINS(R8, V12, V13) \
	MINS(R9, V14, V15) \
next: \
	SUBS $1, R15 \
	BNE  group \
	BLOCK(R10, V8, V16, V9, V17) \
	BLOCK(R11, V10, V18, V11, V19) \
	BLOCK(R12, V12, V20, V13, V21) \
	BLOCK(R13, V14, V22, V15, V23) \
	SUBS $1, R14 \
	BNE  block \
	MOVD ld+8(FP), R22 \
	TOKENS4(R21, R22, 2, R24, R25, R15, R19) \
	VST1 [V16.S4, V17.S4], (R24) \
	VST1 [V18.S4, V19.S4], (R25) \
	VST1 [V20.S4, V21.S4], (R15) \
	VST1 [V22.S4, V23.S4], (R19) \
	RET

// Codes become signed weights in the order of gemm8NEON: for each group of four columns four bytes of row 0, four of row 1,
// … four of row 7.
//
// func interleave8NEON(dst *int8, codes *byte, stride, cols, bias int)
TEXT ·interleave8NEON(SB), NOSPLIT, $0-40
	ROWS8

columns:
	COLUMNS16
	TRANSPOSE(V0, V2, V4, V6, V16, V17)
	TRANSPOSE(V1, V3, V5, V7, V18, V19)
	VST1.P [V0.B16, V1.B16, V2.B16, V3.B16], 64(R0)
	VST1.P [V4.B16, V5.B16, V6.B16, V7.B16], 64(R0)
	SUBS   $16, R3
	BNE    columns
	RET

// In the order of gemm8I8MM: for each group of eight columns eight bytes of row 0, … eight of row 7.
//
// func interleave8I8MM(dst *int8, codes *byte, stride, cols, bias int)
TEXT ·interleave8I8MM(SB), NOSPLIT, $0-40
	ROWS8

columns:
	COLUMNS16
	VZIP1  V2.D2, V0.D2, V16.D2
	VZIP1  V6.D2, V4.D2, V17.D2
	VZIP1  V3.D2, V1.D2, V18.D2
	VZIP1  V7.D2, V5.D2, V19.D2
	VST1.P [V16.B16, V17.B16, V18.B16, V19.B16], 64(R0)
	VZIP2  V2.D2, V0.D2, V16.D2
	VZIP2  V6.D2, V4.D2, V17.D2
	VZIP2  V3.D2, V1.D2, V18.D2
	VZIP2  V7.D2, V5.D2, V19.D2
	VST1.P [V16.B16, V17.B16, V18.B16, V19.B16], 64(R0)
	SUBS   $16, R3
	BNE    columns
	RET

// func gemm8NEON(dst *float32, ld, add int, w *int8, dm *float32, q *int8, ldq int, z *float32, ldz int, d *float32, ldd, n, blocks, groups, steps, mins int)
TEXT ·gemm8NEON(SB), NOSPLIT, $0-128
	BEGIN(block)

block:
	MOVD R16, R15
	ZERO8(V8, V9, V10, V11, V12, V13, V14, V15)

group:
	MOVD R17, R19
	ZERO8(V0, V1, V2, V3, V4, V5, V6, V7)

step:
	VLD1.P 16(R2), [V24.B16]
	VLD1.P 16(R3), [V25.B16]
	VLD1.P 16(R4), [V26.B16]
	VLD1.P 16(R5), [V27.B16]
	VLD1.P 64(R0), [V28.B16, V29.B16, V30.B16, V31.B16]
	FOUR(0, 28, 29)
	FOUR(1, 30, 31)
	VLD1.P 64(R0), [V28.B16, V29.B16, V30.B16, V31.B16]
	FOUR(2, 28, 29)
	FOUR(3, 30, 31)
	SUBS   $1, R19
	BNE    step

	VLD1.P 64(R1), [V24.S4, V25.S4, V26.S4, V27.S4]
	SCALED(0, V0, V8, 1, V1, V9)
	SCALED(2, V2, V10, 3, V3, V11)
	SCALED(4, V4, V12, 5, V5, V13)
	SCALED(6, V6, V14, 7, V7, V15)
	END(block, group, next)

// EIGHT multiplies eight columns of two pairs of tokens, a and b, by those of four pairs of rows, V28 to V31.
#define EIGHT(a, b) \
	SMMLA(28, a, 0) \
	SMMLA(29, a, 1) \
	SMMLA(30, a, 2) \
	SMMLA(31, a, 3) \
	SMMLA(28, b, 4) \
	SMMLA(29, b, 5) \
	SMMLA(30, b, 6) \
	SMMLA(31, b, 7)

// PAIR adds D·Σ w·q of a pair of tokens, whose sums are in a, b, c, d, of two rows each: those of the first token to ta and
// tb, those of the second to tc and td.
#define PAIR(a, b, c, d, ta, tb, tc, td) \
	VZIP1 b.D2, a.D2, V28.D2 \
	VZIP1 d.D2, c.D2, V29.D2 \
	VZIP2 b.D2, a.D2, V30.D2 \
	VZIP2 d.D2, c.D2, V31.D2 \
	SCALED(28, V28, ta, 29, V29, tb) \
	SCALED(30, V30, tc, 31, V31, td)

// V24 to V27 have q of two pairs of tokens, first eight columns of either pair and then the other eight.
//
// func gemm8I8MM(dst *float32, ld, add int, w *int8, dm *float32, q *int8, ldq int, z *float32, ldz int, d *float32, ldd, n, blocks, groups, steps, mins int)
TEXT ·gemm8I8MM(SB), NOSPLIT, $0-128
	BEGIN(block)

block:
	MOVD R16, R15
	ZERO8(V8, V9, V10, V11, V12, V13, V14, V15)

group:
	MOVD R17, R19
	ZERO8(V0, V1, V2, V3, V4, V5, V6, V7)

step:
	VLD1.P 16(R2), [V28.B16]
	VLD1.P 16(R3), [V29.B16]
	VLD1.P 16(R4), [V30.B16]
	VLD1.P 16(R5), [V31.B16]
	VZIP1  V29.D2, V28.D2, V24.D2
	VZIP1  V31.D2, V30.D2, V25.D2
	VZIP2  V29.D2, V28.D2, V26.D2
	VZIP2  V31.D2, V30.D2, V27.D2
	VLD1.P 64(R0), [V28.B16, V29.B16, V30.B16, V31.B16]
	EIGHT(24, 25)
	VLD1.P 64(R0), [V28.B16, V29.B16, V30.B16, V31.B16]
	EIGHT(26, 27)
	SUBS   $1, R19
	BNE    step

	VLD1.P 64(R1), [V24.S4, V25.S4, V26.S4, V27.S4]
	PAIR(V0, V1, V2, V3, V8, V9, V10, V11)
	PAIR(V4, V5, V6, V7, V12, V13, V14, V15)
	END(block, group, next)
