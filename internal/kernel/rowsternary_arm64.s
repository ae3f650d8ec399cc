//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"
#include "rowsk_arm64.h"

// Rows of the ternary types by one token, see rowsk_arm64.h; ternary.go has the layouts of the blocks. There are no scales but
// dw: products are added up in V17 and V21, which begin with Σq or -Σq.

// OWNSUMS loads sums of 32 q each to V6.
#define OWNSUMS \
	VLD1.P 32(R14), [V6.H8, V7.H8] \
	VADD   V7.H8, V6.H8, V6.H8

// PLANETQ2_0 adds the products of the lowest two bits of 32 bytes.
#define PLANETQ2_0 \
	VLD1.P 32(R12), [V24.B16, V25.B16] \
	VAND   V31.B16, V0.B16, V4.B16     \
	VAND   V31.B16, V1.B16, V5.B16     \
	SDOT(24, 4, 17)                    \
	SDOT(25, 5, 21)

#define NEXTTQ2_0 \
	VUSHR $2, V0.B16, V0.B16 \
	VUSHR $2, V1.B16, V1.B16 \
	PLANETQ2_0

// HALFTQ2_0 is 128 weights in 32 bytes.
#define HALFTQ2_0 \
	VLD1.P 32(R8), [V0.B16, V1.B16] \
	PLANETQ2_0                      \
	NEXTTQ2_0                       \
	NEXTTQ2_0                       \
	NEXTTQ2_0

// func rowsTQ2_0NEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)
TEXT ·rowsTQ2_0NEON(SB), NOSPLIT, $0-64
	ARGSK
	VMOVI $3, V31.B16

row:
	ROWK

block:
	ADD  $64, R8, R10
	BEGINK(R10)
	OWNSUMS
	VSUB V6.H8, V17.H8, V6.H8
	SXTL4S(6, 17)
	SXTL24S(6, 21)
	HALFTQ2_0
	HALFTQ2_0
	ADD  $2, R8
	ENDK(SCVTF4, block, row)

// DIGIT adds the products of q with the highest digits of the bytes of x, less 1: a digit is 2, less 1 for each of 86 and 171,
// in V30 and V31, that is larger than the byte. The 1 that remains is for the Σq that V17 and V21 begin with. q and x are
// numbers of vectors.
#define DIGIT(x, q) \
	CMHI16B(x, 30, 4) \
	CMHI16B(x, 31, 5) \
	SDOT(q, 4, 17)    \
	SDOT(q, 5, 21)

// TIMES3 takes the highest digits of the bytes of v away.
#define TIMES3(v) \
	VADD v.B16, v.B16, V4.B16 \
	VADD V4.B16, v.B16, v.B16

#define DIGITS32 \
	VLD1.P 32(R12), [V24.B16, V25.B16] \
	DIGIT(0, 24)                       \
	DIGIT(1, 25)

#define DIGITS16 \
	VLD1.P 16(R12), [V24.B16] \
	DIGIT(2, 24)

#define NEXT32 \
	TIMES3(V0) \
	TIMES3(V1) \
	DIGITS32

#define NEXT16 \
	TIMES3(V2) \
	DIGITS16

// func rowsTQ1_0NEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)
TEXT ·rowsTQ1_0NEON(SB), NOSPLIT, $0-64
	ARGSK
	VMOVI $86, V30.B16
	VMOVI $171, V31.B16
	VMOVQ $0x0303030301010101, $0x1b1b1b1b09090909, V29 // 1, 3, 9, 27

row:
	ROWK

block:
	ADD     $52, R8, R10
	BEGINK(R10)
	OWNSUMS
	SXTL4S(6, 17)
	SXTL24S(6, 21)
	VLD1.P  32(R8), [V0.B16, V1.B16]
	VLD1.P  16(R8), [V2.B16]
	VLD1R.P 4(R8), [V3.S4]
	DIGITS32
	NEXT32
	NEXT32
	NEXT32
	NEXT32
	DIGITS16
	NEXT16
	NEXT16
	NEXT16
	NEXT16
	MUL16B(29, 3, 3)
	VLD1.P  16(R12), [V24.B16]
	DIGIT(3, 24)
	ADD     $2, R8
	ENDK(SCVTF4, block, row)
