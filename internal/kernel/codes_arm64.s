//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// Products with caches in codes of 1, 2 or 4 bits, see _asm/codes.go: a lane of 32 bits is a row, whose four bytes have the
// columns x, x+4, … of a step. Eight rows go together: their codes of a step are in V0 and V1, those of a plane of bits in V3
// and V4, sums of a tile in V18 and V19, totals in V16 and V17; those of a second and third row of factors follow in
// V24 … V27 and V20 … V23.

// PLANE0 takes the lowest bits of the codes, PLANE those from shift on; V31 has the mask.
#define PLANE0 \
	VAND V31.B16, V0.B16, V3.B16 \
	VAND V31.B16, V1.B16, V4.B16
#define PLANE(shift) \
	VUSHR $shift, V0.B16, V3.B16 \
	VUSHR $shift, V1.B16, V4.B16 \
	VAND  V31.B16, V3.B16, V3.B16 \
	VAND  V31.B16, V4.B16, V4.B16

// DOT adds the plane's products with word i of a vector of factors.
#define DOT(i, f, a, b) \
	SDOTE(i, f, 3, a) \
	SDOTE(i, f, 4, b)

// TOTAL adds a tile's sums a, b times its scale, which f points to, to totals c, d.
#define TOTAL(f, a, b, c, d) \
	VLD1R.P 4(f), [V7.S4] \
	SCVTF4(a, a)          \
	SCVTF4(b, b)          \
	FMUL4(7, a, a)        \
	FMUL4(7, b, b)        \
	FADD4(a, c, c)        \
	FADD4(b, d, d)

// STORE adds totals to eight values at dst.
#define STORE(dst, c, d) \
	VLD1 (dst), [V5.S4, V6.S4] \
	FADD4(c, 5, 5)             \
	FADD4(d, 6, 6)             \
	VST1 [V5.S4, V6.S4], (dst)

// func addProducts1x1NEON(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int)
TEXT ·addProducts1x1NEON(SB), NOSPLIT, $0-72
	MOVD  dst+0(FP), R0
	MOVD  ldd+8(FP), R13
	MOVD  f+16(FP), R1
	MOVD  ldf+24(FP), R14
	MOVD  c+32(FP), R2
	MOVD  stride+40(FP), R3
	MOVD  rows+48(FP), R4
	MOVD  tiles+56(FP), R5
	MOVD  steps+64(FP), R6
	LSL   $2, R13, R13
	LSL   $2, R3, R3
	VMOVI $1, V31.B16

rows:
	MOVD R1, R7
	VLD1R (R7), [V16.S4]
	VMOV  V16.B16, V17.B16
	ADD   $12, R7
	MOVD R2, R8
	MOVD R5, R9

tile:
	ZERO(V18)
	ZERO(V19)
	MOVD R6, R10

step:
	VLD1 (R8), [V0.B16, V1.B16]
	ADD  R3, R8
	VLD1.P 16(R7), [V2.B16]
	VLD1.P 16(R7), [V8.B16]
	PLANE0
	DOT(0, 2, 18, 19)
	PLANE(1)
	DOT(1, 2, 18, 19)
	PLANE(2)
	DOT(2, 2, 18, 19)
	PLANE(3)
	DOT(3, 2, 18, 19)
	PLANE(4)
	DOT(0, 8, 18, 19)
	PLANE(5)
	DOT(1, 8, 18, 19)
	PLANE(6)
	DOT(2, 8, 18, 19)
	PLANE(7)
	DOT(3, 8, 18, 19)
	SUBS $1, R10
	BNE  step
	TOTAL(R7, 18, 19, 16, 17)
	SUBS $1, R9
	BNE  tile
	MOVD R0, R7
	STORE(R7, 16, 17)
	ADD  $32, R0
	ADD  $32, R2
	SUBS $8, R4
	BNE  rows
	RET

