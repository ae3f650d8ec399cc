//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// exp(x) = 2^n·e^r with n = round(x/ln2), |r| ≤ ln2/2. n·ln2 is taken away in two parts, the first of which has few enough
// bits for an exact product; e^r = 1 + r + r²·p(r) with p of degree 5 (Cephes, expf); 2^n goes into the exponent in two
// steps, so that subnormal and infinite results come out right. The error is below 1.3 units in the last place.

DATA expTable<>+0(SB)/4, $0xc2d00000  // -104: its exponential rounds to 0
DATA expTable<>+4(SB)/4, $0x42b20000  // 89: its exponential is infinite
DATA expTable<>+8(SB)/4, $0x3fb8aa3b  // 1/ln2
DATA expTable<>+12(SB)/4, $0x3f318000 // 0.693359375
DATA expTable<>+16(SB)/4, $0xb95e8083 // ln2 - 0.693359375
DATA expTable<>+20(SB)/4, $0x3f800000 // 1
DATA expTable<>+24(SB)/4, $127
DATA expTable<>+28(SB)/4, $0x39506967 // 1.9875691500e-4
DATA expTable<>+32(SB)/4, $0x3ab743ce // 1.3981999507e-3
DATA expTable<>+36(SB)/4, $0x3c088908 // 8.3334519073e-3
DATA expTable<>+40(SB)/4, $0x3d2aa9c1 // 4.1665795894e-2
DATA expTable<>+44(SB)/4, $0x3e2aaaaa // 1.6666665459e-1
DATA expTable<>+48(SB)/4, $0x3f000000 // 5.0000001201e-1
GLOBL expTable<>(SB), NOPTR|RODATA, $52

// EXPTABLE loads the table to V16–V28.
#define EXPTABLE(r) \
	MOVD    $expTable<>(SB), r \
	VLD1R.P 4(r), [V16.S4]     \
	VLD1R.P 4(r), [V17.S4]     \
	VLD1R.P 4(r), [V18.S4]     \
	VLD1R.P 4(r), [V19.S4]     \
	VLD1R.P 4(r), [V20.S4]     \
	VLD1R.P 4(r), [V21.S4]     \
	VLD1R.P 4(r), [V22.S4]     \
	VLD1R.P 4(r), [V23.S4]     \
	VLD1R.P 4(r), [V24.S4]     \
	VLD1R.P 4(r), [V25.S4]     \
	VLD1R.P 4(r), [V26.S4]     \
	VLD1R.P 4(r), [V27.S4]     \
	VLD1R.P 4(r), [V28.S4]

// EXP replaces V0 by its exponential; V1–V4 are used. A NaN stays one.
//
//	n = round(x/ln2), r = x - n·ln2
//	p = ((((p0·r + p1)·r + p2)·r + p3)·r + p4)·r + p5
//	e^x = (1 + r + r²·p)·2^(n/2)·2^(n-n/2)
#define EXP \
	FMAX4(16, 0, 0)             \
	FMIN4(17, 0, 0)             \
	FMUL4(18, 0, 1)             \
	FRINTN4(1, 1)               \
	VFMLS V19.S4, V1.S4, V0.S4  \
	VFMLS V20.S4, V1.S4, V0.S4  \
	FCVTZS4(1, 1)               \
	VMOV  V24.B16, V3.B16       \
	VFMLA V0.S4, V23.S4, V3.S4  \
	VMOV  V25.B16, V2.B16       \
	VFMLA V0.S4, V3.S4, V2.S4   \
	VMOV  V26.B16, V3.B16       \
	VFMLA V0.S4, V2.S4, V3.S4   \
	VMOV  V27.B16, V2.B16       \
	VFMLA V0.S4, V3.S4, V2.S4   \
	VMOV  V28.B16, V3.B16       \
	VFMLA V0.S4, V2.S4, V3.S4   \
	FMUL4(0, 0, 4)              \
	FADD4(21, 0, 0)             \
	VFMLA V3.S4, V4.S4, V0.S4   \
	SSHR1(1, 2)                 \
	VSUB  V2.S4, V1.S4, V1.S4   \
	VADD  V22.S4, V2.S4, V2.S4  \
	VADD  V22.S4, V1.S4, V1.S4  \
	VSHL  $23, V2.S4, V2.S4     \
	VSHL  $23, V1.S4, V1.S4     \
	FMUL4(2, 0, 0)              \
	FMUL4(1, 0, 0)

