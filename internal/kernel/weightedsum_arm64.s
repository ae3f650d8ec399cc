//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// Rows of a cache weighted one to four ways, sixteen columns at a time, the last eight alone:
//
//	out[i,c] += Σ_j p[i,j]·v[j,c]
//
//	R0 out, R1 its distance, R2 p, R3 its distance, R4 v, R5 its stride, R6 rows, R7 columns left
//	R8 place in v, R9–R12 in p, R13 rows left, R14–R17 rows of out
//	V4i … V4i+3 sums; V16–V19 a row of v; V20, V21 the same as half floats; V24–V27 p

#define ARGSMIX \
	MOVD out+0(FP), R0     \
	MOVD ldo+8(FP), R1     \
	MOVD p+16(FP), R2      \
	MOVD ldp+24(FP), R3    \
	MOVD v+32(FP), R4      \
	MOVD stride+40(FP), R5 \
	MOVD n+48(FP), R6      \
	MOVD d+56(FP), R7      \
	LSL  $2, R1, R1        \
	LSL  $2, R3, R3        \
	LSL  $1, R5, R5

// Sixteen or eight columns of a row of v as floats.
#define COLUMNS16 \
	VLD1 (R8), [V20.H8, V21.H8] \
	ADD  R5, R8                 \
	FCVTL(20, 16)               \
	FCVTL2(20, 17)              \
	FCVTL(21, 18)               \
	FCVTL2(21, 19)

#define COLUMNS8 \
	VLD1 (R8), [V20.H8] \
	ADD  R5, R8         \
	FCVTL(20, 16)       \
	FCVTL2(20, 17)

#define MIX16(p, v, a, b, c, d) \
	VLD1R.P 4(p), [v.S4]         \
	VFMLA   V16.S4, v.S4, a.S4   \
	VFMLA   V17.S4, v.S4, b.S4   \
	VFMLA   V18.S4, v.S4, c.S4   \
	VFMLA   V19.S4, v.S4, d.S4

#define MIX8(p, v, a, b) \
	VLD1R.P 4(p), [v.S4]         \
	VFMLA   V16.S4, v.S4, a.S4   \
	VFMLA   V17.S4, v.S4, b.S4

// The places of rows 1 to 4 of p and of out.
#define PLACES1 \
	MOVD R4, R8     \
	MOVD R6, R13    \
	MOVD R2, R9     \
	MOVD R0, R14

#define PLACES2 \
	PLACES1         \
	ADD R3, R9, R10 \
	ADD R1, R14, R15

#define PLACES3 \
	PLACES2          \
	ADD R3, R10, R11 \
	ADD R1, R15, R16

#define PLACES4 \
	PLACES3          \
	ADD R3, R11, R12 \
	ADD R1, R16, R17

// MIX is the function: PLACES, then what is done with all rows of out for sixteen columns (LOAD, STEP, STORE) and for eight.
#define MIX(PLACES, LOAD16, STEP16, STORE16, LOAD8, STEP8, STORE8) \
	ARGSMIX             \
	SUBS $16, R7        \
	BLT  rest           \
columns:                \
	PLACES              \
	LOAD16              \
row:                    \
	COLUMNS16           \
	STEP16              \
	SUBS $1, R13        \
	BNE  row            \
	STORE16             \
	ADD  $64, R0        \
	ADD  $32, R4        \
	SUBS $16, R7        \
	BGE  columns        \
rest:                   \
	CMP  $-8, R7        \
	BLT  done           \
	PLACES              \
	LOAD8               \
row8:                   \
	COLUMNS8            \
	STEP8               \
	SUBS $1, R13        \
	BNE  row8           \
	STORE8              \
done:                   \
	RET

#define LOAD16X1 VLD1 (R14), [V0.S4, V1.S4, V2.S4, V3.S4]
#define LOAD16X2 LOAD16X1 \
	VLD1 (R15), [V4.S4, V5.S4, V6.S4, V7.S4]
#define LOAD16X3 LOAD16X2 \
	VLD1 (R16), [V8.S4, V9.S4, V10.S4, V11.S4]
#define LOAD16X4 LOAD16X3 \
	VLD1 (R17), [V12.S4, V13.S4, V14.S4, V15.S4]
#define STORE16X1 VST1 [V0.S4, V1.S4, V2.S4, V3.S4], (R14)
#define STORE16X2 STORE16X1 \
	VST1 [V4.S4, V5.S4, V6.S4, V7.S4], (R15)
#define STORE16X3 STORE16X2 \
	VST1 [V8.S4, V9.S4, V10.S4, V11.S4], (R16)
#define STORE16X4 STORE16X3 \
	VST1 [V12.S4, V13.S4, V14.S4, V15.S4], (R17)
#define STEP16X1 MIX16(R9, V24, V0, V1, V2, V3)
#define STEP16X2 STEP16X1 \
	MIX16(R10, V25, V4, V5, V6, V7)
#define STEP16X3 STEP16X2 \
	MIX16(R11, V26, V8, V9, V10, V11)
#define STEP16X4 STEP16X3 \
	MIX16(R12, V27, V12, V13, V14, V15)

#define LOAD8X1 VLD1 (R14), [V0.S4, V1.S4]
#define LOAD8X2 LOAD8X1 \
	VLD1 (R15), [V4.S4, V5.S4]
#define LOAD8X3 LOAD8X2 \
	VLD1 (R16), [V8.S4, V9.S4]
#define LOAD8X4 LOAD8X3 \
	VLD1 (R17), [V12.S4, V13.S4]
#define STORE8X1 VST1 [V0.S4, V1.S4], (R14)
#define STORE8X2 STORE8X1 \
	VST1 [V4.S4, V5.S4], (R15)
#define STORE8X3 STORE8X2 \
	VST1 [V8.S4, V9.S4], (R16)
#define STORE8X4 STORE8X3 \
	VST1 [V12.S4, V13.S4], (R17)
#define STEP8X1 MIX8(R9, V24, V0, V1)
#define STEP8X2 STEP8X1 \
	MIX8(R10, V25, V4, V5)
#define STEP8X3 STEP8X2 \
	MIX8(R11, V26, V8, V9)
#define STEP8X4 STEP8X3 \
	MIX8(R12, V27, V12, V13)

// func weightedSum1NEON(out *float32, ldo int, p *float32, ldp int, v *uint16, stride, n, d int)
TEXT ·weightedSum1NEON(SB), NOSPLIT, $0-64
	MIX(PLACES1, LOAD16X1, STEP16X1, STORE16X1, LOAD8X1, STEP8X1, STORE8X1)

// func weightedSum2NEON(out *float32, ldo int, p *float32, ldp int, v *uint16, stride, n, d int)
TEXT ·weightedSum2NEON(SB), NOSPLIT, $0-64
	MIX(PLACES2, LOAD16X2, STEP16X2, STORE16X2, LOAD8X2, STEP8X2, STORE8X2)

// func weightedSum3NEON(out *float32, ldo int, p *float32, ldp int, v *uint16, stride, n, d int)
TEXT ·weightedSum3NEON(SB), NOSPLIT, $0-64
	MIX(PLACES3, LOAD16X3, STEP16X3, STORE16X3, LOAD8X3, STEP8X3, STORE8X3)

// func weightedSum4NEON(out *float32, ldo int, p *float32, ldp int, v *uint16, stride, n, d int)
TEXT ·weightedSum4NEON(SB), NOSPLIT, $0-64
	MIX(PLACES4, LOAD16X4, STEP16X4, STORE16X4, LOAD8X4, STEP8X4, STORE8X4)
