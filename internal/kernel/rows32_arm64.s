//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// Rows of blocks of 32 weights by one token, four rows side by side:
//
//	y[r] = Σ_b dw[r,b]·d[b]·Σ_j c[r,b,j]·q[b,j] + m[r,b]·s[b]
//
// with c the signed weights and m only where the type has it. A block's four integer sums end in the four lanes of one
// vector. Where codes have a bias, Σ -bias·q is computed once for all rows and is what their sums start from.
//
//	R0 dst, R1 w, R2 stride, R3 rows left, R4 q, R5 d, R6 s, R7 blocks
//	R8–R11 places in the four rows, R12–R14 in q, d and s, R15 blocks left
//	V0, V1 q; V2 d; V3 what sums start from; V4 s; V5 dw; V6, V7 weights; V16 y; V20–V23 sums
//	V13–V15, V19, V27–V31 constants

#define ARGS32 \
	MOVD dst+0(FP), R0     \
	MOVD w+8(FP), R1       \
	MOVD stride+16(FP), R2 \
	MOVD rows+24(FP), R3   \
	MOVD q+32(FP), R4      \
	MOVD d+40(FP), R5      \
	MOVD s+48(FP), R6      \
	MOVD blocks+56(FP), R7

// ROWS begins with the next four rows.
#define ROWS \
	POINTERS4(R1, R2, R3, R8, R9, R10, R11) \
	MOVD R4, R12 \
	MOVD R5, R13 \
	MOVD R6, R14 \
	MOVD R7, R15 \
	ZERO(V16)

// TOKEN loads q and d of a block.
#define TOKEN \
	VLD1.P  32(R12), [V0.B16, V1.B16] \
	VLD1R.P 4(R13), [V2.S4]

// BIASED sets V3 to Σ c·q with the same c, in the bytes of vector number v, for all columns.
#define BIASED(v) \
	ZERO(V3)       \
	SDOT(v, 0, 3)  \
	SDOT(v, 1, 3)

// SUMS sets V20 to the four sums Σ c·q as floats.
#define SUMS \
	VADDP V21.S4, V20.S4, V20.S4 \
	VADDP V23.S4, V22.S4, V22.S4 \
	VADDP V22.S4, V20.S4, V20.S4 \
	SCVTF4(20, 20)

// SCALE adds (dw·d)·Σ c·q with dw half floats in V5.
#define SCALE \
	SUMS           \
	FCVTL(5, 5)    \
	FMUL4(2, 5, 5) \
	VFMLA V5.S4, V20.S4, V16.S4

// SCALEMIN is SCALE where V5 holds pairs of half floats dw and m: it adds m·s, too.
#define SCALEMIN \
	SUMS                         \
	VLD1R.P 4(R14), [V4.S4]      \
	VUZP2   V5.H8, V5.H8, V6.H8  \
	VUZP1   V5.H8, V5.H8, V5.H8  \
	FCVTL(6, 6)                  \
	FCVTL(5, 5)                  \
	FMUL4(2, 5, 5)               \
	VFMLA   V4.S4, V6.S4, V16.S4 \
	VFMLA   V5.S4, V20.S4, V16.S4

// NEXTROWS stores y and goes on to the next four rows or returns.
#define NEXTROWS(rows) \
	MOVD R0, R8                      \
	STORE4(V16, R3, R8, few, stored) \
	ADD  $16, R0                     \
	ADD  R2<<2, R1                   \
	SUBS $4, R3                      \
	BGT  rows                        \
	RET

// NIBBLES unpacks V6 to its low halves in V7 and its high ones in V6.
#define NIBBLES \
	VAND  V31.B16, V6.B16, V7.B16 \
	VUSHR $4, V6.B16, V6.B16

// DOT adds what NIBBLES unpacked times q to acc, vector number n, which begins as V3.
#define DOT(acc, n) \
	VMOV V3.B16, acc.B16 \
	SDOT(0, 7, n)        \
	SDOT(1, 6, n)