// dst = exp(x - max) and the sum of it.
//
// func expSumNEON(dst, x *float32, n int, max float32) float32
TEXT ·expSumNEON(SB), NOSPLIT, $0-36
	MOVD  dst+0(FP), R0
	MOVD  x+8(FP), R1
	MOVD  n+16(FP), R2
	FMOVS max+24(FP), F29
	VDUP  V29.S[0], V29.S4
	EXPTABLE(R3)
	ZERO(V30)

four:
	VLD1.P 16(R1), [V0.S4]
	FSUB4(29, 0, 0)
	EXP
	VST1.P [V0.S4], 16(R0)
	FADD4(0, 30, 30)
	SUBS   $4, R2
	BNE    four
	FADDP4(30, 30, 30)
	FADDP4(30, 30, 30)
	FMOVS  F30, ret+32(FP)
	RET

// dst = gate/(1 + e^-gate)·up.
//
// func siluMulNEON(dst, gate, up *float32, n int)
TEXT ·siluMulNEON(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD gate+8(FP), R1
	MOVD up+16(FP), R2
	MOVD n+24(FP), R3
	EXPTABLE(R4)

four:
	VLD1.P 16(R1), [V5.S4]
	FNEG4(5, 0)
	EXP
	VLD1.P 16(R2), [V6.S4]
	FADD4(21, 0, 0)
	FDIV4(0, 5, 5)
	FMUL4(6, 5, 5)
	VST1.P [V5.S4], 16(R0)
	SUBS   $4, R3
	BNE    four
	RET

// dst = gate/(1 + e^z)·up with z = -2·√(2/π)·(gate + 0.044715·gate³), as tanh(u) = 2/(1+e^-2u) - 1.
//
// func geluMulNEON(dst, gate, up *float32, n int)
TEXT ·geluMulNEON(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD gate+8(FP), R1
	MOVD up+16(FP), R2
	MOVD n+24(FP), R3
	EXPTABLE(R4)
	MOVW $0xbfcc422a, R4 // -2·√(2/π)
	VDUP R4, V29.S4
	MOVW $0xbd922279, R4 // -2·√(2/π)·0.044715
	VDUP R4, V30.S4

four:
	VLD1.P 16(R1), [V5.S4]
	FMUL4(5, 5, 1)
	VMOV   V29.B16, V0.B16
	VFMLA  V30.S4, V1.S4, V0.S4
	FMUL4(5, 0, 0)
	EXP
	VLD1.P 16(R2), [V6.S4]
	FADD4(21, 0, 0)
	FDIV4(0, 5, 5)
	FMUL4(6, 5, 5)
	VST1.P [V5.S4], 16(R0)
	SUBS   $4, R3
	BNE    four
	RET

// func sumSquaresNEON(x *float32, n int) float32
TEXT ·sumSquaresNEON(SB), NOSPLIT, $0-20
	MOVD x+0(FP), R0
	MOVD n+8(FP), R1
	ZERO(V4)
	ZERO(V5)
	ZERO(V6)
	ZERO(V7)

sixteen:
	VLD1.P 64(R0), [V0.S4, V1.S4, V2.S4, V3.S4]
	VFMLA  V0.S4, V0.S4, V4.S4
	VFMLA  V1.S4, V1.S4, V5.S4
	VFMLA  V2.S4, V2.S4, V6.S4
	VFMLA  V3.S4, V3.S4, V7.S4
	SUBS   $16, R1
	BNE    sixteen
	FADD4(5, 4, 4)
	FADD4(7, 6, 6)
	FADD4(6, 4, 4)
	FADDP4(4, 4, 4)
	FADDP4(4, 4, 4)
	FMOVS  F4, ret+16(FP)
	RET