// func addProducts1x3NEON(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int)
TEXT ·addProducts1x3NEON(SB), NOSPLIT, $0-72
	MOVD  dst+0(FP), R0
	MOVD  ldd+8(FP), R13
	MOVD  f+16(FP), R1
	MOVD  ldf+24(FP), R14
	MOVD  c+32(FP), R2
	MOVD  stride+40(FP), R3
	MOVD  rows+48(FP), R4
	MOVD  tiles+56(FP), R5
	MOVD  steps+64(FP), R6
	LSL   $2, R13, R13
	LSL   $2, R3, R3
	VMOVI $1, V31.B16

rows:
	MOVD R1, R7
	ADD  R14, R7, R11
	ADD  R14, R11, R12
	VLD1R (R7), [V16.S4]
	VMOV  V16.B16, V17.B16
	ADD   $12, R7
	VLD1R (R11), [V20.S4]
	VMOV  V20.B16, V21.B16
	ADD   $12, R11
	VLD1R (R12), [V22.S4]
	VMOV  V22.B16, V23.B16
	ADD   $12, R12
	MOVD R2, R8
	MOVD R5, R9

tile:
	ZERO(V18)
	ZERO(V19)
	ZERO(V24)
	ZERO(V25)
	ZERO(V26)
	ZERO(V27)
	MOVD R6, R10

step:
	VLD1 (R8), [V0.B16, V1.B16]
	ADD  R3, R8
	VLD1.P 16(R7), [V2.B16]
	VLD1.P 16(R7), [V8.B16]
	VLD1.P 16(R11), [V28.B16]
	VLD1.P 16(R11), [V9.B16]
	VLD1.P 16(R12), [V29.B16]
	VLD1.P 16(R12), [V10.B16]
	PLANE0
	DOT(0, 2, 18, 19)
	DOT(0, 28, 24, 25)
	DOT(0, 29, 26, 27)
	PLANE(1)
	DOT(1, 2, 18, 19)
	DOT(1, 28, 24, 25)
	DOT(1, 29, 26, 27)
	PLANE(2)
	DOT(2, 2, 18, 19)
	DOT(2, 28, 24, 25)
	DOT(2, 29, 26, 27)
	PLANE(3)
	DOT(3, 2, 18, 19)
	DOT(3, 28, 24, 25)
	DOT(3, 29, 26, 27)
	PLANE(4)
	DOT(0, 8, 18, 19)
	DOT(0, 9, 24, 25)
	DOT(0, 10, 26, 27)
	PLANE(5)
	DOT(1, 8, 18, 19)
	DOT(1, 9, 24, 25)
	DOT(1, 10, 26, 27)
	PLANE(6)
	DOT(2, 8, 18, 19)
	DOT(2, 9, 24, 25)
	DOT(2, 10, 26, 27)
	PLANE(7)
	DOT(3, 8, 18, 19)
	DOT(3, 9, 24, 25)
	DOT(3, 10, 26, 27)
	SUBS $1, R10
	BNE  step
	TOTAL(R7, 18, 19, 16, 17)
	TOTAL(R11, 24, 25, 20, 21)
	TOTAL(R12, 26, 27, 22, 23)
	SUBS $1, R9
	BNE  tile
	MOVD R0, R7
	STORE(R7, 16, 17)
	ADD  R13, R7, R7
	STORE(R7, 20, 21)
	ADD  R13, R7, R7
	STORE(R7, 22, 23)
	ADD  $32, R0
	ADD  $32, R2
	SUBS $8, R4
	BNE  rows
	RET

// func addProducts2x1NEON(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int)
TEXT ·addProducts2x1NEON(SB), NOSPLIT, $0-72
	MOVD  dst+0(FP), R0
	MOVD  ldd+8(FP), R13
	MOVD  f+16(FP), R1
	MOVD  ldf+24(FP), R14
	MOVD  c+32(FP), R2
	MOVD  stride+40(FP), R3
	MOVD  rows+48(FP), R4
	MOVD  tiles+56(FP), R5
	MOVD  steps+64(FP), R6
	LSL   $2, R13, R13
	LSL   $2, R3, R3
	VMOVI $3, V31.B16