// Q4_0: half d, 16 bytes of two codes each, c = code - 8.
#define ROWQ4_0(w, lane, acc, n) \
	VLD1.P 2(w), V5.H[lane]  \
	VLD1.P 16(w), [V6.B16]   \
	NIBBLES                  \
	DOT(acc, n)

// func rowsQ4_0NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)
TEXT ·rowsQ4_0NEON(SB), NOSPLIT, $0-64
	ARGS32
	VMOVI $15, V31.B16
	VMOVI $248, V30.B16 // -8

rows:
	ROWS

block:
	TOKEN
	BIASED(30)
	ROWQ4_0(R8, 0, V20, 20)
	ROWQ4_0(R9, 1, V21, 21)
	ROWQ4_0(R10, 2, V22, 22)
	ROWQ4_0(R11, 3, V23, 23)
	SCALE
	SUBS $1, R15
	BNE  block
	NEXTROWS(rows)

// Q4_1: halves d and m, 16 bytes of two codes each, c = code.
#define ROWQ4_1(w, lane, acc, n) \
	VLD1.P 4(w), V5.S[lane]  \
	VLD1.P 16(w), [V6.B16]   \
	NIBBLES                  \
	DOT(acc, n)

// func rowsQ4_1NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)
TEXT ·rowsQ4_1NEON(SB), NOSPLIT, $0-64
	ARGS32
	VMOVI $15, V31.B16
	ZERO(V3)

rows:
	ROWS

block:
	TOKEN
	ROWQ4_1(R8, 0, V20, 20)
	ROWQ4_1(R9, 1, V21, 21)
	ROWQ4_1(R10, 2, V22, 22)
	ROWQ4_1(R11, 3, V23, 23)
	SCALEMIN
	SUBS $1, R15
	BNE  block
	NEXTROWS(rows)

// FIFTH puts the bits of the four bytes at w, one per weight, on top of the four-bit codes; V27 is what a bit is worth.
#define FIFTH(w) \
	VLD1R.P 4(w), [V24.S4]            \
	VLD1.P  16(w), [V6.B16]           \
	NIBBLES                           \
	SPREAD(V24, V25, V26)             \
	VAND    V27.B16, V25.B16, V25.B16 \
	VAND    V27.B16, V26.B16, V26.B16 \
	VORR    V25.B16, V7.B16, V7.B16   \
	VORR    V26.B16, V6.B16, V6.B16

#define FIFTHCONSTANTS \
	VMOVI $15, V31.B16 \
	SPREADCONSTANTS    \
	VMOVI $16, V27.B16

// Q5_0: half d, 4 bytes of fifth bits, 16 bytes of two codes each, c = code - 16.
#define ROWQ5_0(w, lane, acc, n) \
	VLD1.P 2(w), V5.H[lane] \
	FIFTH(w)                \
	DOT(acc, n)

// func rowsQ5_0NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)
TEXT ·rowsQ5_0NEON(SB), NOSPLIT, $0-64
	ARGS32
	FIFTHCONSTANTS
	VMOVI $240, V19.B16 // -16

rows:
	ROWS

block:
	TOKEN
	BIASED(19)
	ROWQ5_0(R8, 0, V20, 20)
	ROWQ5_0(R9, 1, V21, 21)
	ROWQ5_0(R10, 2, V22, 22)
	ROWQ5_0(R11, 3, V23, 23)
	SCALE
	SUBS $1, R15
	BNE  block
	NEXTROWS(rows)

// Q5_1: halves d and m, 4 bytes of fifth bits, 16 bytes of two codes each, c = code.
#define ROWQ5_1(w, lane, acc, n) \
	VLD1.P 4(w), V5.S[lane] \
	FIFTH(w)                \
	DOT(acc, n)

// func rowsQ5_1NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)
TEXT ·rowsQ5_1NEON(SB), NOSPLIT, $0-64
	ARGS32
	FIFTHCONSTANTS
	ZERO(V3)

