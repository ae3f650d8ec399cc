//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"
#include "rowsk_arm64.h"
#include "rowslattice_arm64.h"

// Rows of IQ2 and IQ3 by one token, see rowsk_arm64.h; iq.go has the layouts of the blocks.
//
//	V6, V7 bits of signs, 128 each, V22, V23 bytes of signs; V12 further bits of numbers of points; V13–V15 of SPREAD;
//	V30 ones, to make sc = 2s+1, V31 a mask

// BYTES4 takes the numbers of four points from the bytes of r from bit at on.
#define BYTES4(r, at) \
	UBFX $(at), r, $8, R16    \
	UBFX $(at+8), r, $8, R17  \
	UBFX $(at+16), r, $8, R20 \
	UBFX $(at+24), r, $8, R21

// POINTS4 sets v to four points of four coordinates.
#define POINTS4(v) \
	FMOVD (R9)(R16<<3), F0    \
	FMOVD (R9)(R17<<3), F1    \
	FMOVD (R9)(R20<<3), F2    \
	FMOVD (R9)(R21<<3), F3    \
	VZIP1 V1.S4, V0.S4, v.S4  \
	VZIP1 V3.S4, V2.S4, V2.S4 \
	VMOV  V2.D[0], v.D[1]

// NEGATE negates the weights of V4 and V5 whose bits are set in a word of signs.
#define NEGATE(word) \
	VDUP word, V22.S4            \
	SPREAD(V22, V23, V22)        \
	VEOR V23.B16, V4.B16, V4.B16 \
	VEOR V22.B16, V5.B16, V5.B16 \
	VSUB V23.B16, V4.B16, V4.B16 \
	VSUB V22.B16, V5.B16, V5.B16

// EVEN puts a bit on top of the seven of each byte of v that makes the number of those set even.
#define EVEN(v) \
	VCNT v.B16, V0.B16 \
	VSLI $7, V0.B16, v.B16

// WORDS takes four words apart, with four times seven bits of signs and four bits of s each: v gets 128 signs, sc scales. V31
// has 127.
#define WORDS(v, sc) \
	VUSHR $27, v.S4, sc.S4        \
	VUSHR $7, v.S4, V0.S4         \
	VUSHR $14, v.S4, V1.S4        \
	VUSHR $21, v.S4, V2.S4        \
	VSLI  $8, V0.S4, v.S4         \
	VSLI  $16, V1.S4, v.S4        \
	VSLI  $24, V2.S4, v.S4        \
	VAND  V31.B16, v.B16, v.B16   \
	VORR  V30.B16, sc.B16, sc.B16 \
	EVEN(v)

#define WORDCONSTANTS \
	SPREADCONSTANTS     \
	VMOVI $127, V31.B16 \
	VMOVI $1, V30.B16   \
	VUSHR $24, V30.S4, V30.S4

// ODDNIBBLES makes 16 scales, int8, of the halves of eight bytes in V4, of which the low ones come first. V31 has 15.
#define ODDNIBBLES \
	VUSHR $4, V4.B16, V5.B16      \
	VAND  V31.B16, V4.B16, V4.B16 \
	VZIP1 V5.B16, V4.B16, V4.B16  \
	VADD  V4.B16, V4.B16, V4.B16  \
	VORR  V30.B16, V4.B16, V4.B16

#define ODDCONSTANTS \
	SPREADCONSTANTS    \
	VMOVI $15, V31.B16 \
	VMOVI $1, V30.B16

// GROUPIQ2_XXS is 32 weights, with four bytes of points.
#define GROUPIQ2_XXS(at, word, i, s, sum) \
	MOVWU at(R8), R22 \
	BYTES4(R22, 0)    \
	POINTS8           \
	NEGATE(word)      \
	RUN32(i, s, sum)

#define HALFIQ2_XXS(v, s) \
	GROUPIQ2_XXS(0, v.S[0], 0, s, 17)  \
	GROUPIQ2_XXS(8, v.S[1], 1, s, 21)  \
	GROUPIQ2_XXS(16, v.S[2], 2, s, 17) \
	GROUPIQ2_XXS(24, v.S[3], 3, s, 21) \
	ADD $32, R8

