//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"
#include "rowsk_arm64.h"

// Rows of the K types by one token, see rowsk_arm64.h.

#define MASKSK4 \
	MOVD $0x3f3f3f3f, R23 \
	MOVD $0x0f0f0f0f, R24 \
	MOVD $0x30303030, R25

// SCALESK4 reads the 16 bytes at R8: half floats dw and dmin, and eight sc and eight mn of six bits, as described at
// scalesK4. It sets V2 and V3 to sc as int32, V18 to partial sums of mn·Σq, and V19 to d·dw and d·dmin.
//
//	sc 0–3 = a & 3f, sc 4–7 = c & 0f | a>>2 & 30; mn 0–3 = b & 3f, mn 4–7 = c>>4 & 0f | b>>2 & 30, in each byte
#define SCALESK4 \
	MOVWU   4(R8), R20                \
	MOVWU   8(R8), R21                \
	MOVWU   12(R8), R22               \
	VLD1    (R8), V19.S[0]            \
	ADD     $16, R8                   \
	AND     R23, R20, R16             \
	AND     R24, R22, R17             \
	LSR     $2, R20, R20              \
	AND     R25, R20, R20             \
	ORR     R20, R17, R17             \
	ORR     R17<<32, R16, R16         \
	VMOV    R16, V4.D[0]              \
	AND     R23, R21, R16             \
	LSR     $4, R22, R22              \
	AND     R24, R22, R22             \
	LSR     $2, R21, R21              \
	AND     R25, R21, R21             \
	ORR     R21, R22, R22             \
	ORR     R22<<32, R16, R16         \
	VMOV    R16, V5.D[0]              \
	VUSHLL  $0, V4.B8, V4.H8          \
	VUSHLL  $0, V4.H4, V2.S4          \
	VUSHLL2 $0, V4.H8, V3.S4          \
	VUSHLL  $0, V5.B8, V5.H8          \
	SUMS32(5)                         \
	STARTK

// SUMSK4 adds (d·dw)·Σ sc·Σ c·q and (d·dmin)·Σ mn·Σ q to the two lanes of y.
#define SUMSK4 \
	VADD  V21.S4, V17.S4, V17.S4 \
	VADDP V18.S4, V17.S4, V17.S4 \
	VADDP V17.S4, V17.S4, V17.S4 \
	SCVTF4(17, 17)               \
	VFMLA V19.S2, V17.S2, V16.S2

// GROUPS32 adds sc[i]·(V4, V5)·(V24, V25) and sc[i+1]·(V0, V1)·(V26, V27), sc in vector s.
#define GROUPS32(i, s) \
	ZERO(V28)          \
	ZERO(V29)          \
	SDOT(24, 4, 28)    \
	SDOT(26, 0, 29)    \
	SDOT(25, 5, 28)    \
	SDOT(27, 1, 29)    \
	MLAE(i, s, 28, 17) \
	MLAE(i+1, s, 29, 21)

// Q4_K: 16 bytes of scales, four times 32 bytes with the codes of 64 weights: 32 in the low halves, 32 in the high ones.
#define GROUPSQ4_K(i, s) \
	VLD1.P 32(R8), [V0.B16, V1.B16]                         \
	VLD1.P 64(R12), [V24.B16, V25.B16, V26.B16, V27.B16]    \
	VAND   V31.B16, V0.B16, V4.B16                          \
	VAND   V31.B16, V1.B16, V5.B16                          \
	VUSHR  $4, V0.B16, V0.B16                               \
	VUSHR  $4, V1.B16, V1.B16                               \
	GROUPS32(i, s)

// func rowsQ4_KNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)
TEXT ·rowsQ4_KNEON(SB), NOSPLIT, $0-64
	ARGSK
	MASKSK4
	VMOVI $15, V31.B16

row:
	ROWK

block:
	SCALESK4
	GROUPSQ4_K(0, 2)
	GROUPSQ4_K(2, 2)
	GROUPSQ4_K(0, 3)
	GROUPSQ4_K(2, 3)
	SUMSK4
	SUBS $1, R15
	BNE  block
	NEXTROWK(row)