rows:
	ROWS

block:
	TOKEN
	ROWQ5_1(R8, 0, V20, 20)
	ROWQ5_1(R9, 1, V21, 21)
	ROWQ5_1(R10, 2, V22, 22)
	ROWQ5_1(R11, 3, V23, 23)
	SCALEMIN
	SUBS $1, R15
	BNE  block
	NEXTROWS(rows)

// Q8_0: half d, 32 int8 c.
#define ROWQ8_0(w, lane, acc, n) \
	VLD1.P 2(w), V5.H[lane]          \
	VLD1.P 32(w), [V6.B16, V7.B16]   \
	ZERO(acc)                        \
	SDOT(0, 6, n)                    \
	SDOT(1, 7, n)

// func rowsQ8_0NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)
TEXT ·rowsQ8_0NEON(SB), NOSPLIT, $0-64
	ARGS32

rows:
	ROWS

block:
	TOKEN
	ROWQ8_0(R8, 0, V20, 20)
	ROWQ8_0(R9, 1, V21, 21)
	ROWQ8_0(R10, 2, V22, 22)
	ROWQ8_0(R11, 3, V23, 23)
	SCALE
	SUBS $1, R15
	BNE  block
	NEXTROWS(rows)

// LOOKUP unpacks V6 to values, which V30 has, as NIBBLES does to codes.
#define LOOKUP \
	NIBBLES                          \
	VTBL   V7.B16, [V30.B16], V7.B16 \
	VTBL   V6.B16, [V30.B16], V6.B16

// IQ4_NL: half d, 16 bytes of two codes each, c = values[code].
#define ROWIQ4_NL(w, lane, acc, n) \
	VLD1.P 2(w), V5.H[lane]             \
	VLD1.P 16(w), [V6.B16]              \
	LOOKUP                              \
	DOT(acc, n)

// func rowsIQ4_NLNEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)
TEXT ·rowsIQ4_NLNEON(SB), NOSPLIT, $0-64
	ARGS32
	VMOVI $15, V31.B16
	MOVD  $·iq4Values(SB), R8
	VLD1  (R8), [V30.B16]
	ZERO(V3)

rows:
	ROWS

block:
	TOKEN
	ROWIQ4_NL(R8, 0, V20, 20)
	ROWIQ4_NL(R9, 1, V21, 21)
	ROWIQ4_NL(R10, 2, V22, 22)
	ROWIQ4_NL(R11, 3, V23, 23)
	SCALE
	SUBS $1, R15
	BNE  block
	NEXTROWS(rows)

// MXFP4: a byte e, dw = 2^(e-128), 16 bytes of two codes each, c = values[code].
#define ROWMXFP4(w, lane, acc, n) \
	VLD1.P 1(w), V5.B[lane] \
	VLD1.P 16(w), [V6.B16]  \
	LOOKUP                  \
	DOT(acc, n)

// E8M0 makes floats 2^(e-128) of the integers e of V5: e-1 in the place of the exponent; for 0 and 1, whose floats are
// subnormal, and for 2, half of e there and at least 2^-128, which V29 has. V28 has the exponent 1.
#define E8M0 \
	VSHL  $23, V5.S4, V5.S4    \
	VUSHR $1, V5.S4, V6.S4     \
	VUMAX V29.S4, V6.S4, V6.S4 \
	VSUB  V28.S4, V5.S4, V5.S4 \
	SMAX4(6, 5, 5)

// func rowsMXFP4NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)
TEXT ·rowsMXFP4NEON(SB), NOSPLIT, $0-64
	ARGS32
	VMOVI $15, V31.B16
	MOVD  $·fp4Values(SB), R8
	VLD1  (R8), [V30.B16]
	VMOVQ $0x0020000000200000, $0x0020000000200000, V29
	VMOVQ $0x0080000000800000, $0x0080000000800000, V28
	ZERO(V3)