rows:
	MOVD R1, R7
	VLD1R (R7), [V16.S4]
	VMOV  V16.B16, V17.B16
	ADD   $8, R7
	MOVD R2, R8
	MOVD R5, R9

tile:
	ZERO(V18)
	ZERO(V19)
	MOVD R6, R10

step:
	VLD1 (R8), [V0.B16, V1.B16]
	ADD  R3, R8
	VLD1.P 16(R7), [V2.B16]
	PLANE0
	DOT(0, 2, 18, 19)
	PLANE(2)
	DOT(1, 2, 18, 19)
	PLANE(4)
	DOT(2, 2, 18, 19)
	PLANE(6)
	DOT(3, 2, 18, 19)
	SUBS $1, R10
	BNE  step
	TOTAL(R7, 18, 19, 16, 17)
	SUBS $1, R9
	BNE  tile
	MOVD R0, R7
	STORE(R7, 16, 17)
	ADD  $32, R0
	ADD  $32, R2
	SUBS $8, R4
	BNE  rows
	RET

// func addProducts2x3NEON(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int)
TEXT ·addProducts2x3NEON(SB), NOSPLIT, $0-72
	MOVD  dst+0(FP), R0
	MOVD  ldd+8(FP), R13
	MOVD  f+16(FP), R1
	MOVD  ldf+24(FP), R14
	MOVD  c+32(FP), R2
	MOVD  stride+40(FP), R3
	MOVD  rows+48(FP), R4
	MOVD  tiles+56(FP), R5
	MOVD  steps+64(FP), R6
	LSL   $2, R13, R13
	LSL   $2, R3, R3
	VMOVI $3, V31.B16

rows:
	MOVD R1, R7
	ADD  R14, R7, R11
	ADD  R14, R11, R12
	VLD1R (R7), [V16.S4]
	VMOV  V16.B16, V17.B16
	ADD   $8, R7
	VLD1R (R11), [V20.S4]
	VMOV  V20.B16, V21.B16
	ADD   $8, R11
	VLD1R (R12), [V22.S4]
	VMOV  V22.B16, V23.B16
	ADD   $8, R12
	MOVD R2, R8
	MOVD R5, R9

tile:
	ZERO(V18)
	ZERO(V19)
	ZERO(V24)
	ZERO(V25)
	ZERO(V26)
	ZERO(V27)
	MOVD R6, R10

step:
	VLD1 (R8), [V0.B16, V1.B16]
	ADD  R3, R8
	VLD1.P 16(R7), [V2.B16]
	VLD1.P 16(R11), [V28.B16]
	VLD1.P 16(R12), [V29.B16]
	PLANE0
	DOT(0, 2, 18, 19)
	DOT(0, 28, 24, 25)
	DOT(0, 29, 26, 27)
	PLANE(2)
	DOT(1, 2, 18, 19)
	DOT(1, 28, 24, 25)
	DOT(1, 29, 26, 27)
	PLANE(4)
	DOT(2, 2, 18, 19)
	DOT(2, 28, 24, 25)
	DOT(2, 29, 26, 27)
	PLANE(6)
	DOT(3, 2, 18, 19)
	DOT(3, 28, 24, 25)
	DOT(3, 29, 26, 27)
	SUBS $1, R10
	BNE  step
	TOTAL(R7, 18, 19, 16, 17)
	TOTAL(R11, 24, 25, 20, 21)
	TOTAL(R12, 26, 27, 22, 23)
	SUBS $1, R9
	BNE  tile
	MOVD R0, R7
	STORE(R7, 16, 17)
	ADD  R13, R7, R7
	STORE(R7, 20, 21)
	ADD  R13, R7, R7
	STORE(R7, 22, 23)
	ADD  $32, R0
	ADD  $32, R2
	SUBS $8, R4
	BNE  rows
	RET