// Q5_K: 16 bytes of scales, 32 bytes of fifth bits, eight per byte for as many groups, then as Q4_K. The fifth bits, in V22
// and V23, move down one place per group; SLI puts their low ones above the four others, the mask takes the rest away.
#define GROUPSQ5_K(i, s) \
	VLD1.P 32(R8), [V0.B16, V1.B16]                         \
	VLD1.P 64(R12), [V24.B16, V25.B16, V26.B16, V27.B16]    \
	VMOV   V0.B16, V4.B16                                   \
	VMOV   V1.B16, V5.B16                                   \
	VUSHR  $4, V0.B16, V0.B16                               \
	VUSHR  $4, V1.B16, V1.B16                               \
	VSLI   $4, V22.B16, V4.B16                              \
	VSLI   $4, V23.B16, V5.B16                              \
	VUSHR  $1, V22.B16, V22.B16                             \
	VUSHR  $1, V23.B16, V23.B16                             \
	VSLI   $4, V22.B16, V0.B16                              \
	VSLI   $4, V23.B16, V1.B16                              \
	VUSHR  $1, V22.B16, V22.B16                             \
	VUSHR  $1, V23.B16, V23.B16                             \
	VAND   V31.B16, V4.B16, V4.B16                          \
	VAND   V31.B16, V5.B16, V5.B16                          \
	VAND   V31.B16, V0.B16, V0.B16                          \
	VAND   V31.B16, V1.B16, V1.B16                          \
	GROUPS32(i, s)

// func rowsQ5_KNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)
TEXT ·rowsQ5_KNEON(SB), NOSPLIT, $0-64
	ARGSK
	MASKSK4
	VMOVI $31, V31.B16

row:
	ROWK

block:
	SCALESK4
	VLD1.P 32(R8), [V22.B16, V23.B16]
	GROUPSQ5_K(0, 2)
	GROUPSQ5_K(2, 2)
	GROUPSQ5_K(0, 3)
	GROUPSQ5_K(2, 3)
	SUMSK4
	SUBS $1, R15
	BNE  block
	NEXTROWK(row)

// PAIR6 is PAIR16 for codes with the low bits of V22 and V23 still to be put on top of the four others.
#define PAIR6(a, na, b, nb, i, s) \
	VSLI   $4, V22.B16, a.B16          \
	VSLI   $4, V23.B16, b.B16          \
	VAND   V31.B16, a.B16, a.B16       \
	VAND   V31.B16, b.B16, b.B16       \
	PAIR16(na, nb, i, s)

#define NEXT6 \
	VUSHR $2, V22.B16, V22.B16 \
	VUSHR $2, V23.B16, V23.B16

// HALF6 is 128 weights: 64 bytes at R8 with four bits each, the first 64 weights in the low halves, and 32 bytes at R10 with
// the two others of every 32 weights.
#define HALF6(s, t) \
	VLD1.P 64(R8), [V0.B16, V1.B16, V2.B16, V3.B16] \
	VLD1.P 32(R10), [V22.B16, V23.B16]              \
	VMOV   V0.B16, V4.B16                           \
	VMOV   V1.B16, V5.B16                           \
	PAIR6(V4, 4, V5, 5, 0, s)                       \
	NEXT6                                           \
	VMOV   V2.B16, V4.B16                           \
	VMOV   V3.B16, V5.B16                           \
	PAIR6(V4, 4, V5, 5, 2, s)                       \
	NEXT6                                           \
	VUSHR  $4, V0.B16, V0.B16                       \
	VUSHR  $4, V1.B16, V1.B16                       \
	PAIR6(V0, 0, V1, 1, 0, t)                       \
	NEXT6                                           \
	VUSHR  $4, V2.B16, V2.B16                       \
	VUSHR  $4, V3.B16, V3.B16                       \
	PAIR6(V2, 2, V3, 3, 2, t)

