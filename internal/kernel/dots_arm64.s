//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// Dot products of four rows k and one to three rows of floats q, eight columns at a time:
//
//	dst[i,j] = Σ_c q[i,c]·k[j,c]
//
// Each has two vectors of partial sums whatever the number of rows, so that a result does not depend on its neighbours.
//
//	R0 dst, R1 its distance, R2–R4 rows of q, R5 k, R6 its stride, R7 rows left, R8 columns
//	R9–R12 places in k, R13–R15 in q, R16 columns left, R17, R19 dst
//	V6j+2i, V6j+2i+1 sums of row j and query i; V24–V29 q; V30, V31 k

#define ARGSDOT \
	MOVD dst+0(FP), R0     \
	MOVD ldd+8(FP), R1     \
	MOVD q+16(FP), R2      \
	MOVD ldq+24(FP), R3    \
	MOVD k+32(FP), R5      \
	MOVD stride+40(FP), R6 \
	MOVD n+48(FP), R7      \
	MOVD d+56(FP), R8      \
	ADD  R3<<2, R2, R3     \
	SUB  R2, R3, R4        \
	ADD  R4, R3, R4        \
	LSL  $2, R1, R1

// Eight columns of a row of k as floats.
#define LOADF16(k) \
	VLD1.P 16(k), [V31.H8] \
	FCVTL(31, 30)          \
	FCVTL2(31, 31)

#define LOADBF16(k) \
	VLD1.P  16(k), [V31.H8]        \
	VUSHLL  $0, V31.H4, V30.S4     \
	VUSHLL2 $0, V31.H8, V31.S4     \
	VSHL    $16, V30.S4, V30.S4    \
	VSHL    $16, V31.S4, V31.S4

#define LOADF32(k) \
	VLD1.P 32(k), [V30.S4, V31.S4]

// Their products with one query.
#define DOT8(q0, q1, a, b) \
	VFMLA q0.S4, V30.S4, a.S4 \
	VFMLA q1.S4, V31.S4, b.S4

// TOTAL stores the sums of four rows with one query.
#define TOTAL(a0, a1, n0, b0, b1, n1, c0, c1, n2, d0, d1, n3, v, dst, few, done) \
	FADD4(n0+1, n0, n0)         \
	FADD4(n1+1, n1, n1)         \
	FADD4(n2+1, n2, n2)         \
	FADD4(n3+1, n3, n3)         \
	FADDP4(n1, n0, n0)          \
	FADDP4(n3, n2, n2)          \
	FADDP4(n2, n0, n0)          \
	STORE4(v, R7, dst, few, done)

#define BEGIN1 \
	POINTERS4(R5, R6, R7, R9, R10, R11, R12) \
	MOVD R2, R13 \
	MOVD R8, R16 \
	ZERO(V0)     \
	ZERO(V1)     \
	ZERO(V6)     \
	ZERO(V7)     \
	ZERO(V12)    \
	ZERO(V13)    \
	ZERO(V18)    \
	ZERO(V19)

#define BEGIN2 \
	BEGIN1       \
	MOVD R3, R14 \
	ZERO(V2)     \
	ZERO(V3)     \
	ZERO(V8)     \
	ZERO(V9)     \
	ZERO(V14)    \
	ZERO(V15)    \
	ZERO(V20)    \
	ZERO(V21)

#define BEGIN3 \
	BEGIN2       \
	MOVD R4, R15 \
	ZERO(V4)     \
	ZERO(V5)     \
	ZERO(V10)    \
	ZERO(V11)    \
	ZERO(V16)    \
	ZERO(V17)    \
	ZERO(V22)    \
	ZERO(V23)

// NEXT goes on to the next four rows or returns.
#define NEXT(rows) \
	ADD  $16, R0     \
	ADD  R6<<2, R5   \
	SUBS $4, R7      \
	BGT  rows        \
	RET

#define TOTAL1 \
	MOVD R0, R17 \
	TOTAL(V0, V1, 0, V6, V7, 6, V12, V13, 12, V18, V19, 18, V0, R17, few1, done1)

#define TOTAL2 \
	TOTAL1           \
	ADD R1, R0, R17  \
	TOTAL(V2, V3, 2, V8, V9, 8, V14, V15, 14, V20, V21, 20, V2, R17, few2, done2)

#define TOTAL3 \
	TOTAL2               \
	ADD R1<<1, R0, R17   \
	TOTAL(V4, V5, 4, V10, V11, 10, V16, V17, 16, V22, V23, 22, V4, R17, few3, done3)