// func addProducts4x1NEON(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int)
TEXT ·addProducts4x1NEON(SB), NOSPLIT, $0-72
	MOVD  dst+0(FP), R0
	MOVD  ldd+8(FP), R13
	MOVD  f+16(FP), R1
	MOVD  ldf+24(FP), R14
	MOVD  c+32(FP), R2
	MOVD  stride+40(FP), R3
	MOVD  rows+48(FP), R4
	MOVD  tiles+56(FP), R5
	MOVD  steps+64(FP), R6
	LSL   $2, R13, R13
	LSL   $2, R3, R3
	VMOVI $15, V31.B16

rows:
	MOVD R1, R7
	VLD1R (R7), [V16.S4]
	VMOV  V16.B16, V17.B16
	ADD   $4, R7
	MOVD R2, R8
	MOVD R5, R9

tile:
	ZERO(V18)
	ZERO(V19)
	MOVD R6, R10

step:
	VLD1 (R8), [V0.B16, V1.B16]
	ADD  R3, R8
	VLD1.P 8(R7), [V2.B8]
	PLANE0
	DOT(0, 2, 18, 19)
	PLANE(4)
	DOT(1, 2, 18, 19)
	SUBS $1, R10
	BNE  step
	TOTAL(R7, 18, 19, 16, 17)
	SUBS $1, R9
	BNE  tile
	MOVD R0, R7
	STORE(R7, 16, 17)
	ADD  $32, R0
	ADD  $32, R2
	SUBS $8, R4
	BNE  rows
	RET

// func addProducts4x3NEON(dst *float32, ldd int, f *byte, ldf int, c *byte, stride, rows, tiles, steps int)
TEXT ·addProducts4x3NEON(SB), NOSPLIT, $0-72
	MOVD  dst+0(FP), R0
	MOVD  ldd+8(FP), R13
	MOVD  f+16(FP), R1
	MOVD  ldf+24(FP), R14
	MOVD  c+32(FP), R2
	MOVD  stride+40(FP), R3
	MOVD  rows+48(FP), R4
	MOVD  tiles+56(FP), R5
	MOVD  steps+64(FP), R6
	LSL   $2, R13, R13
	LSL   $2, R3, R3
	VMOVI $15, V31.B16

rows:
	MOVD R1, R7
	ADD  R14, R7, R11
	ADD  R14, R11, R12
	VLD1R (R7), [V16.S4]
	VMOV  V16.B16, V17.B16
	ADD   $4, R7
	VLD1R (R11), [V20.S4]
	VMOV  V20.B16, V21.B16
	ADD   $4, R11
	VLD1R (R12), [V22.S4]
	VMOV  V22.B16, V23.B16
	ADD   $4, R12
	MOVD R2, R8
	MOVD R5, R9

tile:
	ZERO(V18)
	ZERO(V19)
	ZERO(V24)
	ZERO(V25)
	ZERO(V26)
	ZERO(V27)
	MOVD R6, R10

step:
	VLD1 (R8), [V0.B16, V1.B16]
	ADD  R3, R8
	VLD1.P 8(R7), [V2.B8]
	VLD1.P 8(R11), [V28.B8]
	VLD1.P 8(R12), [V29.B8]
	PLANE0
	DOT(0, 2, 18, 19)
	DOT(0, 28, 24, 25)
	DOT(0, 29, 26, 27)
	PLANE(4)
	DOT(1, 2, 18, 19)
	DOT(1, 28, 24, 25)
	DOT(1, 29, 26, 27)
	SUBS $1, R10
	BNE  step
	TOTAL(R7, 18, 19, 16, 17)
	TOTAL(R11, 24, 25, 20, 21)
	TOTAL(R12, 26, 27, 22, 23)
	SUBS $1, R9
	BNE  tile
	MOVD R0, R7
	STORE(R7, 16, 17)
	ADD  R13, R7, R7
	STORE(R7, 20, 21)
	ADD  R13, R7, R7
	STORE(R7, 22, 23)
	ADD  $32, R0
	ADD  $32, R2
	SUBS $8, R4
	BNE  rows
	RET