// Q6_K: 128 bytes of four bits, 64 bytes of two, 16 int8 sc, half d; c = code - 32, so that
// Σ_g sc·Σ c·q = Σ_g sc·Σ code·q − 32·Σ_g sc·Σ q.
//
// func rowsQ6_KNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)
TEXT ·rowsQ6_KNEON(SB), NOSPLIT, $0-64
	ARGSK
	VMOVI $63, V31.B16

row:
	ROWK

block:
	ADD  $128, R8, R10
	ADD  $192, R8, R9
	VLD1.P 16(R9), [V4.B16]
	WIDEN16
	SUMS16(5, 4)
	BEGINK(R9)
	HALF6(8, 9)
	HALF6(10, 11)
	ADD  $82, R8
	VSHL $5, V18.S4, V18.S4
	VSUB V18.S4, V17.S4, V17.S4
	ENDK(SCVTF4, block, row)

// Q2_K: 16 bytes of scales, sc in the low halves, mn in the high ones; twice 32 bytes with the codes of 128 weights, two bits
// each of 32 weights; half floats dw and dmin.
#define PLANEQ2_K(i, s) \
	VAND  V31.B16, V0.B16, V4.B16 \
	VAND  V31.B16, V1.B16, V5.B16 \
	VUSHR $2, V0.B16, V0.B16      \
	VUSHR $2, V1.B16, V1.B16      \
	PAIR16(4, 5, i, s)

#define HALFQ2_K(s, t) \
	VLD1.P 32(R8), [V0.B16, V1.B16] \
	PLANEQ2_K(0, s)                 \
	PLANEQ2_K(2, s)                 \
	PLANEQ2_K(0, t)                 \
	PLANEQ2_K(2, t)

// func rowsQ2_KNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)
TEXT ·rowsQ2_KNEON(SB), NOSPLIT, $0-64
	ARGSK
	VMOVI $15, V30.B16
	VMOVI $3, V31.B16

row:
	ROWK

block:
	ADD    $80, R8, R10
	VLD1   (R10), V19.S[0]
	STARTK
	VLD1.P 16(R8), [V4.B16]
	VUSHR  $4, V4.B16, V0.B16
	VUSHLL2 $0, V0.B16, V1.H8
	VUSHLL $0, V0.B8, V0.H8
	SUMS16(0, 1)
	VAND   V30.B16, V4.B16, V4.B16
	WIDEN16
	HALFQ2_K(8, 9)
	HALFQ2_K(10, 11)
	ADD  $4, R8
	SUMSK4
	SUBS $1, R15
	BNE  block
	NEXTROWK(row)

// Q3_K: 32 bytes of third bits, eight per byte for as many runs of 32 weights, 64 bytes of the two others as in Q2_K, 12 bytes
// of scales as described at k23.go, half float dw; c = code - 4. The third bits, in V22 and V23, move down one place per
// run.
#define PLANEQ3_K(i, s) \
	VMOV  V0.B16, V4.B16          \
	VMOV  V1.B16, V5.B16          \
	VSLI  $2, V22.B16, V4.B16     \
	VSLI  $2, V23.B16, V5.B16     \
	VAND  V31.B16, V4.B16, V4.B16 \
	VAND  V31.B16, V5.B16, V5.B16 \
	PAIR16(4, 5, i, s)            \
	VUSHR $1, V22.B16, V22.B16    \
	VUSHR $1, V23.B16, V23.B16

#define NEXTQ3_K(i, s) \
	VUSHR $2, V0.B16, V0.B16 \
	VUSHR $2, V1.B16, V1.B16 \
	PLANEQ3_K(i, s)

#define HALFQ3_K(s, t) \
	VLD1.P 32(R8), [V0.B16, V1.B16] \
	PLANEQ3_K(0, s)                 \
	NEXTQ3_K(2, s)                  \
	NEXTQ3_K(0, t)                  \
	NEXTQ3_K(2, t)