#define DOTS1(LOAD) \
	ARGSDOT                         \
rows:                               \
	BEGIN1                          \
	CBZ    R16, sums                \
columns:                            \
	VLD1.P 32(R13), [V24.S4, V25.S4] \
	LOAD(R9)                        \
	DOT8(V24, V25, V0, V1)          \
	LOAD(R10)                       \
	DOT8(V24, V25, V6, V7)          \
	LOAD(R11)                       \
	DOT8(V24, V25, V12, V13)        \
	LOAD(R12)                       \
	DOT8(V24, V25, V18, V19)        \
	SUBS   $8, R16                  \
	BNE    columns                  \
sums:                               \
	TOTAL1                          \
	NEXT(rows)

#define DOTS2(LOAD) \
	ARGSDOT                         \
rows:                               \
	BEGIN2                          \
	CBZ    R16, sums                \
columns:                            \
	VLD1.P 32(R13), [V24.S4, V25.S4] \
	VLD1.P 32(R14), [V26.S4, V27.S4] \
	LOAD(R9)                        \
	DOT8(V24, V25, V0, V1)          \
	DOT8(V26, V27, V2, V3)          \
	LOAD(R10)                       \
	DOT8(V24, V25, V6, V7)          \
	DOT8(V26, V27, V8, V9)          \
	LOAD(R11)                       \
	DOT8(V24, V25, V12, V13)        \
	DOT8(V26, V27, V14, V15)        \
	LOAD(R12)                       \
	DOT8(V24, V25, V18, V19)        \
	DOT8(V26, V27, V20, V21)        \
	SUBS   $8, R16                  \
	BNE    columns                  \
sums:                               \
	TOTAL2                          \
	NEXT(rows)

#define DOTS3(LOAD) \
	ARGSDOT                         \
rows:                               \
	BEGIN3                          \
	CBZ    R16, sums                \
columns:                            \
	VLD1.P 32(R13), [V24.S4, V25.S4] \
	VLD1.P 32(R14), [V26.S4, V27.S4] \
	VLD1.P 32(R15), [V28.S4, V29.S4] \
	LOAD(R9)                        \
	DOT8(V24, V25, V0, V1)          \
	DOT8(V26, V27, V2, V3)          \
	DOT8(V28, V29, V4, V5)          \
	LOAD(R10)                       \
	DOT8(V24, V25, V6, V7)          \
	DOT8(V26, V27, V8, V9)          \
	DOT8(V28, V29, V10, V11)        \
	LOAD(R11)                       \
	DOT8(V24, V25, V12, V13)        \
	DOT8(V26, V27, V14, V15)        \
	DOT8(V28, V29, V16, V17)        \
	LOAD(R12)                       \
	DOT8(V24, V25, V18, V19)        \
	DOT8(V26, V27, V20, V21)        \
	DOT8(V28, V29, V22, V23)        \
	SUBS   $8, R16                  \
	BNE    columns                  \
sums:                               \
	TOTAL3                          \
	NEXT(rows)

// func scoresF16x1NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)
TEXT ·scoresF16x1NEON(SB), NOSPLIT, $0-64
	DOTS1(LOADF16)

// func scoresF16x2NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)
TEXT ·scoresF16x2NEON(SB), NOSPLIT, $0-64
	DOTS2(LOADF16)

// func scoresF16x3NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)
TEXT ·scoresF16x3NEON(SB), NOSPLIT, $0-64
	DOTS3(LOADF16)

// func scoresBF16x1NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)
TEXT ·scoresBF16x1NEON(SB), NOSPLIT, $0-64
	DOTS1(LOADBF16)

// func scoresBF16x2NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)
TEXT ·scoresBF16x2NEON(SB), NOSPLIT, $0-64
	DOTS2(LOADBF16)

// func scoresBF16x3NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)
TEXT ·scoresBF16x3NEON(SB), NOSPLIT, $0-64
	DOTS3(LOADBF16)

// func scoresF32x1NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)
TEXT ·scoresF32x1NEON(SB), NOSPLIT, $0-64
	DOTS1(LOADF32)

// func scoresF32x2NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)
TEXT ·scoresF32x2NEON(SB), NOSPLIT, $0-64
	DOTS2(LOADF32)

// func scoresF32x3NEON(dst *float32, ldd int, q *float32, ldq int, k *byte, stride, n, d int)
TEXT ·scoresF32x3NEON(SB), NOSPLIT, $0-64
	DOTS3(LOADF32)