// func rowsIQ2_XXSNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)
TEXT ·rowsIQ2_XXSNEON(SB), NOSPLIT, $0-64
	ARGSK
	WORDCONSTANTS
	MOVD ·gridIQ2XXS(SB), R9

row:
	ROWK

block:
	BEGINK(R8)
	ADD  $34, R8, R10
	ADD  $2, R8
	VLD2 (R10), [V6.S4, V7.S4] // points, words
	VLD2 (R8), [V5.S4, V6.S4]
	WORDS(V6, V8)
	WORDS(V7, V9)
	HALFIQ2_XXS(V6, 8)
	HALFIQ2_XXS(V7, 9)
	ENDK(EIGHTHS4, block, row)

// GROUPIQ2_XS is 32 weights, with four times 16 bits, nine of a point and seven of signs.
#define GROUPIQ2_XS(word, i, s) \
	MOVD.P 8(R8), R22 \
	NUMBERS4(R22, 9)  \
	POINTS8           \
	NEGATE(word)      \
	PAIR16(4, 5, i, s)

// func rowsIQ2_XSNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)
TEXT ·rowsIQ2_XSNEON(SB), NOSPLIT, $0-64
	ARGSK
	ODDCONSTANTS
	MOVD ·gridIQ2XS(SB), R9

row:
	ROWK

block:
	BEGINK(R8)
	ADD    $2, R8
	MOVD   R8, R10
	VLD1.P 64(R10), [V0.B16, V1.B16, V2.B16, V3.B16]
	VLD1   (R10), [V4.B8]
	VUZP2  V1.B16, V0.B16, V6.B16
	VUZP2  V3.B16, V2.B16, V7.B16
	VUSHR  $1, V6.B16, V6.B16
	VUSHR  $1, V7.B16, V7.B16
	EVEN(V6)
	EVEN(V7)
	ODDNIBBLES
	WIDEN16
	GROUPIQ2_XS(V6.S[0], 0, 8)
	GROUPIQ2_XS(V6.S[1], 2, 8)
	GROUPIQ2_XS(V6.S[2], 0, 9)
	GROUPIQ2_XS(V6.S[3], 2, 9)
	GROUPIQ2_XS(V7.S[0], 0, 10)
	GROUPIQ2_XS(V7.S[1], 2, 10)
	GROUPIQ2_XS(V7.S[2], 0, 11)
	GROUPIQ2_XS(V7.S[3], 2, 11)
	ADD  $8, R8
	ENDK(EIGHTHS4, block, row)

#define GROUPIQ2_S(r, word, i, s) \
	NUMBERS4(r, 10) \
	POINTS8         \
	NEGATE(word)    \
	PAIR16(4, 5, i, s)

// HALFIQ2_S is 128 weights, whose points are in low. The four bytes of high, a word of V12, have two more bits for four points
// each: V26 takes them four times, V27 shifts them down.
#define HALFIQ2_S(low, high, v, s, t) \
	VDUP high, V0.S4               \
	VTBL V26.B16, [V0.B16], V0.B16 \
	USHL16B(27, 0, 0)              \
	ZIPPED(low, V0)                \
	GROUPIQ2_S(R22, v.S[0], 0, s)  \
	GROUPIQ2_S(R23, v.S[1], 2, s)  \
	GROUPIQ2_S(R24, v.S[2], 0, t)  \
	GROUPIQ2_S(R25, v.S[3], 2, t)

// func rowsIQ2_SNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)
TEXT ·rowsIQ2_SNEON(SB), NOSPLIT, $0-64
	ARGSK
	ODDCONSTANTS
	VMOVQ $0x0101010100000000, $0x0303030302020202, V26
	VMOVQ $0xfafcfe00fafcfe00, $0xfafcfe00fafcfe00, V27 // 0, -2, -4, -6
	MOVD  ·gridIQ2S(SB), R9

row:
	ROWK