// SIXBITS sets V4 to sc, int8: the lowest four bits there, and on top the lowest two of V5, less 32. V27 has 32, V30 15.
#define SIXBITS \
	VAND  V30.B16, V4.B16, V4.B16 \
	VSHL  $6, V5.B16, V5.B16      \
	VUSHR $2, V5.B16, V5.B16      \
	VORR  V5.B16, V4.B16, V4.B16  \
	VSUB  V27.B16, V4.B16, V4.B16

// SCALESQ3_K sets V4 to sc of the 12 bytes at R10: halves of eight bytes, and two bits each of four bytes, which V26 shifts
// down.
#define SCALESQ3_K \
	VLD1.P 8(R10), [V4.B8]    \
	VLD1R.P 4(R10), [V5.S4]   \
	VUSHR  $4, V4.B16, V0.B16 \
	VMOV   V0.D[0], V4.D[1]   \
	USHL4S(26, 5, 5)          \
	SIXBITS

// func rowsQ3_KNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)
TEXT ·rowsQ3_KNEON(SB), NOSPLIT, $0-64
	ARGSK
	VMOVQ $0xfffffffe00000000, $0xfffffffafffffffc, V26 // 0, -2, -4, -6
	VMOVI $32, V27.B16
	VMOVI $15, V30.B16
	VMOVI $7, V31.B16

row:
	ROWK

block:
	ADD    $96, R8, R10
	SCALESQ3_K
	WIDEN16
	SUMS16(5, 4)
	BEGINK(R10)
	VLD1.P 32(R8), [V22.B16, V23.B16]
	HALFQ3_K(8, 9)
	HALFQ3_K(10, 11)
	ADD  $14, R8
	VSHL $2, V18.S4, V18.S4
	VSUB V18.S4, V17.S4, V17.S4
	ENDK(SCVTF4, block, row)

// RUNIQ4_XS is 16 bytes with the codes of 32 weights, 16 in the low halves, 16 in the high ones; V31 has their values.
#define RUNIQ4_XS(i, s, sum) \
	VLD1.P 16(R8), [V0.B16]          \
	VAND   V30.B16, V0.B16, V4.B16   \
	VUSHR  $4, V0.B16, V5.B16        \
	VTBL   V4.B16, [V31.B16], V4.B16 \
	VTBL   V5.B16, [V31.B16], V5.B16 \
	RUN32(i, s, sum)

// IQ4_XS: half float dw, 6 bytes of scales as described at iq4.go, 8 times 16 bytes of codes; c = values[code]. Of the first
// eight bytes V12 and V13 take those with four and with two bits of each sc, V14 and V26 shift them down.
//
// func rowsIQ4_XSNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)
TEXT ·rowsIQ4_XSNEON(SB), NOSPLIT, $0-64
	ARGSK
	VMOVQ $0x0707060605050404, $0, V12
	VMOVQ $0x0303030302020202, $0, V13
	VMOVQ $0xfc00fc00fc00fc00, $0, V14 // 0, -4
	VMOVQ $0xfafcfe00fafcfe00, $0, V26 // 0, -2, -4, -6
	VMOVI $32, V27.B16
	VMOVI $15, V30.B16
	MOVD  $·iq4Values(SB), R9
	VLD1  (R9), [V31.B16]

row:
	ROWK

block:
	BEGINK(R8)
	VLD1.P 8(R8), [V0.B8]
	VTBL   V12.B16, [V0.B16], V4.B16
	VTBL   V13.B16, [V0.B16], V5.B16
	USHL16B(14, 4, 4)
	USHL16B(26, 5, 5)
	SIXBITS
	WIDEN8
	RUNIQ4_XS(0, 8, 17)
	RUNIQ4_XS(1, 8, 21)
	RUNIQ4_XS(2, 8, 17)
	RUNIQ4_XS(3, 8, 21)
	RUNIQ4_XS(0, 9, 17)
	RUNIQ4_XS(1, 9, 21)
	RUNIQ4_XS(2, 9, 17)
	RUNIQ4_XS(3, 9, 21)
	ENDK(SCVTF4, block, row)
