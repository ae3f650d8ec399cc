//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"
#include "rowsk_arm64.h"
#include "rowslattice_arm64.h"

// Rows of IQ1 by one token, see rowsk_arm64.h; iq.go has the layouts of the blocks. A weight is its coordinate in the table
// less 7 or less 9. In IQ1_S a group of 32 has one of both, so that all of it goes with Σq; in IQ1_M eight weights have, whose
// coordinates become 2 more where it is 7, and 9 go with Σq.
//
//	V26 takes each of two words four times, V27 shifts the four; V30 and V31 make sc = 2s+1

#define CONSTANTSIQ1 \
	VMOVQ $0x0100010001000100, $0x0302030203020302, V26 \
	VMOVQ $0x000e000e000e000e, $0x000e000e000e000e, V30 \
	VMOVQ $0x0001000100010001, $0x0001000100010001, V31

// ODD makes sc = 2s+1 of v, which has s in bits 1 to 3.
#define ODD(v) \
	VAND V30.B16, v.B16, v.B16 \
	VORR V31.B16, v.B16, v.B16

#define GROUPIQ1_S(r, i, s, sum) \
	NUMBERS4(r, 11) \
	POINTS8         \
	RUN32(i, s, sum)

// PAIRIQ1_S is 64 weights: of their two words each three bits are put above a byte of a point.
#define PAIRIQ1_S(pair, widen, bytes, i, s) \
	VDUP pair, V0.S4               \
	VTBL V26.B16, [V0.B16], V0.B16 \
	USHL8H(27, 0, 0)               \
	widen $0, bytes, V2.H8         \
	VSLI $8, V0.H8, V2.H8          \
	VMOV V2.D[0], R22              \
	VMOV V2.D[1], R23              \
	GROUPIQ1_S(R22, i, s, 17)      \
	GROUPIQ1_S(R23, i+1, s, 21)

// func rowsIQ1_SNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)
TEXT ·rowsIQ1_SNEON(SB), NOSPLIT, $0-64
	ARGSK
	CONSTANTSIQ1
	VMOVQ $0xfff7fffafffd0000, $0xfff7fffafffd0000, V27 // 0, -3, -6, -9
	VMOVQ $0x0007000700070007, $0x0007000700070007, V15
	MOVD  ·gridIQ1S(SB), R9

row:
	ROWK

block:
	BEGINK(R8)
	ADD    $2, R8
	VLD1.P 32(R8), [V10.B16, V11.B16]
	VLD1.P 16(R8), [V12.H8]
	VUSHR  $11, V12.H8, V5.H8
	ODD(V5)
	VUSHLL  $0, V5.H4, V8.S4
	VUSHLL2 $0, V5.H8, V9.S4
	SSHR15(12, 4)
	VADD   V4.H8, V4.H8, V4.H8  // -2 or 0
	VSUB   V4.H8, V15.H8, V4.H8 // 9 or 7
	MUL8H(4, 5, 5)
	SUMS32(5)
	PAIRIQ1_S(V12.S[0], VUSHLL, V10.B8, 0, 8)
	PAIRIQ1_S(V12.S[1], VUSHLL2, V10.B16, 2, 8)
	PAIRIQ1_S(V12.S[2], VUSHLL, V11.B8, 0, 9)
	PAIRIQ1_S(V12.S[3], VUSHLL2, V11.B16, 2, 9)
	VSUB V18.S4, V17.S4, V17.S4
	ENDK(EIGHTHS4, block, row)

// GROUPIQ1_M is 32 weights. The word plus has a byte for each eight, with the highest bit set where they are to be 2 more, and
// the next one clear; the lowest three bits of coordinates are clear.
#define GROUPIQ1_M(r, plus, i, s) \
	NUMBERS4(r, 11)                \
	POINTS8                        \
	VDUP plus, V0.S4               \
	VTBL V13.B16, [V0.B16], V1.B16 \
	VTBL V14.B16, [V0.B16], V0.B16 \
	VSRI $6, V1.B16, V4.B16        \
	VSRI $6, V0.B16, V5.B16        \
	PAIR16(4, 5, i, s)

// HALFIQ1_M is 128 weights, with bytes of points, and their halves of bytes in the low halves of bytes. V15 has highest bits.
#define HALFIQ1_M(low, halves, s, t) \
	ZIPPED(low, halves)            \
	VSHL $4, halves.B16, V6.B16    \
	BIC16B(6, 15, 6)               \
	GROUPIQ1_M(R22, V6.S[0], 0, s) \
	GROUPIQ1_M(R23, V6.S[1], 2, s) \
	GROUPIQ1_M(R24, V6.S[2], 0, t) \
	GROUPIQ1_M(R25, V6.S[3], 2, t)

// SCALESIQ1_M sets sc, int16, from two words with four times three bits each.
#define SCALESIQ1_M(words, sc, n) \
	VDUP words, sc.S4              \
	VTBL V26.B16, [sc.B16], sc.B16 \
	USHL8H(27, n, n)               \
	ODD(sc)

// V22 puts the four quarters of dw into their places.
//
// func rowsIQ1_MNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)
TEXT ·rowsIQ1_MNEON(SB), NOSPLIT, $0-64
	ARGSK
	SPREADCONSTANTS
	CONSTANTSIQ1
	VMOVQ $0xfff8fffbfffe0001, $0xfff8fffbfffe0001, V27 // 1, -2, -5, -8
	VMOVQ $0x000c000800040000, $0x0000000000000000, V22
	VMOVI $128, V15.B16
	MOVD  ·gridIQ1S(SB), R9

row:
	ROWK

block:
	ADD    $48, R8, R10
	VLD1   (R10), [V23.B8]
	VUSHR  $12, V23.H8, V19.H8
	USHL8H(22, 19, 19)
	VADDV  V19.H8, V19
	STARTK
	SCALESIQ1_M(V23.S[0], V5, 5)
	SCALESIQ1_M(V23.S[1], V4, 4)
	SUMS16(5, 4)
	WIDEN
	VLD1.P 16(R8), [V20.B16]
	VLD1.P 16(R8), [V23.B16]
	VLD1   (R8), [V12.B16]
	VUSHR  $4, V12.B16, V7.B16
	VZIP1  V7.B16, V12.B16, V6.B16
	VZIP2  V7.B16, V12.B16, V7.B16
	HALFIQ1_M(V20, V6, 8, 9)
	HALFIQ1_M(V23, V7, 10, 11)
	ADD  $24, R8
	VSUB V18.S4, V17.S4, V17.S4
	VSHL $3, V18.S4, V18.S4
	VSUB V18.S4, V17.S4, V17.S4
	ENDK(EIGHTHS4, block, row)