rows:
	ROWS

block:
	TOKEN
	ZERO(V5)
	ROWMXFP4(R8, 0, V20, 20)
	ROWMXFP4(R9, 4, V21, 21)
	ROWMXFP4(R10, 8, V22, 22)
	ROWMXFP4(R11, 12, V23, 23)
	SUMS
	E8M0
	FMUL4(2, 5, 5)
	VFMLA V5.S4, V20.S4, V16.S4
	SUBS  $1, R15
	BNE   block
	NEXTROWS(rows)

// Q1_0 and Q2_0 have one dw per 128 or 64 weights, as four half floats in V5, then as floats. SHARED begins one, STEP adds the
// products of 32 weights by row, which is ROWQ1_0 or ROWQ2_0, with all rows; their sums start from V3.
#define SHARED \
	VLD1.P 2(R8), V5.H[0]  \
	VLD1.P 2(R9), V5.H[1]  \
	VLD1.P 2(R10), V5.H[2] \
	VLD1.P 2(R11), V5.H[3] \
	FCVTL(5, 5)

#define STEP(row) \
	row(R8, V20, 20)  \
	row(R9, V21, 21)  \
	row(R10, V22, 22) \
	row(R11, V23, 23) \
	SUMS              \
	FMUL4(2, 5, 6)    \
	VFMLA V6.S4, V20.S4, V16.S4

// Q1_0: half d, 16 bytes of bits, c = 1 where a bit is set, else -1. Here it is -c: all ones, or those of V30.
#define ROWQ1_0(w, acc, n) \
	VLD1R.P 4(w), [V24.S4]          \
	SPREAD(V24, V7, V6)             \
	VORR    V30.B16, V7.B16, V7.B16 \
	VORR    V30.B16, V6.B16, V6.B16 \
	DOT(acc, n)

#define STEPQ1_0 \
	TOKEN \
	STEP(ROWQ1_0)

// func rowsQ1_0NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)
TEXT ·rowsQ1_0NEON(SB), NOSPLIT, $0-64
	ARGS32
	SPREADCONSTANTS
	VMOVI $1, V30.B16
	ZERO(V3)

rows:
	ROWS

block:
	SHARED
	FNEG4(5, 5)
	STEPQ1_0
	STEPQ1_0
	STEPQ1_0
	STEPQ1_0
	SUBS $4, R15
	BNE  block
	NEXTROWS(rows)

// Q2_0: half d, 16 bytes with the codes of four weights each, c = code - 1. V28 takes each of four bytes four times, V29 the
// next four, V27 shifts them down.
#define ROWQ2_0(w, acc, n) \
	VLD1.P 8(w), [V6.B8]             \
	VTBL   V28.B16, [V6.B16], V7.B16 \
	VTBL   V29.B16, [V6.B16], V6.B16 \
	USHL16B(27, 7, 7)                \
	USHL16B(27, 6, 6)                \
	VAND   V31.B16, V7.B16, V7.B16   \
	VAND   V31.B16, V6.B16, V6.B16   \
	DOT(acc, n)

#define STEPQ2_0 \
	TOKEN      \
	BIASED(30) \
	STEP(ROWQ2_0)

// func rowsQ2_0NEON(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)
TEXT ·rowsQ2_0NEON(SB), NOSPLIT, $0-64
	ARGS32
	VMOVQ $0xfafcfe00fafcfe00, $0xfafcfe00fafcfe00, V27 // 0, -2, -4, -6
	VMOVQ $0x0101010100000000, $0x0303030302020202, V28
	VMOVQ $0x0505050504040404, $0x0707070706060606, V29
	VMOVI $255, V30.B16 // -1
	VMOVI $3, V31.B16

rows:
	ROWS

block:
	SHARED
	STEPQ2_0
	STEPQ2_0
	SUBS $2, R15
	BNE  block
	NEXTROWS(rows)
