//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// SCALED makes floats of the integers of v and multiplies them by V31.
#define SCALED(v) \
	SCVTF4(v, v)   \
	FMUL4(31, v, v)

// func f16ToF32NEON(dst *float32, src *uint16, n int)
TEXT ·f16ToF32NEON(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD n+16(FP), R2

eight:
	VLD1.P 16(R1), [V0.H8]
	FCVTL(0, 1)
	FCVTL2(0, 2)
	VST1.P [V1.S4, V2.S4], 32(R0)
	SUBS   $8, R2
	BNE    eight
	RET

// func f32ToF16NEON(dst *uint16, src *float32, n int)
TEXT ·f32ToF16NEON(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD n+16(FP), R2

eight:
	VLD1.P 32(R1), [V0.S4, V1.S4]
	FCVTN(0, 2)
	FCVTN2(1, 2)
	VST1.P [V2.H8], 16(R0)
	SUBS   $8, R2
	BNE    eight
	RET

// Per block of 32 int8 q and an exponent e: the half floats q·2^e.
//
// func blockFloatToF16NEON(dst *uint16, src *byte, blocks int)
TEXT ·blockFloatToF16NEON(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD blocks+16(FP), R2

block:
	VLD1.P  32(R1), [V0.B16, V1.B16]
	MOVB.P  1(R1), R3
	ADDW    $127, R3, R3
	LSLW    $23, R3, R3
	VDUP    R3, V31.S4
	SXTL8H(0, 2)
	SXTL28H(0, 3)
	SXTL8H(1, 4)
	SXTL28H(1, 5)
	SXTL4S(2, 16)
	SXTL24S(2, 17)
	SXTL4S(3, 18)
	SXTL24S(3, 19)
	SXTL4S(4, 20)
	SXTL24S(4, 21)
	SXTL4S(5, 22)
	SXTL24S(5, 23)
	SCALED(16)
	SCALED(17)
	SCALED(18)
	SCALED(19)
	SCALED(20)
	SCALED(21)
	SCALED(22)
	SCALED(23)
	FCVTN(16, 0)
	FCVTN2(17, 0)
	FCVTN(18, 1)
	FCVTN2(19, 1)
	FCVTN(20, 2)
	FCVTN2(21, 2)
	FCVTN(22, 3)
	FCVTN2(23, 3)
	VST1.P  [V0.H8, V1.H8, V2.H8, V3.H8], 64(R0)
	SUBS    $1, R2
	BNE     block
	RET