block:
	BEGINK(R8)
	ADD    $2, R8
	VLD1.P 16(R8), [V18.B16]
	VLD1.P 16(R8), [V20.B16]
	VLD1.P 32(R8), [V6.B16, V7.B16]
	VLD1.P 8(R8), [V12.B8]
	VLD1.P 8(R8), [V4.B8]
	ODDNIBBLES
	WIDEN16
	HALFIQ2_S(V18, V12.S[0], V6, 8, 9)
	HALFIQ2_S(V20, V12.S[1], V7, 10, 11)
	ENDK(EIGHTHS4, block, row)

// GROUPIQ3_XXS is 32 weights, with eight bytes of points.
#define GROUPIQ3_XXS(word, i, s, sum) \
	MOVD.P 8(R8), R22 \
	BYTES4(R22, 0)    \
	POINTS4(V4)       \
	BYTES4(R22, 32)   \
	POINTS4(V5)       \
	NEGATE(word)      \
	RUN32(i, s, sum)

// func rowsIQ3_XXSNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)
TEXT ·rowsIQ3_XXSNEON(SB), NOSPLIT, $0-64
	ARGSK
	WORDCONSTANTS
	MOVD ·gridIQ3XXS(SB), R9

row:
	ROWK

block:
	BEGINK(R8)
	ADD  $66, R8, R10
	ADD  $2, R8
	VLD1 (R10), [V6.B16, V7.B16]
	WORDS(V6, V8)
	WORDS(V7, V9)
	GROUPIQ3_XXS(V6.S[0], 0, 8, 17)
	GROUPIQ3_XXS(V6.S[1], 1, 8, 21)
	GROUPIQ3_XXS(V6.S[2], 2, 8, 17)
	GROUPIQ3_XXS(V6.S[3], 3, 8, 21)
	GROUPIQ3_XXS(V7.S[0], 0, 9, 17)
	GROUPIQ3_XXS(V7.S[1], 1, 9, 21)
	GROUPIQ3_XXS(V7.S[2], 2, 9, 17)
	GROUPIQ3_XXS(V7.S[3], 3, 9, 21)
	ADD  $32, R8
	ENDK(QUARTERS4, block, row)

#define GROUPIQ3_S(a, b, word, i, s, sum) \
	NUMBERS4(a, 9) \
	POINTS4(V4)    \
	NUMBERS4(b, 9) \
	POINTS4(V5)    \
	NEGATE(word)   \
	RUN32(i, s, sum)

// PAIRIQ3_S is 64 weights, whose points are in the next 16 bytes. The two bytes of high, a word of V12, have the ninth bits.
#define PAIRIQ3_S(high, word, next, i, s) \
	VLD1.P 16(R8), [V1.B16]              \
	VDUP   high, V0.H8                   \
	VTBL   V13.B16, [V0.B16], V0.B16     \
	VCMTST V15.B16, V0.B16, V0.B16       \
	ZIPPED(V1, V0)                       \
	GROUPIQ3_S(R22, R23, word, i, s, 17) \
	GROUPIQ3_S(R24, R25, next, i+1, s, 21)

// func rowsIQ3_SNEON(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)
TEXT ·rowsIQ3_SNEON(SB), NOSPLIT, $0-64
	ARGSK
	ODDCONSTANTS
	MOVD ·gridIQ3S(SB), R9

row:
	ROWK

block:
	BEGINK(R8)
	ADD    $66, R8, R10
	ADD    $2, R8
	VLD1.P 8(R10), [V12.B8]
	VLD1.P 32(R10), [V6.B16, V7.B16]
	VLD1   (R10), V4.S[0]
	ODDNIBBLES
	WIDEN8
	PAIRIQ3_S(V12.H[0], V6.S[0], V6.S[1], 0, 8)
	PAIRIQ3_S(V12.H[1], V6.S[2], V6.S[3], 2, 8)
	PAIRIQ3_S(V12.H[2], V7.S[0], V7.S[1], 0, 9)
	PAIRIQ3_S(V12.H[3], V7.S[2], V7.S[3], 2, 9)
	ADD  $44, R8
	ENDK(SCVTF4, block, row)
